"""VOT: regions of 4 and 8 numbers, the list, both places of images, tags, and broken folders."""

import numpy as np
import pytest

from gradnet_tf.datasets import vot
from tests.helpers import benchmarks
from tests.helpers.benchmarks import only

# A square of side 10 that stands on a corner, around (20, 30); in turn from the top.
HALF = np.sqrt(50)
DIAMOND = (20, 30 - HALF, 20 + HALF, 30, 20, 30 + HALF, 20 - HALF, 30)
UPRIGHT = (10, 20, 40, 20, 40, 60, 10, 60)


def _make(root, name, rows=(UPRIGHT,) * 3, place="", count=None):
    folder = root / name
    benchmarks.images(folder / place, range(1, (count or len(rows)) + 1), digits=8)
    text = "\n".join(",".join(f"{number:.6f}" for number in row) for row in rows)
    (folder / "groundtruth.txt").write_text(text + "\n")
    return folder


def _list(root, *names):
    (root / "list.txt").write_text("\n".join(names))


@pytest.mark.parametrize("place", ["", "color"])
def test_layout(tmp_path, place):
    folder = _make(tmp_path, "ants1", [DIAMOND, UPRIGHT, UPRIGHT], place)
    _list(tmp_path, "ants1")
    found = only(vot.read(str(tmp_path), year=2018))
    assert found.frames[0] == str(folder / place / "00000001.jpg")
    # Coordinates are counted from 0 already.
    np.testing.assert_allclose(found.regions, [DIAMOND, UPRIGHT, UPRIGHT], atol=1e-5)
    # The diamond's rectangle has sides of 14.14 px and twice its area: 10 px remain, and 1 more.
    np.testing.assert_allclose(found.boxes[0], [14.5, 24.5, 11, 11], atol=1e-5)
    np.testing.assert_allclose(found.boxes[1], [9.5, 19.5, 31, 41], atol=1e-5)


def test_rectangles_of_vot2013_stay_as_they_are(tmp_path):
    _make(tmp_path, "bicycle", [(10, 20, 30, 40), (11, 20, 30, 40)])
    found = only(vot.read(str(tmp_path), year=2013))
    np.testing.assert_array_equal(found.boxes, [[10, 20, 30, 40], [11, 20, 30, 40]])
    assert found.regions is None


def test_both_kinds_of_regions(tmp_path):
    path = tmp_path / "groundtruth.txt"
    path.write_text("10,20,30,40\n" + ",".join(map(str, UPRIGHT)) + "\n")
    boxes, corners = vot.load_regions(str(path))
    np.testing.assert_array_equal(boxes, [[10, 20, 30, 40], [9.5, 19.5, 31, 41]])
    np.testing.assert_array_equal(corners, [UPRIGHT, UPRIGHT])
    boxes, corners = vot.load_regions(str(path), origin=1)
    np.testing.assert_array_equal(boxes, [[9, 19, 30, 40], [8.5, 18.5, 31, 41]])
    np.testing.assert_array_equal(corners, np.array([UPRIGHT, UPRIGHT]) - 1)


def test_region_without_area():
    np.testing.assert_array_equal(vot.equal_area_boxes([(5, 7) * 4]), [[4.5, 6.5, 1, 1]])
    assert vot.equal_area_boxes(np.zeros((0, 8))).shape == (0, 4)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "holds no regions"),
        ("1,2,3,4\n1,2,3\n", "line 2: '1,2,3' is not 4 or 8 numbers"),
        ("1,2,3,4,5,6\n", "line 1"),
        ("m10,20,30,40,1\n", "line 1"),  # A mask, as VOT2020 has them.
        ("1,2,3,4\n\n1,2,3,4\n", "line 2"),
        ("31,0 26,0 24,0 20,0\n", "line 1: .*commas are no decimal points"),
        ("31,0,26,0,24,0,20,0\n32,5,26,0,24,0,20,0\n", "line 1: .*commas as decimal points"),
    ],
)
def test_broken_regions(tmp_path, text, message):
    path = tmp_path / "groundtruth.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"groundtruth.txt.*{message}"):
        vot.load_regions(str(path))


