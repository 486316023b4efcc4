"""Small data sets in the layouts of training data: real JPEGs, the same at every call.

Every function makes its folders below ``root`` and returns ``root``. The target of track t in frame
f (counted from 0) of video v is the bright rectangle at ``target_box(v, t, f)``; the annotations
say so in the convention of each set.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

FRAME_SIZE = (96, 72)  # width, height
# WordNet ids of ILSVRC VID: airplane, antelope, bear.
WNIDS = ("n02691156", "n02419796", "n02131653")


def target_box(video=0, track=0, frame=0):
    """(x, y, width, height) of a target, 0-based whole px."""
    return (10 + 5 * track + 2 * frame, 8 + 3 * video + 20 * track + frame, 24, 18)


def draw_frame(video=0, frame=0, targets=1):
    """A frame with a smooth random background and one textured rectangle a target."""
    random = np.random.default_rng([video, 17])
    coarse = random.integers(0, 160, (9, 12, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(FRAME_SIZE, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for track in range(targets):
        x, y, width, height = target_box(video, track, frame)
        colour = tuple(int(c) for c in np.random.default_rng([video, track]).integers(170, 256, 3))
        draw.rectangle((x, y, x + width - 1, y + height - 1), fill=colour)
        draw.line((x, y, x + width - 1, y + height - 1), fill=(20, 20, 20), width=2)
    return image


def save_jpeg(image, path):
    """Saves an image as JPEG, and makes the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "JPEG", quality=92)


def box_lines(boxes, delimiter=","):
    """One line a box."""
    return "".join(delimiter.join(f"{number:g}" for number in box) + "\n" for box in boxes)


def make_otb(root, videos=3, frames=5, targets=1):
    """``SEQn/img/0001.jpg``, ``groundtruth_rect.txt`` (or ``.1.txt``, ``.2.txt``), 1-based."""
    root = Path(root)
    for video in range(videos):
        folder = root / f"Seq{video}"
        _save_frames(folder / "img", "{:04d}.jpg", 1, video, frames, targets)
        for track in range(targets):
            name = "groundtruth_rect.txt" if targets == 1 else f"groundtruth_rect.{track + 1}.txt"
            boxes = _boxes(video, track, frames, base=1)
            (folder / name).write_text(box_lines(boxes, ",\t "[video % 3]))
    return root


def make_got10k(root, videos=3, frames=5, split="train"):
    """``train/GOT-10k_Train_000001/00000001.jpg``, 1-based boxes, flags, ``list.txt``."""
    root = Path(root)
    names = [f"GOT-10k_{split.title()}_{video + 1:06d}" for video in range(videos)]
    for video, name in enumerate(names):
        folder = root / split / name
        _save_frames(folder, "{:08d}.jpg", 1, video, frames)
        boxes = _boxes(video, 0, frames, base=1)
        lines = "".join(",".join(f"{number:.4f}" for number in box) + "\n" for box in boxes)
        (folder / "groundtruth.txt").write_text(lines)
        (folder / "absence.label").write_text("0\n" * frames)
        (folder / "cover.label").write_text("8\n" * frames)
        (folder / "cut_by_image.label").write_text("0\n" * frames)
        (folder / "meta_info.ini").write_text(
            "[METAINFO]\nurl: https://example.org/a%20b\nobject_class: bear\nmotion_class: walk\n"
        )
    (root / split / "list.txt").write_text("".join(name + "\n" for name in names))
    return root


def make_lasot(root, videos=3, frames=5, flat=False):
    """``airplane/airplane-10/img/00000001.jpg``, 1-based boxes and both files of flags.

    Names are of the training set.
    """
    root = Path(root)
    for video in range(videos):
        category = ("airplane", "bear")[video % 2]
        name = f"{category}-{video // 2 + 10}"
        folder = root / name if flat else root / category / name
        _save_frames(folder / "img", "{:08d}.jpg", 1, video, frames)
        (folder / "groundtruth.txt").write_text(box_lines(_boxes(video, 0, frames, base=1)))
        for flags in ("full_occlusion.txt", "out_of_view.txt"):
            (folder / flags).write_text(",".join("0" * frames))
    return root


def make_trackingnet(root, videos=3, frames=5):
    """``TRAIN_0/frames/NAME/0.jpg``, ``TRAIN_0/anno/NAME.txt``, 0-based boxes; so TRAIN_1."""
    root = Path(root)
    for video in range(videos):
        chunk = root / f"TRAIN_{video % 2}"
        _save_frames(chunk / "frames" / f"v{video}", "{}.jpg", 0, video, frames)
        (chunk / "anno").mkdir(exist_ok=True)
        (chunk / f"anno/v{video}.txt").write_text(box_lines(_boxes(video, 0, frames)))
    return root


def ilsvrc_video(video):
    """Name of a video of `make_ilsvrc`, relative to ``Data/VID``."""
    return f"train/ILSVRC2015_VID_train_{video % 2:04d}/ILSVRC2015_train_{video:08d}"


