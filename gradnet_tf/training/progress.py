"""The line that shows how a training goes."""

from __future__ import annotations

from typing import IO, Optional

from tqdm import tqdm


class Progress:
    """A bar on stderr: steps, steps per second, time left, and the latest numbers.

    A context manager. Where it is off, every call does nothing.

    Args:
        total: Steps of the whole training.
        done: Steps that were finished before this run; they do not count for the rate.
        enabled: Whether to show it; None: if stderr is a terminal.
        file: Where to, instead of stderr.
    """

    def __init__(
        self,
        total: int,
        done: int = 0,
        *,
        enabled: Optional[bool] = None,
        file: Optional[IO[str]] = None,
    ):
        self._bar = tqdm(
            total=total,
            initial=done,
            desc="training",
            unit="step",
            dynamic_ncols=True,
            disable=None if enabled is None else not enabled,
            file=file,
        )

    @property
    def enabled(self) -> bool:
        """Whether it is shown; a caller need not compute numbers that are not."""
        return not self._bar.disable

    def update(self, steps: int = 1, **values: Optional[float]) -> None:
        """Counts steps.

        Args:
            steps: How many are finished since the last call.
            **values: Numbers to show behind the bar, such as loss, initial_loss, learning_rate;
                None is left out.
        """
        if self.enabled and values:
            texts = {
                name: f"{float(value):.4g}" for name, value in values.items() if value is not None
            }
            self._bar.set_postfix(texts, refresh=False)
        self._bar.update(steps)

    def write(self, text: str) -> None:
        """Writes a line above the bar, or nowhere if it is off."""
        if self.enabled:
            self._bar.write(text, file=self._bar.fp)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