def test_list_says_which_and_in_which_order(tmp_path):
    for name in ("a", "b", "c"):
        _make(tmp_path, name)
    _list(tmp_path, "c", "a", "x")
    dataset = vot.read(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["c", "a"]
    ((name, detail),) = dataset.problems
    assert name == "x" and "list.txt names it" in detail and "x/groundtruth.txt" in detail


def test_workspace_of_the_vot_toolkit(tmp_path):
    _make(tmp_path / "sequences", "a", place="color")
    _list(tmp_path / "sequences", "a")
    dataset = vot.read(str(tmp_path), year=2019)
    assert (dataset.name, dataset.root) == ("vot2019", str(tmp_path / "sequences"))


def test_tags(tmp_path):
    folder = _make(tmp_path, "a")
    (folder / "camera_motion.tag").write_text("0\n1\n1\n")
    (folder / "occlusion.label").write_text("1\n")  # The rest is 0.
    (folder / "size_change.tag").write_text("")
    (folder / "practical.value").write_text("0.5\n")
    tags = only(vot.read(str(tmp_path))).tags
    assert {name: values.tolist() for name, values in tags.items()} == {
        "camera_motion": [False, True, True],
        "occlusion": [True, False, False],
        "size_change": [False, False, False],
    }


def test_tags_that_are_not_flags(tmp_path):
    for name, text in (("half", "0.5\n"), ("comma", "0,0\n1,0\n"), ("two", "2\n")):
        (_make(tmp_path, name) / "occlusion.tag").write_text(text)
    _make(tmp_path, "good")
    problems = dict(vot.read(str(tmp_path)).problems)
    assert sorted(problems) == ["comma", "half", "two"]
    assert all("occlusion.tag is not" in detail for detail in problems.values())


def test_folders_that_the_list_does_not_name(tmp_path):
    for name in ("a", "b", "c"):
        _make(tmp_path, name)
    _list(tmp_path, "a")
    dataset = vot.read(str(tmp_path), year=2018)
    assert dataset.remarks == (f"b, c: not in {tmp_path / 'list.txt'}",)
    assert dataset.coverage == "1 of 60 sequences"


def test_broken_sequences(tmp_path):
    _make(tmp_path, "good")
    _make(tmp_path, "few", count=2)
    _make(tmp_path, "many", count=4)
    (_make(tmp_path, "gap") / "00000002.jpg").unlink()
    (_make(tmp_path, "long") / "occlusion.tag").write_text("0\n" * 4)
    (_make(tmp_path, "word") / "occlusion.tag").write_text("yes\n")
    _make(tmp_path, "mask", [(1, 2, 3, 4, 5, 6)])
    dataset = vot.read(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["good"]
    problems = dict(dataset.problems)
    assert problems["few"].endswith("missing: image 3")
    assert problems["many"].endswith("without a box: image 4")
    assert problems["gap"].endswith("missing: image 2")
    assert problems["long"].endswith("occlusion.tag has 4 lines for 3 frames")
    assert "occlusion.tag" in problems["word"] and "line 1" in problems["mask"]


def _encode(mask, x, y):
    """A mask in VOT's run-length encoding: runs of 0 and of 1 in turn, row by row."""
    runs, value = [0], 0
    for px in np.ravel(mask).tolist():
        if px != value:
            runs.append(0)
            value = px
        runs[-1] += 1
    return "m" + ",".join(map(str, (x, y, mask.shape[1], mask.shape[0], *runs)))


def test_masks_are_read_as_their_bounding_boxes(tmp_path):
    mask = np.zeros((6, 8), int)
    mask[1:4, 2:5] = 1
    ring = np.ones((4, 5), int)
    ring[1:3, 1:4] = 0
    single = np.zeros((3, 3), int)
    single[2, 2] = 1
    wraps = np.zeros((4, 4), int)
    wraps[1, 3] = wraps[2, 0] = 1  # One run, in two rows.
    masks = [mask, ring, single, wraps, np.zeros((2, 2), int)]
    lines = [_encode(one, 10, 20) for one in masks] + ["1,2,3,4", "m0,0,0,0,0"]
    path = tmp_path / "groundtruth.txt"
    path.write_text("\n".join(lines) + "\n")
    boxes, corners = vot.load_regions(str(path))
    expected = [(12, 21, 3, 3), (10, 20, 5, 4), (12, 22, 1, 1), (10, 21, 4, 2)]
    none = (np.nan,) * 4
    np.testing.assert_array_equal(boxes, [*expected, none, (1, 2, 3, 4), none])
    assert corners is None


@pytest.mark.parametrize("seed", range(20))
def test_boxes_of_any_mask(seed):
    random = np.random.default_rng(seed)
    mask = (random.random(random.integers(1, 12, 2)) < 0.2).astype(int)
    mask[0, 0] = 1
    numbers = np.array(_encode(mask, 3, 5)[1:].split(","), int)
    rows, columns = np.nonzero(mask)
    expected = [3, 5, columns.max() + 1, rows.max() + 1]
    assert vot.mask_box(numbers).tolist() == expected


@pytest.mark.parametrize("line", ["m1,2,3,4,5", "m1,2,3", "m1,2,3,4,x", "mask", "m1,2,2,2,-1,5"])
def test_broken_masks(tmp_path, line):
    path = tmp_path / "groundtruth.txt"
    path.write_text(f"m1,2,2,2,0,4\n{line}\n")
    with pytest.raises(ValueError, match="groundtruth.txt, line 2: .* is no mask"):
        vot.load_regions(str(path))


def test_vot2020(tmp_path):
    folder = tmp_path / "sequences/agility"
    benchmarks.images(folder / "color", [1, 2], digits=8)
    (folder / "groundtruth.txt").write_text("m10,20,2,2,0,4\nm11,20,2,2,0,4\n")
    (folder / "sequence").write_text("fps=30\nwidth=1280\nheight=720\n")
    _list(tmp_path / "sequences", "agility")
    dataset = vot.read(str(tmp_path), year=2020)
    found = only(dataset)
    assert found.boxes.tolist() == [[10, 20, 2, 2], [11, 20, 2, 2]] and found.regions is None
    assert found.resolution == (1280, 720)
    assert (dataset.name, dataset.protocol, dataset.convention) == ("vot2020", "ope", "vot")
    assert "bounding boxes of the masks" in dataset.rule


def test_annotations_alone(tmp_path):
    folder = _make(tmp_path, "ants1", [DIAMOND, UPRIGHT])
    for image in folder.glob("*.jpg"):
        image.unlink()
    dataset = vot.read(str(tmp_path))
    assert len(only(dataset).frames) == 2 and not dataset.has_images
