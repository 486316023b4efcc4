"""Tests of gradnet_tf.data.pairs and .catalog: the pipeline from shards to batches."""

import dataclasses
import io
import itertools
import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gradnet_tf.data import (
    augment,
    catalog,
    description,
    pairs,
    records,
    sampling,
    scenes,
    task,
)
from tests.helpers import track_records

VIDEOS = [f"video{number}" for number in range(30)]
TRACKS = [
    track_records.record(name, str(track), frames, seed=10 * number + track)
    for number, name in enumerate(VIDEOS)
    for track, frames in enumerate([(0, 40, 120)] if number % 3 else [(0, 40), (7,)])
]
STILLS = [track_records.record(f"still{n}", "0", (0,), seed=1000 + n) for n in range(6)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pattern of the videos, pattern of the stills."""
    root = tmp_path_factory.mktemp("data")
    return (
        track_records.write_set(root / "videos", TRACKS, shards=3),
        track_records.write_set(root / "stills", STILLS, shards=1),
    )


def config(**changes):
    return pairs.PairConfig(**{"batch": 3, "validation": 0.2, "threads": 1, **changes})


SCENES = scenes.SceneConfig(
    lookalikes=0.5, occlusion=0.3, blur_drift=1.0, light_drift=0.4, scale_drift=0.1
)


def open_videos(data, **changes):
    return pairs.open_pairs([data[0]], None, config(**changes))


def take(dataset, count):
    return [tuple(part.numpy() for part in batch) for batch in itertools.islice(dataset, count)]


def assert_equal(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second):
        for part, other_part in zip(one, other):
            np.testing.assert_array_equal(part, other_part)


def decode(crop):
    return np.array(Image.open(io.BytesIO(crop)))


class Flat:
    """The frames of TRACKS in the catalog's order, from the records themselves."""

    def __init__(self, pattern):
        tracks = [
            t for path in sorted(tf.io.gfile.glob(pattern)) for t, _ in records.read_shard(path)
        ]
        self.exemplars = [crop for track in tracks for crop in track.exemplars]
        self.instances = [crop for track in tracks for crop in track.instances]
        self.videos = [track.video for track in tracks for _ in track.frames]
        self.tracks = [track.track for track in tracks for _ in track.frames]


def test_a_batch_holds_the_crops_that_were_chosen(data):
    source = open_videos(data, augment="none", groups=2)
    flat = Flat(data[0])
    ((exemplars, instances),) = take(source.train(5), 1)
    assert exemplars.shape == (6, 127, 127, 3) and instances.shape == (6, 239, 239, 3)
    assert exemplars.dtype == instances.dtype == np.float32
    for group in range(2):
        chosen = source.choose(5, group)
        names = {flat.videos[frame] for frame in chosen.z}
        assert len(names) == 3
        for place, (z, x) in enumerate(zip(chosen.z, chosen.x), start=3 * group):
            assert (flat.videos[z], flat.tracks[z]) == (flat.videos[x], flat.tracks[x])
            bgr = decode(flat.exemplars[z])[..., ::-1]
            assert np.abs(exemplars[place] - bgr).max() <= 1  # Two decoders.
            bgr = decode(flat.instances[x])[8:-8, 8:-8, ::-1]
            assert np.abs(instances[place] - bgr).max() <= 1


def test_several_regions_of_a_pair_stand_together(data):
    one = open_videos(data, groups=2)
    three = open_videos(data, groups=2, regions=3)
    plain = open_videos(data, groups=2, augment="none", regions=3, instance_size=255)
    flat = Flat(data[0])
    ((exemplars, first),) = take(one.train(5), 1)
    ((same, instances),) = take(three.train(5), 1)
    ((_, unchanged),) = take(plain.train(5), 1)
    np.testing.assert_array_equal(same, exemplars)
    np.testing.assert_array_equal(instances[::3], first)
    chosen = three.choose(5, 1)
    for place, frames in enumerate(zip(chosen.x, *chosen.more)):
        for region, frame in enumerate(frames):
            bgr = decode(flat.instances[frame])[..., ::-1]
            assert np.abs(unchanged[9 + 3 * place + region] - bgr).max() <= 1
    ((_, validation),) = take(three.validation(1), 1)
    assert validation.shape == (18, 239, 239, 3)


def test_the_augmentation_is_the_reference_s(data):
    source = open_videos(data, instance_size=201)
    plain = open_videos(data, augment="none", instance_size=255)
    ((exemplars, instances),) = take(source.train(2), 1)
    ((plain_exemplars, plain_instances),) = take(plain.train(2), 1)
    values = sampling.uniforms((1, 2, 0), sampling.AUGMENTATION, (2, 3, augment.UNIFORMS))
    statistics = source.catalog.exemplar, source.catalog.instance
    crops = (exemplars, 127, plain_exemplars), (instances, 201, plain_instances)
    for noise, colours, (augmented, size, image) in zip(values, statistics, crops):
        parameters = augment.draw(
            augment.Noise.from_uniforms(noise),
            size,
            image.shape[1],
            augment.colour_variation(colours.covariance),
            augment.AugmentConfig(),
        )
        for place, (rows, columns, colour) in enumerate(zip(*parameters)):
            expected = image[place][rows][:, columns] - colour
            np.testing.assert_allclose(augmented[place], expected, atol=1e-4)
            assert np.abs(colour).max() > 0


@pytest.mark.parametrize("kind", ["reference", "strong", "none"])
def test_a_step_has_the_same_batch_wherever_the_run_starts(data, kind):
    source = open_videos(data, augment=kind)
    batches = take(source.train(), 5)
    assert_equal(take(source.train(3), 2), batches[3:])
    assert_equal(take(open_videos(data, augment=kind, threads=2).train(), 5), batches)
    for one, other in itertools.combinations(batches, 2):
        assert np.any(one[1] != other[1])


def test_workers_together_have_the_global_batch(data):
    source = open_videos(data, groups=4)
    for make in (source.train, lambda shard=(0, 1): source.validation(2, shard)):
        whole = take(make(), 2)
        for count in (2, 4):
            parts = [take(make(shard=(index, count)), 2) for index in range(count)]
            joined = [
                tuple(np.concatenate(column) for column in zip(*step)) for step in zip(*parts)
            ]
            assert_equal(joined, whole)


def test_more_groups_leave_the_first_as_they_are(data):
    one = take(open_videos(data).train(), 2)
    two = take(open_videos(data, groups=2).train(), 2)
    assert_equal([tuple(part[:3] for part in batch) for batch in two], one)


def test_seeds_differ(data):
    first = take(open_videos(data, seed=1).train(), 1)
    second = take(open_videos(data, seed=2).train(), 1)
    assert np.any(first[0][1] != second[0][1])


def test_validation_is_fixed_and_apart_from_training(data):
    source = open_videos(data)
    chosen = sampling.held_out(VIDEOS, 0.2, 0, 30)
    held_out = {name for name, is_chosen in zip(VIDEOS, chosen) if is_chosen}
    names = source.catalog.videos
    assert {names[video] for video in source.held_out.pools[0]} == held_out
    assert {names[video] for video in source.training.pools[0]} == set(VIDEOS) - held_out
    for step in range(20):
        assert not held_out & {names[video] for video in source.choose(step, 0).video}
        assert held_out >= {names[video] for video in source.choose(step, 0, False).video}
    batches = take(source.validation(3), 99)
    assert len(batches) == 3
    assert_equal(take(open_videos(data, seed=9, augment="strong").validation(3), 3), batches)
    with pytest.raises(ValueError, match="there is no validation set"):
        open_videos(data, validation=0).validation(1)


def test_several_sets_are_mixed_by_weight(data):
    even = pairs.open_pairs(data, None, config(validation=0))
    weighted = pairs.open_pairs(data, [1, 100], config(validation=0))
    shares = [
        np.mean([source.choose(step, 0).video >= 30 for step in range(200)])
        for source in (even, weighted)
    ]
    assert shares[0] == pytest.approx(6 / 36, abs=0.05)
    assert shares[1] > 0.9
    first, second = (track_records.statistics(tracks)[0] for tracks in (TRACKS, STILLS))
    expected = description.pool([first, second])
    np.testing.assert_allclose(even.catalog.exemplar.covariance, expected.covariance)
    take(even.train(), 1)


def test_a_directory_stands_for_its_shards(data):
    source = pairs.open_pairs([os.path.dirname(data[0])], None, config())
    assert len(source.catalog.shards) == 3


def test_a_directory_s_name_is_no_pattern(tmp_path):
    directory = tmp_path / "crops [new] für k=1*"
    track_records.write_set(directory, TRACKS[:4])
    source = pairs.open_pairs([str(directory)], None, config(batch=1, validation=0))
    assert len(source.catalog.shards) == 2


def test_a_directory_that_lacks_a_shard_is_named(tmp_path):
    pattern = track_records.write_set(tmp_path, TRACKS[:4])
    (tmp_path / "tracks-00001-of-00002.tfrecord").unlink()
    with pytest.raises(FileNotFoundError, match="lacks 1 of the 2 shards .* tracks-00001-of"):
        catalog.load([str(tmp_path)], need_statistics=True)
    # By a glob, a part may be asked for.
    assert len(catalog.load([pattern], need_statistics=True).shards) == 1


def test_the_elements_have_static_shapes_and_no_end(data):
    dataset = open_videos(data, groups=2).train()
    assert [spec.shape for spec in dataset.element_spec] == [(6, 127, 127, 3), (6, 239, 239, 3)]
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY


def test_a_frame_has_the_same_crops_in_every_step(data):
    """Of the frame and the crop's number alone; exemplars stay freshly augmented."""
    source, fresh = open_videos(data, crops=2, batch=6), open_videos(data, batch=6)
    crops = {frame: crop.numpy() for frame, crop in enumerate(source.augmented())}
    numbers = set()
    for step, (batch, plain) in enumerate(zip(take(source.train(), 3), take(fresh.train(), 3))):
        np.testing.assert_array_equal(batch[0], plain[0])
        drawn = source.draws.group(step, 0)
        for image, frame, number in zip(batch[1], source.frames(step, 0), drawn.numbers):
            np.testing.assert_array_equal(image, crops[frame][number])
        numbers.update(drawn.numbers)
    assert numbers == {0, 1}
    assert np.abs(crops[0][0] - crops[0][1]).max() > 1
    later = next(iter(source.augmented(7))).numpy()
    np.testing.assert_array_equal(later, crops[7])
    other = next(iter(open_videos(data, crops=2, seed=2).augmented()))
    assert np.any(other.numpy() != crops[0])
    strongly = open_videos(data, crops=2, batch=1, augment="strong")
    ((_, image),) = take(strongly.train(), 1)
    ((crop,),) = take(strongly.augmented(int(strongly.frames(0, 0)[0])).map(lambda x: (x,)), 1)
    np.testing.assert_array_equal(image[0], crop[strongly.draws.group(0, 0).numbers[0]])


def test_scenes_change_instances_alone_and_are_a_function_of_the_step(data):
    changes = dict(groups=2, regions=2, reference_quirks=False)
    plain, source = open_videos(data, **changes), open_videos(data, scenes=SCENES, **changes)
    batches = take(source.train(), 3)
    for (exemplars, instances), (same, unchanged) in zip(batches, take(plain.train(), 3)):
        np.testing.assert_array_equal(exemplars, same)
        assert (np.abs(instances - unchanged).max(axis=(1, 2, 3)) > 5).mean() > 0.8
    assert_equal(take(source.train(2), 1), batches[2:])
    parts = [take(source.train(2, shard=(index, 2)), 1)[0] for index in range(2)]
    assert_equal([tuple(map(np.concatenate, zip(*parts)))], batches[2:])
    assert_equal(take(source.validation(1), 1), take(plain.validation(1), 1))
    # Tracks drift away from their exemplars, and what is pasted is not of validation's videos.
    shown = set()
    for step in range(20):
        drawn = source.draws.group(step, 0)
        found = drawn.requests["x"].scenes
        z, x = np.repeat(drawn.pairs.z, 2), drawn.requests["x"].frames
        assert (found.drift[:, 4] != 1).sum() >= 4
        shown.update(found.partner[found.partner >= 0])
        first, *rest = found.drift[:2, 4]
        assert (first - 1) * (rest[0] - 1) * (x[0] - z[0]) * (x[1] - z[1]) >= 0
    held_out = {frame for video in source.held_out.pools[0] for frame in frames_of(source, video)}
    assert len(shown) > 20 and not shown & held_out


def frames_of(source, video):
    for track in source.catalog.tracks[video]:
        yield from range(*source.catalog.first_frame[track : track + 2])


@pytest.mark.parametrize("kind", ["reference", "strong"])
def test_scenes_of_kept_crops_are_of_the_frame_alone(data, kind):
    wanted = task.TaskConfig(updates=2, regions=4, shift=1)
    changes = dict(crops=2, batch=2, augment=kind, task=wanted, first_exemplar=True)
    source = open_videos(data, scenes=SCENES, **changes)
    drawn = source.draws.group(4, 0)
    ((_, instances, _),) = source.train(4).take(1)
    plain = open_videos(data, **changes)
    for place, (image, frame) in enumerate(zip(instances[:3], drawn.requests["x"].frames)):
        (crops,), (unchanged,) = (each.augmented(int(frame)).take(1) for each in (source, plain))
        assert np.abs(crops - unchanged).max() > 5
        y, x = 8 * drawn.requests["x"].start[place]
        expected = crops[drawn.numbers[place], y : y + 239, x : x + 239]
        np.testing.assert_array_equal(image, expected)
    # The crops of a number drift along their track.
    frames = np.arange(*source.catalog.first_frame[:2])
    for number in range(2):
        scale = source.draws.crops(frames, np.full(len(frames), number)).scenes.drift[:, 4]
        assert np.all(np.diff(scale) > 0) or np.all(np.diff(scale) < 0)


def test_scenes_of_sequences(data):
    """A sample that is another video's drifts as that video does."""
    wanted = task.TaskConfig(updates=3, regions=5, wrong_samples=1.0)
    source = open_videos(data, scenes=SCENES, task=wanted)
    signs = {}
    for step in range(20):
        drawn = source.draws.group(step, 0)
        starts = dict(zip(drawn.pairs.track, drawn.pairs.z))
        found = drawn.requests["x"]
        for frame, scale in zip(found.frames, found.scenes.drift[:, 4]):
            track = source.training.track_of(frame)
            distance = np.subtract(*source.training.frames[[frame, starts[track]]])
            signs.setdefault((step, track), set()).add(np.sign(np.log(scale) * distance))
            first, end = source.catalog.first_frame[track : track + 2]
            assert (scale == 1) == (distance == 0 and end > first + 1)
    assert all(len(found - {0}) <= 1 for found in signs.values())
    assert len(next(iter(source.train()))[1]) == 9


@pytest.mark.parametrize("kind", ["reference", "none"])
def test_sequences_of_updates_are_cut_where_their_targets_are(data, kind):
    wanted = task.TaskConfig(updates=2, regions=4, shift=2, sample_shift=1)
    changes = dict(augment=kind, groups=2, first_exemplar=True)
    source = open_videos(data, task=wanted, crops=1, **changes)
    crops = {frame: crop[0].numpy() for frame, crop in enumerate(source.augmented())}
    ((exemplars, instances, (label, gradient, loss)),) = source.train(3).take(1)
    assert exemplars.shape == (2, 127, 127, 3) and instances.shape == (16, 223, 223, 3)
    assert label.shape == (2, 8, 2) and gradient.shape == (2, 2, 8) and loss.shape == (2, 8)
    np.testing.assert_array_equal(exemplars, take(open_videos(data, **changes).train(3), 1)[0][0])
    moved = set()
    for group in range(2):
        sequence = source.draws.group(3, group).sequence
        np.testing.assert_array_equal(label[group], sequence.label)
        for place, (frame, (y, x)) in enumerate(zip(sequence.frame, sequence.moved)):
            y, x = 8 * (2 - y), 8 * (2 - x)
            expected = crops[frame][y : y + 223, x : x + 223]
            np.testing.assert_array_equal(instances[8 * group + place], expected)
            moved.add((y, x))
    assert len(moved) > 3
    held_out = {source.catalog.videos[video] for video in source.held_out.pools[0]}
    ((_, validated, parts),) = source.validation(1)
    assert validated.shape == (16, 223, 223, 3) and parts[0].shape == (2, 8, 2)
    names = Flat(data[0]).videos
    assert {names[f] for f in source.draws.group(0, 0, False).sequence.frame} <= held_out
    # Without crops every step augments anew.
    ((_, again, _),) = open_videos(data, task=wanted, **changes).train(3).take(1)
    assert np.array_equal(again, instances) == (kind == "none")
    (pair,) = take(source.as_pairs().train(), 1)
    assert pair[1].shape == (6, 239, 239, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"instance_size": 271}, "instance_size must be .* at most 255, got 271"),
        ({"validation": 1.0}, r"validation must be in \[0, 1\)"),
        ({"augment": "weak"}, "augment must be one of reference, strong, none, got 'weak'"),
        ({"seed": -1}, "seed"),
        ({"frame_range": -1}, "frame_range"),
        ({"scale_jitter": 1.0}, r"scale_jitter must be in \[0, 1\)"),
    ],
)
def test_settings_out_of_range_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        pairs.PairConfig(**change)


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1], "1 numbers for 2 data sets"), ([1, 0], "got 0"), ([1, float("nan")], "got nan")],
)
def test_weights_that_do_not_fit_are_refused(data, weights, message):
    with pytest.raises(ValueError, match=message):
        pairs.open_pairs(data, weights, config())


