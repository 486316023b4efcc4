"""The command `report`: reads results, computes, and writes a folder of files.

A new folder is made under a temporary name and then renamed. Into the folder of an older report
files are moved one by one, and only files that the older report wrote are removed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Optional

from absl import flags
from tqdm import tqdm

from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.report import clips, facts, page, plots, sheets, tables
from gradnet_tf.eval.results import tracker_results as results_files
from gradnet_tf.eval.scoring import evaluate, loading
from gradnet_tf.eval.scoring.summary import Evaluation
from gradnet_tf.files import disk

MANIFEST = "report.json"
FORMAT = "gradnet_tf report"
PAGE = "index.html"
_SHEETS_PART = 3  # Of the page's bytes for images, contact sheets get one part of so many.
_SHEET_QUALITY = 70
# Bytes in the page besides images: of the player, of a clip in it, of a box with its overlap.
_MARKUP, _MARKUP_PER_CLIP, _BYTES_PER_BOX = 8192, 256, 40


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line asks for; see the flags of the same names."""

    results: tuple[str, ...]
    output: Path
    trackers: Optional[tuple[str, ...]]
    convention: Optional[str]
    protocol: Optional[str]
    compare: Optional[tuple[str, ...]]
    formats: tuple[str, ...]
    tiles: int
    page_bytes: int
    page_frames: int
    page_sequences: Optional[tuple[str, ...]]
    samples: int


def parse(values: flags.FlagValues) -> Options:
    """Checks the flags before any work.

    Raises:
        ImportError: Plots are asked for, and matplotlib is missing.
        OSError: If the output cannot be written.
        ValueError: If a flag is missing or wrong.
    """
    for name in ("results", "output"):
        if not values[name].value:
            raise ValueError(f"--{name} is missing")
    unknown = sorted(set(values.formats) - set(plots.FORMATS))
    if unknown:
        raise ValueError(f"--formats: {unknown[0]!r} is none of {', '.join(plots.FORMATS)}")
    if values.compare and len(set(values.compare)) != 2:
        raise ValueError(f"--compare needs two trackers, got {','.join(values.compare)!r}")
    if values.formats:
        plots.check_available()

    def items(name: str) -> Optional[tuple[str, ...]]:
        return tuple(values[name].value) if values[name].value else None

    return Options(
        results=tuple(values.results),
        output=_check_output(Path(disk.local_path(values.output))),
        trackers=items("trackers"),
        convention=values.convention,
        protocol=values.protocol,
        compare=items("compare"),
        formats=tuple(values.formats),
        tiles=values.tiles,
        page_bytes=int(values.page_mb * 1e6),
        page_frames=values.page_frames,
        page_sequences=items("page_sequences"),
        samples=values.samples,
    )


