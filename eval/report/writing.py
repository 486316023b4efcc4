"""Computes a report and writes it into a folder, each file whole.

Into the folder of an older report files are written one by one, and only files that the older
report wrote are removed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
from tqdm.auto import tqdm

from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.report import clips, descriptions, page, plots, sheets, tables
from gradnet_tf.eval.results import discovery, marks
from gradnet_tf.eval.scoring import evaluate, loading
from gradnet_tf.eval.scoring.summary import Evaluation
from gradnet_tf.files import disk

MANIFEST = "report.json"
FORMAT = "gradnet_tf report"
PAGE = "index.html"
_SHEETS_PART = 3  # Of the page's bytes for images, contact sheets get one part of so many.
_SHEET_QUALITY = 70

Pair = tuple[int, int]  # Places of two trackers.


@dataclasses.dataclass(frozen=True)
class Options:
    """What a report is asked for; see the flags of the same names.

    Raises a ValueError if a value is missing or wrong.
    """

    results: Sequence[str]
    output: str
    trackers: Optional[Sequence[str]] = None
    convention: Optional[str] = None
    protocol: Optional[str] = None
    compare: Optional[Sequence[str]] = None
    formats: Sequence[str] = ("png", "svg")
    tiles: int = 12
    page_mb: float = 12.0
    page_frames: int = 150
    samples: int = 2000

    def __post_init__(self):
        for name in ("results", "output"):
            if not getattr(self, name):
                raise ValueError(f"--{name} is missing")
        unknown = sorted(set(self.formats) - set(plots.FORMATS))
        if unknown:
            raise ValueError(f"--formats: {unknown[0]!r} is none of {', '.join(plots.FORMATS)}")
        if self.compare and not len(self.compare) == len(set(self.compare)) == 2:
            raise ValueError(f"--compare needs two trackers, got {','.join(self.compare)!r}")


def write(options: Options, dataset: Dataset) -> tuple[Evaluation, Sequence[str], Path]:
    """Measures results and writes the report.

    Returns:
        The numbers, notes on what was left out, and the page.

    Raises:
        ImportError: If plots are asked for, and matplotlib is missing.
        OSError: If something cannot be read or written.
        ValueError: If results and data set do not fit.
    """
    if options.formats:
        plots.check_available()
    output = _check_output(Path(disk.local_path(options.output)))
    how = (options.protocol, options.convention, options.samples)
    loaded, evaluation = compute(dataset, options.results, options.trackers, *how)
    if not loaded.dataset.has_images:
        options = dataclasses.replace(options, tiles=0)
    pair = _choose_pair(evaluation, options.compare)
    with tqdm(total=4, unit="part", desc="report") as bar:
        files = _make_tables(evaluation, pair)
        bar.update()
        if options.formats:
            drawn = plots.draw_all(evaluation, pair, options.formats)
            files.update({f"plots/{name}": content for name, content in drawn.items()})
        bar.update()
        made, pictures = _make_sheets(evaluation, pair, options)
        files.update(made)
        bar.update()
        rules = [
            ("Sequences", descriptions.describe_coverage(loaded.dataset)),
            ("Counting", descriptions.describe_convention(evaluation)),
            ("Frames", descriptions.describe_ranges(loaded.dataset)),
            ("Intervals", descriptions.describe_intervals(loaded.dataset, options.samples)),
            ("Machine", descriptions.describe_machines(evaluation.trackers)),
            ("Data set", f"{loaded.dataset.name} in {loaded.dataset.root}"),
        ]
        content = (evaluation, rules, loaded.notes)
        budget = int(options.page_mb * 1e6)
        budget -= clips.size_in_page(*(picture.content for picture in pictures))
        cuts = clips.make_clips(evaluation, budget, options.page_frames)
        files[PAGE] = page.render(*content, cuts, pictures, pair or ()).encode()
        files["summary.json"] = _json(_summary(evaluation, rules, loaded.notes))
        _write_files(output, files)
        bar.update()
    return evaluation, loaded.notes, output / PAGE


def compute(
    dataset: Dataset,
    results: Sequence[str],
    trackers: Optional[Sequence[str]] = None,
    protocol: Optional[str] = None,
    convention: Optional[str] = None,
    samples: int = 2000,
) -> tuple[loading.Loaded, Evaluation]:
    """Reads results in folders and computes the numbers; see the flags of the same names.

    Raises an OSError or a ValueError if there are none that can be used.
    """
    found = discovery.find_results(results)
    loaded = loading.load(dataset, loading.choose(dataset, found, trackers or None, protocol))
    convention = convention or dataset.convention
    return loaded, evaluate.evaluate(loaded.dataset, loaded.trackers, convention, samples=samples)


def _choose_pair(evaluation: Evaluation, names: Optional[Sequence[str]]) -> Optional[Pair]:
    """Returns the places of the two trackers that are compared, the best two by default."""
    places = {tracker.name: place for place, tracker in enumerate(evaluation.trackers)}
    if not names:
        return (0, 1) if len(places) > 1 else None
    found = []
    for name in names:
        place = places.get(name, places.get(name + loading.MIXED))
        if place is None:
            raise ValueError(f"--compare: there is no tracker {name!r} among {', '.join(places)}")
        found.append(place)
    return found[0], found[1]


def _make_tables(evaluation: Evaluation, pair: Optional[Pair]) -> dict[str, bytes]:
    made = [tables.overview(evaluation), tables.speed(evaluation)]
    for measure in evaluation.by_sequence:
        made.append(tables.sequences(evaluation, measure))
        if evaluation.attributes:
            made.append(tables.attributes(evaluation, measure))
    if pair:
        made.append(tables.comparison(evaluation, *pair, evaluation.by_sequence[0]))
    return {
        f"tables/{table.name}.{suffix}": convert(table).encode()
        for table in made
        for suffix, convert in tables.FORMATS.items()
    }


def _make_sheets(
    evaluation: Evaluation, pair: Optional[Pair], options: Options
) -> tuple[dict[str, bytes], list[page.Picture]]:
    """Draws the contact sheets; returns their files, and those for the page, as many as fit."""
    # File, title, trackers, numbers that choose the moments, whether the highest.
    jobs: list[tuple[str, str, tuple[int, ...], Sequence[np.ndarray], bool]] = []
    if pair:
        names = " and ".join(evaluation.trackers[place].name for place in pair)
        values = sheets.iou_differences(evaluation, *pair)
        jobs.append(("differences", f"Largest differences: {names}", pair, values, True))
    stems = _file_stems([tracker.name for tracker in evaluation.trackers])
    for place, (stem, tracker) in enumerate(zip(stems, evaluation.trackers)):
        title = f"moments of {tracker.name}"
        jobs.append((f"{stem}_worst", f"Worst {title}", (place,), tracker.overlaps, False))
        jobs.append((f"{stem}_best", f"Best {title}", (place,), tracker.overlaps, True))
    left = int(options.page_mb * 1e6) // _SHEETS_PART
    files, pictures = {}, []
    for stem, title, places, shown_values, best in jobs if options.tiles else ():
        moments = sheets.find_moments(shown_values, options.tiles, best=best)
        if not moments:
            continue
        image = sheets.contact_sheet(evaluation, places, moments)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        files[f"sheets/{stem}.png"] = buffer.getvalue()
        content = clips.encode_jpeg(image, _SHEET_QUALITY)
        if clips.size_in_page(content) <= left:
            left -= clips.size_in_page(content)
            shown = [evaluation.trackers[place].name for place in places]
            colours = [f"{name} {colour}" for name, colour in zip(shown, ("red", "blue"))]
            caption = ", ".join(["Ground truth green", *colours])
            caption += f"; IoU {' : '.join(shown)}." if len(shown) > 1 else "."
            pictures.append(page.Picture(title, caption, content, image.size))
    return files, pictures


def _file_stems(names: Sequence[str]) -> list[str]:
    """Makes names of files, each of them once whatever the file system thinks of capitals."""
    stems: list[str] = []
    for name in names:
        stem = unique = re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("._") or "tracker"
        number = 2
        while unique.lower() in map(str.lower, stems):
            unique, number = f"{stem}_{number}", number + 1
        stems.append(unique)
    return stems


def _summary(evaluation: Evaluation, rules, notes) -> dict[str, Any]:
    keys = ("name", "totals", "intervals", "attributes", "values", "provenance")
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
                **{key: getattr(one, key) for key in keys},
                "speed": one.speed and dataclasses.asdict(one.speed),
            }
            for one in evaluation.trackers
        ],
    }


def _json(content: Any) -> bytes:
    return (json.dumps(page.plain(content, 9), indent=1, ensure_ascii=False) + "\n").encode()


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
    """Returns the files of a report and their hashes; None if the folder holds no report."""
    found = (marks.read_json(folder / MANIFEST, FORMAT) or {}).get("files")
    return found if isinstance(found, dict) else None


def _write_files(output: Path, files: Mapping[str, bytes]) -> None:
    """Writes the files and a manifest of them, and removes what is left of an older report."""
    older = _read_manifest(output) or {}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    for name in files:
        (output / name).parent.mkdir(parents=True, exist_ok=True)

    def write_manifest(listed: Mapping[str, str]) -> None:
        content = {"format": FORMAT, "version": 1, "files": dict(sorted(listed.items()))}
        disk.write_bytes(output / MANIFEST, _json(content))

    # First, so that a folder in which a report was stopped midway is known as one.
    write_manifest({**older, **digests})
    for name, content in files.items():
        disk.write_bytes(output / name, content)
    for name in older.keys() - digests.keys():
        # Only what the older report wrote, and nobody changed since.
        path = output / name
        if ".." not in Path(name).parts and path.is_file():
            if hashlib.sha256(path.read_bytes()).hexdigest() == older[name]:
                path.unlink()
    write_manifest(digests)