def test_too_few_videos_are_one_error(data):
    with pytest.raises(ValueError, match="31 different videos, but there are 30 .* at most 30$"):
        open_videos(data, batch=31, validation=0)
    with pytest.raises(ValueError, match="30 different videos and .* one more.* at most 29$"):
        open_videos(data, batch=30)


@pytest.fixture
def some_videos(monkeypatch):
    """Opens a source of so many videos of no content."""

    def make(count, **changes):
        empty = np.zeros(0, np.int64)
        numbers = np.arange(count)
        source = catalog.Catalog(
            globs=("data",),
            shards=("shard",),
            shard_start=np.array([0, count]),
            first_frame=np.arange(count + 1),
            videos=tuple(f"video{number}" for number in numbers),
            pools=(numbers,),
            tracks=tuple(numbers[:, np.newaxis]),
            track_names=("0",) * count,
            columns={"frames": np.zeros(count, np.int64), "z_offset": empty},
            exemplar=None,
            instance=None,
        )
        settings = {"augment": "none", **changes}
        return pairs.PairSource(source, None, pairs.PairConfig(**settings))

    return make


@pytest.mark.parametrize(
    ("videos", "share", "held_out"),
    [
        (9, 0.1, 1),  # Eight for training, and one.
        (10, 0.1, 2),
        (9, 0.5, 1),
        (30, 0.05, 6),  # A fifth, where the share gives 1.
        (40, 0.05, 8),
        (71, 0.05, 8),  # A group of eight, where the share gives 5.
        (71, 0.9, 63),
        (71, 0.3, None),
        (400, 0.1, None),
    ],
)
def test_small_sets_hold_out_what_validation_needs(some_videos, caplog, videos, share, held_out):
    """Groups of validation are as large as those of training, or as that gives."""
    asked = sampling.held_out([f"video{n}" for n in range(videos)], share, 0, videos)
    with caplog.at_level("WARNING", logger="absl"):
        source = some_videos(videos, validation=share)
    if held_out is None:
        assert source.held_out.pools[0].tolist() == np.flatnonzero(asked).tolist()
        assert source.validation_batch == 8 and not caplog.records
        return
    assert (source.held_out.count, source.training.count) == (held_out, videos - held_out)
    assert (
        f"{held_out} of {videos} videos are held out, instead of the {asked.sum()} that"
        in (caplog.text)
        or asked.sum() == held_out
    )
    assert source.validation_batch == min(held_out, 8)
    assert ("a group of validation has" in caplog.text) == (held_out < 8)
    for training, group in ((True, 8), (False, source.validation_batch)):
        chosen = source.choose(0, 0, training)
        assert len(set(chosen.video)) == len(chosen.x) == group