def write(options: Options, dataset: Dataset) -> Path:
    """Writes a report, and prints its main table.

    Returns:
        The page.

    Raises:
        OSError: If something cannot be read or written.
        ValueError: Results and data set do not fit.
    """
    loaded, evaluation = compute(options, dataset)
    pair = choose_pair(evaluation, options.compare)
    shown = options.page_sequences
    if shown is not None:
        names = [sequence.name for sequence in evaluation.sequences]
        unknown = sorted(set(shown) - set(names))
        if unknown:
            raise ValueError(f"--page_sequences: there is no sequence {', '.join(unknown)}")
        shown = [names.index(name) for name in dict.fromkeys(shown)]
    with _staging(options.output) as folder, tqdm(total=4, unit="part", desc="report") as bar:
        _write_tables(evaluation, pair, folder)
        bar.update()
        if options.formats:
            (folder / "plots").mkdir()
            plots.draw_all(evaluation, pair, folder / "plots", options.formats)
        bar.update()
        pictures = _write_sheets(evaluation, pair, options, folder)
        bar.update()
        rules = [
            ("Sequences", facts.describe_coverage(loaded.dataset)),
            ("Counting", facts.describe_convention(evaluation)),
            ("Frames", facts.describe_ranges(loaded.dataset)),
            ("Intervals", facts.describe_intervals(loaded.dataset, options.samples)),
            ("Machine", facts.describe_machines(evaluation.trackers)),
            ("Data set", f"{loaded.dataset.name} in {loaded.dataset.root}"),
        ]
        content = (evaluation, rules, loaded.notes)
        budget = options.page_bytes - len(page.render(*content, (), pictures, pair).encode())
        budget -= _MARKUP + _MARKUP_PER_CLIP * len(evaluation.sequences)
        overhead = _BYTES_PER_BOX * (1 + len(evaluation.trackers))
        cuts = clips.make_clips(
            evaluation, max(0, budget), options.page_frames, shown, overhead=overhead
        )
        text = page.render(*content, cuts, pictures, pair)
        (folder / PAGE).write_text(text, encoding="utf-8")
        summary = _summary(evaluation, rules, loaded.notes)
        (folder / "summary.json").write_text(_json(summary), encoding="utf-8")
        bar.update()
    print(tables.to_markdown(tables.overview(evaluation)))
    for note in loaded.notes:
        print(f"note: {note}")
    print(f"report: {options.output / PAGE}")
    return options.output / PAGE


def compute(options: Options, dataset: Dataset) -> tuple[loading.Loaded, Evaluation]:
    """Reads the results that the options name, and computes the numbers."""
    found = results_files.find_results(options.results)
    chosen = loading.choose(dataset, found, options.trackers, options.protocol)
    loaded = loading.load(dataset, chosen)
    convention = options.convention or dataset.convention
    evaluation = evaluate.evaluate(
        loaded.dataset, loaded.trackers, convention, samples=options.samples
    )
    return loaded, evaluation


def choose_pair(evaluation: Evaluation, names: Optional[Sequence[str]]) -> tuple[int, ...]:
    """Places of the two trackers that are compared: those named, or the best two; or none.

    Raises:
        ValueError: If a name is unknown.
    """
    places = {tracker.name: place for place, tracker in enumerate(evaluation.trackers)}
    if names is None:
        return (0, 1) if len(places) > 1 else ()
    found = [places.get(name, places.get(name + loading.MIXED)) for name in names]
    if None in found:
        name = names[found.index(None)]
        raise ValueError(f"--compare: there is no tracker {name!r} among {', '.join(places)}")
    return tuple(found)


def _write_tables(evaluation: Evaluation, pair: Sequence[int], folder: Path) -> None:
    made = [tables.overview(evaluation), tables.speed(evaluation)]
    for measure in evaluation.by_sequence:
        made.append(tables.sequences(evaluation, measure))
        if evaluation.attributes:
            made.append(tables.attributes(evaluation, measure))
    if pair:
        made.append(tables.comparison(evaluation, *pair, evaluation.by_sequence[0]))
    (folder / "tables").mkdir()
    for table in made:
        for suffix, convert in tables.FORMATS.items():
            path = folder / "tables" / f"{table.name}.{suffix}"
            path.write_text(convert(table), encoding="utf-8", newline="")


