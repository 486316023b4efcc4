"""`Tracker`: the tracker as users hold it.

Source: `track.py` of the reference, `run_siamesefc`; the interface is got10k's `init` / `update`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Optional, Union

import numpy as np
import tensorflow as tf

from gradnet_tf.boxes import checks
from gradnet_tf.media import images, markup
from gradnet_tf.tracking.compiled import CompiledStep, shared_step
from gradnet_tf.tracking.config import PRESETS, TrackerConfig
from gradnet_tf.tracking.config import preset as tracker_config
from gradnet_tf.tracking.precision import check_precision
from gradnet_tf.tracking.run import TrackingRun, run_tracker
from gradnet_tf.tracking.state import StepOutput
from gradnet_tf.tracking.target_group import TargetGroup
from gradnet_tf.weights import Weights, load, load_embedded, make_weights

_SHOWN = 4  # Boxes that a tracker's summary names.


class Tracker:
    """GradNet on one target in one video, or on many targets in it.

        tracker = gradnet_tf.Tracker()
        tracker.init(image, (x, y, width, height))
        box = tracker.update(next_image)

    With k boxes [k, 4], `update` gives k boxes; `add` and `drop` change which targets they are of
    between two frames.

    Images are RGB: uint8 arrays [h, w, 3], greyscale, RGBA, floats in 0..1 or 0..255, PIL images,
    tensors or paths; each frame may have a size of its own. Boxes are (x, y, width, height),
    0-based float pixels of the frame.

    Args:
        checkpoint: A directory that `gradnet_tf.convert` or `gradnet_tf.train` wrote, or an .npz
            file by TF1 names; without it, the weights that come with gradnet_tf.
        preset: "reference" (what the authors' code does), "paper", "tuned" (for the weights that
            come with gradnet_tf) or "fast" ("tuned" with less to compute). By default, what the
            checkpoint's card asks for, else "reference".
        config: A `TrackerConfig` of one's own, instead of a preset.
        jit_compile: True (XLA), False (plain graph) or "auto": XLA on a GPU, where it is faster,
            and the plain graph on a CPU, where TensorFlow's own convolutions are.
        precision: "float32", or "bfloat16", "float16" or "int8" (on a CPU only) for the features of
            the search regions; templates and updates stay float32. Faster only where the hardware
            has such instructions.
        weights: Arrays by TF1 name, instead of a checkpoint; the bookkeeping of TF1's moving
            averages may be left out.

    Raises:
        RuntimeError: If TensorFlow does not execute eagerly; `init` and `update` raise it as well.
        ValueError: If the arguments contradict each other, or the checkpoint is not a sound one.
    """

    # The same frames give the same boxes: GOT-10k's and VOT's protocols do not repeat its runs.
    is_deterministic = True

    def __init__(
        self,
        checkpoint: Optional[Union[str, os.PathLike]] = None,
        *,
        preset: Optional[str] = None,  # noqa: A002
        config: Optional[TrackerConfig] = None,
        jit_compile: Union[bool, str] = "auto",
        precision: str = "float32",
        weights: Optional[Mapping[str, np.ndarray]] = None,
    ):
        _check_eager()
        if config is not None and not isinstance(config, TrackerConfig):
            raise TypeError(f"config must be a TrackerConfig, got {type(config).__name__}")
        if preset is not None:
            if config is not None:
                raise ValueError(f"give config or preset={preset!r}, not both")
            config = tracker_config(preset)
        jit_compile = choose_jit(jit_compile)
        check_precision(precision, jit_compile)
        chosen = _choose_weights(checkpoint, weights)
        self.config = config or tracker_config(chosen.card.get("preset", "reference"))
        self.variant = chosen.variant
        self.precision = precision
        self._compiled = shared_step(chosen, self.config, jit_compile, precision)
        self._forget()

    def _forget(self) -> None:
        self._state = None
        self._output: Optional[StepOutput] = None
        self._targets: Optional[TargetGroup] = None
        self._float_scale: Optional[float] = None
        self._frame_shape: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"Tracker({', '.join(f'{name}: {text}' for name, text in self._facts())})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return markup.table("Tracker", self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        presets = [name for name, config in PRESETS.items() if config == self.config]
        facts = [
            ("network", self.variant),
            ("constants", f"preset {presets[0]}" if presets else "of one's own"),
            ("precision", self.precision + (", by XLA" if self._compiled.jit_compile else "")),
        ]
        if not self._frame_shape:
            return [*facts, ("target", "none yet")]
        rounded = [[round(number, 1) for number in box] for box in np.atleast_2d(self.box).tolist()]
        texts = [f"({', '.join(map(str, box))})" for box in rounded[:_SHOWN]]
        texts += [f"and {len(rounded) - _SHOWN} more"] * (len(rounded) > _SHOWN)
        return [*facts, ("target" if len(rounded) == 1 else "targets", ", ".join(texts))]

    def init(self, image, box) -> None:
        """Starts on a target, or starts again on another one.

        Args:
            image: The first frame.
            box: (x, y, width, height) of the target, or [k, 4] of k targets; may reach over the
                frame's border.

        Raises:
            TypeError: If the image is not one of the kinds above.
            ValueError: If image or box cannot be used; the message names the value.
        """
        _check_eager()
        self._forget()
        float_scale = images.float_scale(image)
        frame = images.as_rgb(image, float_range=float_scale)
        box = checks.check_boxes(box, frame.shape[:2])
        if box.ndim == 2:
            self._targets = TargetGroup(self._compiled, [frame], box)
        else:
            first = self._compiled.frame(frame)
            self._state, self._output = self._compiled.one.init(first, tf.constant(box))
            self._compiled.one.warm_up(self._state, first)
        self._float_scale, self._frame_shape = float_scale, frame.shape

    def update(self, image) -> np.ndarray:
        """Tracks the target into the next frame.

        Args:
            image: The frame; the target is searched around the same pixels, whatever the size.

        Returns:
            float64 [4], (x, y, width, height), or [k, 4] in the order of `ids`.

        Raises:
            RuntimeError: If `init` was not called.
            TypeError: If the image is not one of the kinds above.
            ValueError: If the image cannot be used.
        """
        _check_eager()
        frame = self._frame(image, "update()")
        if self._targets is not None:
            self._targets.update([frame])
        else:
            self._state, self._output = self._compiled.one.step(
                self._state, self._compiled.frame(frame)
            )
        self._frame_shape = frame.shape
        return self.box

    def add(self, image, boxes) -> list[int]:
        """Starts on more targets of the same video, beside those that are tracked.

        Args:
            image: The frame that was given last.
            boxes: [n, 4] or [4], (x, y, width, height) of the new targets in it.

        Returns:
            Their numbers, see `ids`.

        Raises:
            RuntimeError: If `init` was not called with boxes [k, 4].
            TypeError: As `update`.
            ValueError: As `init` and `update`, or if the image has another size than the frame that
                was given last; nothing has changed then.
        """
        _check_eager()
        targets = self._many("add()")
        frame = self._frame(image, "add()")
        if frame.shape != self._frame_shape:
            (height, width), (last_height, last_width) = frame.shape[:2], self._frame_shape[:2]
            raise ValueError(
                f"add() takes the frame that was given last, which is {last_width}x{last_height} "
                f"pixels (width x height), got one of {width}x{height}"
            )
        boxes = np.reshape(checks.check_boxes(boxes, frame.shape[:2]), [-1, 4])
        return targets.add([frame], boxes)

    def drop(self, ids) -> None:
        """Stops tracking some of the targets; the others go on as if nothing had been.

        Args:
            ids: Their numbers, or one number, see `ids`.

        Raises:
            RuntimeError: If `init` was not called with boxes [k, 4].
            ValueError: If a number is not tracked, or no target would be left.
        """
        _check_eager()
        targets = self._many("drop()")
        numbers = np.ravel(ids).tolist()
        unknown = [n for n in numbers if isinstance(n, bool) or n not in targets.ids]
        if unknown:
            raise ValueError(f"ids must be of {targets.ids}, got {unknown}, not tracked")
        if len(set(numbers)) == len(targets.ids):
            raise ValueError(f"at least one target must stay, got all of {targets.ids}")
        targets.drop({int(number) for number in numbers})

    @property
    def ids(self) -> list[int]:
        """Numbers of the targets in the order of the boxes; 0 to k - 1 are those of `init`."""
        return list(self._many("ids").ids)

    @property
    def compiled(self) -> CompiledStep:
        """The functions that trackers of the same weights and constants share."""
        return self._compiled

    def _many(self, caller: str) -> TargetGroup:
        if self._targets is None:
            raise RuntimeError(f"{caller} needs many targets: call init(image, boxes [k, 4]) first")
        return self._targets

    def _frame(self, image, caller: str) -> np.ndarray:
        if not self._frame_shape:
            raise RuntimeError(f"{caller} needs a target: call init(image, box) first")
        return images.as_rgb(image, float_range=self._float_scale)

    def __reduce_ex__(self, protocol):
        """Refuses `copy` and `pickle`, which would take the compiled functions apart."""
        raise TypeError(
            "a Tracker cannot be copied or pickled, for its compiled functions belong to this "
            "process: make another one by the same arguments, which shares them"
        )

    @property
    def box(self) -> np.ndarray:
        """The target's last box, float64 [4], (x, y, width, height); [k, 4] of many targets."""
        return self.output.box.numpy()

    @property
    def score(self) -> Union[float, np.ndarray]:
        """Largest SiamFC score of the last frame (`F_max`), NaN in the first; [k] of many."""
        return self._value(self.output.score)

    @property
    def confidence(self) -> Union[float, np.ndarray]:
        """Score relative to those of the first frames, in 0..1; float64 [k] of many targets.

        From 0.5 on the paper calls a result reliable (section 3.5).
        """
        return self._value(self.output.confidence)

    def _value(self, tensor) -> Union[float, np.ndarray]:
        return float(tensor) if self._targets is None else tensor.numpy()

    @property
    def output(self) -> StepOutput:
        """Everything that the last frame gave, as tensors; [k, ...] of many targets.

        Raises:
            RuntimeError: If `init` was not called.
        """
        if self._targets is not None:
            return self._targets.output
        if self._output is None:
            raise RuntimeError("there is no target yet: call init(image, box) first")
        return self._output

    def track(
        self, frames, box, *, progress: bool = False, on_bad_frame: str = "stop"
    ) -> TrackingRun:
        """Tracks a target, or several at once, through a whole video.

        Where it ends early, by Ctrl-C or a frame that cannot be read, the exception has the run so
        far: `except KeyboardInterrupt as error: run = error.run`, or afterwards in a notebook
        `sys.last_value.run`. There is none if it ends in the first frame.

        Args:
            frames: Folder of images, video file, list of paths or images, array [n, h, w, 3], or
                any iterable of images.
            box: (x, y, width, height) of the target in the first frame, or [k, 4] of k targets.
            progress: Whether to show a progress bar with the frames per second.
            on_bad_frame: "stop" raises at a frame that cannot be read; "hold" repeats the last box
                and marks the frame.

        Returns:
            A `TrackingRun`.

        Raises:
            ValueError: As `init` and `update`; also where there are no frames.
        """
        return run_tracker(self, frames, box, progress=progress, on_bad_frame=on_bad_frame)


def _check_eager() -> None:
    if not tf.executing_eagerly():
        raise RuntimeError(
            "a Tracker needs TensorFlow's eager execution: make and call it outside of tf.Graph() "
            "and tf.function, without tf.compat.v1.disable_eager_execution()"
        )


def choose_jit(jit_compile: Union[bool, str]) -> bool:
    """Tells whether XLA compiles, by the argument `jit_compile` of a `Tracker`.

    Raises:
        ValueError: If it is none of True, False and "auto".
    """
    if jit_compile == "auto":
        return bool(tf.config.list_physical_devices("GPU"))
    if not isinstance(jit_compile, bool):
        raise ValueError(f'jit_compile must be True, False or "auto", got {jit_compile!r}')
    return jit_compile


def _choose_weights(checkpoint, weights) -> Weights:
    if weights is not None:
        if checkpoint is not None:
            raise ValueError(f"give checkpoint={os.fspath(checkpoint)!r} or weights, not both")
        return make_weights(weights, source="weights", kind="npz")
    return load_embedded() if checkpoint is None else load(checkpoint)