def test_small_groups_of_validation_are_whole(data):
    source = open_videos(data, batch=20, groups=2, regions=2, validation=0.01)
    assert source.validation_batch == 6
    ((exemplars, instances),) = take(source.validation(1), 1)
    assert (len(exemplars), len(instances)) == (12, 24)
    chosen = [source.choose(0, group, False) for group in range(2)]
    for place, frame in enumerate(np.concatenate([pair.z for pair in chosen])):
        crop = decode(source.catalog.read("z", int(frame)))
        np.testing.assert_allclose(exemplars[place], crop[..., ::-1], atol=3)
    ((exemplars, _),) = take(source.train(), 1)
    assert len(exemplars) == 40


def test_missing_data_are_named(data, tmp_path):
    with pytest.raises(FileNotFoundError, match="no shard .* matches .*nothing"):
        pairs.open_pairs([str(tmp_path / "nothing*")], None, config())
    with pytest.raises(FileNotFoundError, match="only .*dataset.json and the like"):
        pairs.open_pairs([os.path.join(os.path.dirname(data[1]), "*.json")], None, config())
    with pytest.raises(ValueError, match="no data"):
        pairs.open_pairs([], None, config())


def test_one_shard_in_two_sets_is_refused(data):
    directory = os.path.dirname(data[0])
    first = os.path.join(directory, "tracks-00000*.tfrecord")
    with pytest.raises(ValueError, match="is in two data sets"):
        pairs.open_pairs([data[0], first], None, config())


