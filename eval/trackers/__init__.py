"""The trackers that an evaluation can run."""