def ilsvrc_xml(objects, size=FRAME_SIZE):
    """An annotation of ILSVRC VID.

    Args:
        objects: (track id, WordNet id, (x, y, width, height)) of each; corners are inclusive.
        size: Width and height of the frame.
    """
    parts = []
    for track, name, (x, y, width, height) in objects:
        parts.append(
            f"\t<object>\n\t\t<trackid>{track}</trackid>\n\t\t<name>{name}</name>\n\t\t<bndbox>\n"
            f"\t\t\t<xmax>{x + width - 1}</xmax>\n\t\t\t<xmin>{x}</xmin>\n"
            f"\t\t\t<ymax>{y + height - 1}</ymax>\n\t\t\t<ymin>{y}</ymin>\n\t\t</bndbox>\n"
            "\t\t<occluded>0</occluded>\n\t\t<generated>0</generated>\n\t</object>\n"
        )
    return (
        "<annotation>\n\t<folder>f</folder>\n\t<filename>000000</filename>\n"
        "\t<source>\n\t\t<database>ILSVRC_2015</database>\n\t</source>\n"
        f"\t<size>\n\t\t<width>{size[0]}</width>\n\t\t<height>{size[1]}</height>\n\t</size>\n"
        f"{''.join(parts)}</annotation>\n"
    )


def make_ilsvrc(root, videos=3, frames=5, targets=2):
    """``Data/VID/train/…/000000.JPEG`` and ``Annotations/VID/train/…/000000.xml``."""
    root = Path(root)
    for video in range(videos):
        name = ilsvrc_video(video)
        _save_frames(root / "Data/VID" / name, "{:06d}.JPEG", 0, video, frames, targets)
        folder = root / "Annotations/VID" / name
        folder.mkdir(parents=True)
        for frame in range(frames):
            objects = [
                (track, WNIDS[(video + track) % 3], target_box(video, track, frame))
                for track in range(targets)
            ]
            (folder / f"{frame:06d}.xml").write_text(ilsvrc_xml(objects))
    return root


def make_coco(root, images=4, targets=2):
    """``instances.json`` and ``images/000001.jpg``, 0-based boxes, with outlines as COCO has."""
    root = Path(root)
    content = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 3, "name": "car"}, {"id": 7, "name": "dog"}],
    }
    for image in range(images):
        name = f"{image + 1:06d}.jpg"
        save_jpeg(draw_frame(image, 0, targets), root / "images" / name)
        content["images"].append(
            {"id": 100 + image, "file_name": name, "width": FRAME_SIZE[0], "height": FRAME_SIZE[1]}
        )
        for track in range(targets):
            x, y, width, height = target_box(image, track, 0)
            content["annotations"].append(
                {
                    "id": 10 * image + track,
                    "image_id": 100 + image,
                    "category_id": (3, 7)[track % 2],
                    "bbox": [x, y, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                    "segmentation": [[x, y, x + width, y, x + width, y + height]],
                }
            )
    (root / "instances.json").write_text(json.dumps(content))
    return root


def make_siamfc_crops(root, videos=3, frames=5, targets=1):
    """``vid_id_frames.txt``, ``Data/VID/train/a/VIDEO.txt`` and the crops beside it.

    Pickles as the TF1 code leaves them are there as well; they hold no pickle, so opening fails.
    """
    root = Path(root)
    train = root / "Data/VID/train"
    lines = []
    for video in range(videos):
        name = f"{'ab'[video % 2]}/ILSVRC2015_train_{video:08d}"
        lines.append(f"{name} {video + 1} {frames}\n")
        rows = []
        for frame in range(frames):
            image = draw_frame(video, frame, targets)
            for track in range(targets):
                box = target_box(video, track, frame)
                stem = train / name / f"{frame:06d}.{track:02d}"
                for letter, size in (("z", 127), ("x", 255)):
                    save_jpeg(_cut(image, box, size), Path(f"{stem}.crop.{letter}.jpg"))
                    Path(f"{stem}.pad.{letter}.txt").write_text("1.00,1.00,127.00,127.00\n")
                numbers = (track, (video + track) % 3 + 1, *FRAME_SIZE, *box)
                path = f"/home/someone/ILSVRC2015/Data/VID/train/{name}/{frame:06d}.JPEG"
                rows.append(",".join(str(number) for number in numbers) + f",{path}\n")
        (train / f"{name}.txt").write_text("".join(rows))
        (train / name / "object.pkl").write_bytes(b"no pickle")
    (root / "vid_id_frames.txt").write_text("".join(lines))
    (root / "imdb.pkl").write_bytes(b"no pickle")
    return root


def _boxes(video, track, frames, base=0):
    boxes = np.array([target_box(video, track, frame) for frame in range(frames)], np.float64)
    boxes[:, :2] += base
    return boxes


def _save_frames(folder, pattern, first, video, frames, targets=1):
    for frame in range(frames):
        save_jpeg(draw_frame(video, frame, targets), folder / pattern.format(first + frame))


def _cut(image, box, size):
    """A square of the target and its context, `size` px of which 127 are the exemplar."""
    x, y, width, height = box
    context = (width + height) / 2
    half = np.sqrt((width + context) * (height + context)) * size / 127 / 2
    centre = (x + width / 2, y + height / 2)
    corners = [int(round(c + sign * half)) for sign in (-1, 1) for c in centre]
    return image.crop(corners).resize((size, size), Image.Resampling.BICUBIC)