def test_one_shard_under_two_names_is_refused(tmp_path, monkeypatch):
    """An empty shard as well, such as one whose images could not be read."""
    track_records.write_set(tmp_path / "a", [TRACKS[0]], shards=2)
    os.rename(tmp_path / "a", tmp_path / "b")
    os.symlink(tmp_path / "b", tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    for other in ("b", "./b", "a"):
        with pytest.raises(ValueError, match=f"tfrecord is in two data sets: b and {other}$"):
            pairs.open_pairs(["b", other], None, config(batch=1))
    empty = "b/tracks-00001-of-00002.tfrecord"
    with pytest.raises(ValueError, match="is in two data sets"):
        pairs.open_pairs([empty, empty], None, config(batch=1))


def test_one_video_in_two_sets_is_refused(tmp_path):
    track_records.write_set(tmp_path, [TRACKS[0], TRACKS[1]], shards=2)
    patterns = [str(tmp_path / f"tracks-0000{number}*.tfrecord") for number in range(2)]
    with pytest.raises(ValueError, match="video 'video0' .* is in two data sets"):
        pairs.open_pairs(patterns, None, config(batch=1))


STATISTICS = description.Statistics(np.zeros(3), np.eye(3), 1)


class TestDamage:
    @pytest.fixture
    def pattern(self, tmp_path):
        return track_records.write_set(tmp_path, TRACKS[:8], shards=1)

    def open(self, pattern, **changes):
        return pairs.open_pairs([pattern], None, config(batch=1, validation=0, **changes))

    def test_without_a_description_there_is_no_colour(self, pattern, tmp_path):
        (tmp_path / description.FILE_NAME).unlink()
        with pytest.raises(FileNotFoundError, match="no dataset.json in"):
            self.open(pattern)
        take(self.open(pattern, color=False).train(), 1)
        take(self.open(pattern, augment="none").train(), 1)

    def test_a_shard_of_another_size_is_named(self, pattern, tmp_path):
        records.write_shard(tf.io.gfile.glob(pattern)[0], TRACKS[:7])
        with pytest.raises(ValueError, match="but dataset.json beside it says .* bytes"):
            self.open(pattern)
        (tmp_path / "tracks-00000-of-00001.tfrecord").rename(tmp_path / "more.tfrecord")
        with pytest.raises(ValueError, match="says no such shard"):
            self.open(pattern)

    @pytest.mark.parametrize("damage", ["change", "cut", "remove"])
    def test_a_shard_that_changes_while_it_is_read_is_named(self, pattern, damage):
        source = self.open(pattern, augment="none")
        path = tf.io.gfile.glob(pattern)[0]
        frame = int(source.choose(0, 0).z[0])
        if damage == "change":
            with open(path, "r+b") as file:
                file.seek(int(source.catalog.columns["z_offset"][frame]) + 700)
                file.write(b"damage")
        elif damage == "cut":
            os.truncate(path, 100)
        else:
            os.remove(path)
        with pytest.raises(OSError) as raised:
            take(source.iterate(source.train()), 1)
        track = int(source.choose(0, 0).track[0])
        name = next(
            video
            for video, own in zip(source.catalog.videos, source.catalog.tracks)
            if track in own
        )
        expected = (
            f"cannot read the exemplar of frame {source.catalog.columns['frames'][frame]} of track "
            f"'{source.catalog.track_names[track]}' of video '{name}' in {path}, record {track}: "
        )
        assert str(raised.value).startswith(expected)
        assert "Traceback" not in str(raised.value) and len(str(raised.value)) < 400

    def test_damage_of_later_steps_and_of_validation_stops_these(self, tmp_path):
        """Steps are read ahead, those of training beside those of validation."""
        pattern = track_records.write_set(tmp_path, TRACKS[:12], shards=1)
        source = pairs.open_pairs([pattern], None, config(batch=1, validation=0.3, augment="none"))
        damaged = {int(source.choose(step, 0, False).x[0]) for step in range(4)}
        with open(tf.io.gfile.glob(pattern)[0], "r+b") as file:
            for frame in damaged:
                file.seek(int(source.catalog.columns["x_offset"][frame]) + 700)
                file.write(b"damage")
        assert len(take(source.iterate(source.train(2), 2), 5)) == 5
        with pytest.raises(OSError, match="^cannot read the instance of frame .*, record [0-9]+:"):
            take(source.iterate(source.validation(4), training=False), 1)
        with open(tf.io.gfile.glob(pattern)[0], "r+b") as file:
            file.seek(int(source.catalog.columns["z_offset"][int(source.choose(3, 0).z[0])]))
            file.write(b"damage")
        name = source.catalog.describe(int(source.choose(3, 0).z[0]))
        batches = source.iterate(source.train(start_step=1), 1)
        next(batches), next(batches)
        with pytest.raises(OSError, match=f"^cannot read the exemplar of {name} in"):
            next(batches)

    @pytest.mark.parametrize(
        ("crop", "message"),
        [
            (track_records.jpeg(255, 1)[:-2000], "^cannot decode {}: .*JPEG"),
            (b"no image at all", "^cannot decode {}: "),
            (track_records.jpeg(200, 1), "^{} is of 200x200 px, expected 255x255$"),
        ],
    )
    def test_a_damaged_image_in_a_sound_record_is_named(self, tmp_path, monkeypatch, crop, message):
        """As other programs may write it."""
        monkeypatch.setattr(track_records, "statistics", lambda tracks: [STATISTICS] * 2)
        track = dataclasses.replace(TRACKS[1], instances=(crop,))
        pattern = track_records.write_set(tmp_path, [TRACKS[0], track], shards=1)
        source = self.open(pattern, augment="none", groups=2)
        name = "the instance of frame [0-9]+ of track '1' of video 'video0' in .*, record 1"
        with pytest.raises((OSError, ValueError), match=message.format(name)) as raised:
            take(source.iterate(source.train()), 40)
        assert "Traceback" not in str(raised.value) and "node" not in str(raised.value)

    @pytest.mark.parametrize("crops", [0, 1])
    def test_a_damaged_image_that_is_pasted_is_named(self, tmp_path, monkeypatch, crops):
        monkeypatch.setattr(track_records, "statistics", lambda tracks: [STATISTICS] * 2)
        track = dataclasses.replace(TRACKS[2], exemplars=(b"no image at all",) * 3)
        pattern = track_records.write_set(tmp_path, [TRACKS[0], track], shards=1)
        wanted = scenes.SceneConfig(lookalikes=1.0)
        source = self.open(pattern, scenes=wanted, crops=crops)
        batches = source.augmented() if crops else source.train()
        with pytest.raises(OSError, match="^cannot decode the exemplar of .* of video 'video1' in"):
            take(source.iterate(batches, training=None if crops else True), 40)


def test_the_catalog_counts_all_frames(data):
    everything = catalog.load(data, need_statistics=True)
    assert everything.first_frame[-1] == sum(len(track.frames) for track in TRACKS + STILLS)
    assert len(everything.videos) == 36
    assert sorted(np.concatenate(everything.tracks)) == list(range(len(TRACKS + STILLS)))
