"""The TF1 code's crops: where they are looked for, and what of them is missing or malformed."""

import shutil

import pytest

from gradnet_tf.datasets import siamfc_crops, tracks
from tests.helpers import datasets

VIDEO = "a/ILSVRC2015_train_00000000"


@pytest.fixture
def root(tmp_path):
    return datasets.make_siamfc_crops(tmp_path, videos=2, targets=2)


def _text(root):
    return root / f"Data/VID/train/{VIDEO}.txt"


def test_layout(root):
    reading = siamfc_crops.read_tracks(str(root))
    assert [(t.video, t.track, t.category) for t in reading.tracks] == [
        (VIDEO, "0", "n02691156"),
        (VIDEO, "1", "n02419796"),
        ("b/ILSVRC2015_train_00000001", "0", "n02419796"),
        ("b/ILSVRC2015_train_00000001", "1", "n02131653"),
    ]
    track = reading.tracks[1]
    assert track.frames == (0, 1, 2, 3, 4)
    stem = str(root / "Data/VID/train" / VIDEO / "000003.01.crop")
    assert track.paths[3] == f"{stem}.z.jpg"
    assert track.instance_paths[3] == f"{stem}.x.jpg"
    assert track.boxes[3].tolist() == list(datasets.target_box(0, 1, 3))


def test_three_places_below_one_folder(root, tmp_path):
    """As the curation leaves them: list, text files, and crops in a tree of their own."""
    (tmp_path / "ILSVRC15-curation").mkdir()
    (root / "vid_id_frames.txt").rename(tmp_path / "ILSVRC15-curation/vid_id_frames.txt")
    (tmp_path / "ILSVRC2015_C").mkdir()
    (root / "Data").rename(tmp_path / "ILSVRC2015_C/Data")
    for part in "ab":
        # The folder of the original set has the text files and frames, but no crop.
        crops = tmp_path / "ILSVRC2015_C/Data/VID/train" / part
        original = tmp_path / "ILSVRC2015/Data/VID/train" / part
        for text in list(crops.glob("*.txt")):
            (original / text.stem).mkdir(parents=True)
            (original / text.stem / "000000.JPEG").write_bytes(b"")
            text.rename(original / text.name)
    reading = siamfc_crops.read_tracks(str(tmp_path))
    assert len(reading.tracks) == 4 and not reading.flaws
    assert "/ILSVRC2015_C/" in reading.tracks[0].paths[0]


def test_without_the_folders_above(root):
    (root / "Data/VID/train").rename(root / "crops")
    assert len(siamfc_crops.read_tracks(str(root)).tracks) == 4
    for part in "ab":
        (root / "crops" / part).rename(root / part)
    assert len(siamfc_crops.read_tracks(str(root)).tracks) == 4


@pytest.mark.parametrize("letter", "zx")
def test_half_a_pair_is_passed_over(root, letter):
    (root / f"Data/VID/train/{VIDEO}/000002.01.crop.{letter}.jpg").unlink()
    reading = siamfc_crops.read_tracks(str(root))
    assert reading.tracks[0].frames == (0, 1, 2, 3, 4)
    assert reading.tracks[1].frames == (0, 1, 3, 4)
    assert "000002" not in "".join(reading.tracks[1].paths)
    assert "000002" not in "".join(reading.tracks[1].instance_paths)
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.NO_IMAGE, f"{VIDEO}, track 1: frame 2")
    ]


@pytest.mark.parametrize(
    "line",
    ["0,1,96,72,1,2", "x,1,96,72,1,2,3,4,train/a/v/000009.JPEG", "0,1,96,72,1,2,3,4,train/a/v/no"],
)
def test_malformed_line_is_a_problem(root, line):
    text = _text(root)
    text.write_text(f"{line}\n\n" + text.read_text())
    reading = siamfc_crops.read_tracks(str(root))
    assert len(reading.tracks) == 4 and reading.tracks[0].frames == (0, 1, 2, 3, 4)
    assert [(p.kind, p.where) for p in reading.flaws] == [(tracks.UNREADABLE, f"{text}: line 1")]


def test_empty_box_and_unknown_class(root):
    text = _text(root)
    lines = text.read_text().splitlines()
    lines[0] = "0,0,96,72,1,2,0,4,C:\\Data\\VID\\train\\a\\v\\000000.JPEG"
    lines[2] = lines[2].replace("0,1,", "0,31,", 1)
    text.write_text("\n".join(reversed(lines)))
    reading = siamfc_crops.read_tracks(str(root))
    assert reading.tracks[0].frames == (1, 2, 3, 4)
    assert reading.tracks[0].category == ""
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.EMPTY_BOX, f"{VIDEO}, track 0: frame 0")
    ]


def test_missing_text_and_bad_index_lines(root):
    _text(root).unlink()
    index = root / "vid_id_frames.txt"
    index.write_text(index.read_text() + "b/only-a-path\n\n")
    reading = siamfc_crops.read_tracks(str(root))
    assert {t.video for t in reading.tracks} == {"b/ILSVRC2015_train_00000001"}
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.UNREADABLE, f"{index}: line 3"),
        (tracks.NO_ANNOTATION, VIDEO),
    ]


def test_error_names_what_was_looked_for(tmp_path):
    (tmp_path / "imdb.pkl").write_bytes(b"")
    with pytest.raises(ValueError) as caught:
        siamfc_crops.read_tracks(str(tmp_path))
    for name in ("vid_id_frames.txt", "VIDEO.txt", ".crop.z.jpg", "Data/VID/train", str(tmp_path)):
        assert name in str(caught.value)


def test_thirty_classes():
    assert len(set(siamfc_crops.CLASSES)) == 30


def test_the_validation_set_of_the_curation_is_left_out(tmp_path):
    root = datasets.make_siamfc_crops(tmp_path)
    index = root / "vid_id_frames.txt"
    index.write_text(index.read_text() + "e/ILSVRC2015_val_00000000 4 5\n")
    train = root / "Data/VID/train"
    (train / "e").mkdir()
    for suffix in ("", ".txt"):
        source = train / f"a/ILSVRC2015_train_00000000{suffix}"
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, train / f"e/ILSVRC2015_val_00000000{suffix}")
    reading = siamfc_crops.read_tracks(str(root))
    assert len(reading.tracks) == 3
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.NOT_FOR_TRAINING, "e/ILSVRC2015_val_00000000")
    ]
    assert len(siamfc_crops.read_tracks(str(root), split="all").tracks) == 4


def test_decimal_commas_do_not_shift_columns(root):
    path = _text(root)
    lines = path.read_text().splitlines()
    words = lines[1].split(",", 8)
    words[4] += ",5"  # The last number stands where the path begins.
    path.write_text("\n".join([lines[0], ",".join(words), *lines[2:]]) + "\n")
    reading = siamfc_crops.read_tracks(str(root))
    (problem,) = [p for p in reading.flaws if p.kind == tracks.UNREADABLE]
    assert problem.where == f"{path}: line 2"
