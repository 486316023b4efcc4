"""The one exception of this package."""


class CheckpointError(ValueError):
    """A checkpoint, npz file or set of weights that cannot be used; the message says why."""