def _write_sheets(
    evaluation: Evaluation, pair: Sequence[int], options: Options, folder: Path
) -> list[page.Picture]:
    """Writes the contact sheets; gives those for the page, as many as fit."""
    if not options.tiles:
        return []
    (folder / "sheets").mkdir()
    made = []
    if pair:
        names = [evaluation.trackers[place].name for place in pair]
        moments = sheets.find_moments(
            sheets.pair_differences(evaluation, *pair), options.tiles, best=True
        )
        if moments:
            image = sheets.pair_sheet(evaluation, *pair, moments)
            caption = f"Truth green, {names[0]} red, {names[1]} blue; IoU {names[0]} : {names[1]}."
            made.append(
                ("differences", f"Largest differences: {' and '.join(names)}", caption, image)
            )
    used: set[str] = set()
    for place, tracker in enumerate(evaluation.trackers):
        stem = _file_stem(tracker.name, used)
        for kind in ("worst", "best"):
            moments = sheets.find_moments(tracker.overlaps, options.tiles, best=kind == "best")
            if moments:
                image = sheets.tracker_sheet(evaluation, place, moments)
                title = f"{kind.capitalize()} moments of {tracker.name}"
                made.append((f"{stem}_{kind}", title, f"Truth green, {tracker.name} red.", image))
    left = options.page_bytes * 3 // 4 // _SHEETS_PART
    pictures = []
    for stem, title, caption, image in made:
        image.save(folder / "sheets" / f"{stem}.png")
        content = clips.encode_jpeg(image, _SHEET_QUALITY)
        if len(content) <= left:
            left -= len(content)
            pictures.append(page.Picture(title, caption, content, image.size))
    return pictures


def _summary(evaluation: Evaluation, rules, notes) -> dict[str, Any]:
    return {
        "dataset": evaluation.title,
        "convention": evaluation.convention,
        "protocol": evaluation.protocol,
        "coverage": evaluation.coverage,
        "sequences_of_benchmark": evaluation.size or None,
        "rules": dict(rules),
        "notes": list(notes),
        "sequences": [sequence.name for sequence in evaluation.sequences],
        "trackers": [
            {
                "name": tracker.name,
                "totals": tracker.totals,
                "intervals": tracker.intervals,
                "attributes": tracker.attributes,
                "values": {key: list(column) for key, column in tracker.values.items()},
                "speed": dataclasses.asdict(tracker.speed) if tracker.speed else None,
                "provenance": tracker.provenance,
            }
            for tracker in evaluation.trackers
        ],
    }


def _json(content: Any) -> str:
    def clean(value):
        if isinstance(value, dict) or hasattr(value, "items"):
            return {str(key): clean(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [clean(item) for item in value]
        if isinstance(value, float):
            return round(float(value), 9) if value == value else None
        return value

    return json.dumps(clean(content), indent=1, ensure_ascii=False) + "\n"


def _file_stem(name: str, used: set[str]) -> str:
    stem = re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("._") or "tracker"
    number = 2
    unique = stem
    while unique.lower() in used:
        unique, number = f"{stem}_{number}", number + 1
    used.add(unique.lower())
    return unique


def _check_output(path: Path) -> Path:
    if path.exists():
        if not path.is_dir():
            raise NotADirectoryError(f"--output {path} is a file; a folder is needed")
        if any(path.iterdir()) and _read_manifest(path) is None:
            raise FileExistsError(
                f"--output {path} holds other files than an older report: give a new folder"
            )
    disk.check_target(path.resolve().parent / ".report")
    return path


def _read_manifest(folder: Path) -> Optional[dict[str, str]]:
    """The files of a report and their hashes; None if the folder holds no report."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_ours = isinstance(content, dict) and content.get("format") == FORMAT
    found = content.get("files") if is_ours else None
    return found if isinstance(found, dict) else None


@contextlib.contextmanager
def _staging(output: Path) -> Iterator[Path]:
    """A new folder beside `output`, whose files get there if the block succeeds."""
    output = output.resolve()
    folder = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".tmp", dir=output.parent))
    try:
        yield folder
        names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        digests = {name: _digest(folder / name) for name in names}
        manifest = {"format": FORMAT, "version": 1, "files": digests}
        (folder / MANIFEST).write_text(_json(manifest), encoding="utf-8")
        if not output.exists():
            folder.chmod(0o777 & ~_umask())
            os.rename(folder, output)
            return
        older = _read_manifest(output) or {}
        for name in [*names, MANIFEST]:
            (output / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / name, output / name)
        for name in older.keys() - digests.keys():
            # Only what the older report wrote, and nobody changed since.
            path = output / name
            if ".." not in Path(name).parts and path.is_file() and _digest(path) == older[name]:
                path.unlink()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
