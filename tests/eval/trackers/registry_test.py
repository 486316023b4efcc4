"""What --tracker names."""

import json
import sys

import numpy as np
import pytest

from gradnet_tf.eval.trackers import baselines, registry
from gradnet_tf.tracking import config
from tests.helpers import toy_trackers

TOYS = "python:tests.helpers.toy_trackers"


def spec(text):
    found = registry.parse_tracker(text)
    return found.name, found.kind, found.target, dict(found.settings)


def test_kinds_and_default_names():
    assert spec("gradnet") == ("GradNet", "gradnet", "", {})
    assert spec("gradnet:runs/x/best") == ("GradNet best", "gradnet", "runs/x/best", {})
    assert spec("static") == ("static", "static", "", {})
    assert spec("opencv:csrt") == ("CSRT", "opencv", "csrt", {})
    assert spec("python:a.b:Drift") == ("Drift", "python", "a.b:Drift", {})


def test_names():
    assert spec("plain SiamFC=static")[0] == "plain SiamFC"
    name, _, target, settings = spec("ours=python:a:B,path=x=y/z,n=3,flag=true,text=abc")
    assert (name, target) == ("ours", "a:B")
    assert settings == {"path": "x=y/z", "n": 3, "flag": True, "text": "abc"}
    # The equals sign of a setting, or one in a path, names nothing.
    assert spec("python:a:B,n=3")[0] == "B n=3"
    assert spec("gradnet:x=1/y")[2] == "x=1/y"


@pytest.mark.parametrize(
    "text, message",
    [
        ("siamfc", "no kind 'siamfc'"),
        ("opencv:boosting", "csrt, kcf, mil"),
        ("opencv:csrt,a=1", "takes no settings"),
        ("static:x", "nothing is expected after static"),
        ("gradnet:", "something is missing after gradnet:"),
        ("python:module", "expected python:MODULE:CLASS"),
        ("python:a:B,3", "'3' is no argument=value"),
        ("a/b=static", "cannot name a folder"),
        (".a=static", "cannot name a folder"),
    ],
)
def test_bad_texts(text, message):
    with pytest.raises(ValueError, match=message):
        registry.parse_tracker(text)


def test_two_trackers_of_a_name():
    texts = ["static", "STATIC=opencv:mil"]
    with pytest.raises(ValueError, match="two trackers are called 'static'; give them names"):
        registry.parse_trackers(texts)
    assert len(registry.parse_trackers(["static", "other=static"])) == 2


def test_a_python_class_gets_its_arguments():
    target = "python:tests.helpers.toy_trackers:Drift"
    tracker = registry.make_tracker(registry.parse_tracker(f"{target},step=2.5"))
    assert isinstance(tracker, toy_trackers.Drift) and tracker.step == 2.5
    for text in ("python:tests.helpers.toy_trackers:Nobody", "python:no.such.module:A"):
        with pytest.raises(ImportError, match=text):
            registry.make_tracker(registry.parse_tracker(text))


def test_identity_of_a_python_class_follows_files_of_arguments(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "toy_module.py").write_text("class A:\n    pass\n")
    (tmp_path / "w.bin").write_bytes(b"1")
    parsed = registry.parse_tracker(f"python:toy_module:A,weights={tmp_path / 'w.bin'}")
    weights, first = registry.identify(parsed)
    assert weights is None and json.loads(json.dumps(first)) == first
    (tmp_path / "w.bin").write_bytes(b"2")
    second = registry.identify(parsed)[1]
    assert {key for key in first if first[key] != second[key]} == {"files"}
    sys.modules.pop("toy_module")


def test_models_that_arguments_name(tmp_path):
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"1")
    (tmp_path / "output").mkdir()
    weights, data = (
        tmp_path / "model" / "variables" / "w",
        tmp_path / "model.ckpt.data-00000-of-00001",
    )
    for file in (weights, data, tmp_path / "model.ckpt.index", tmp_path / "output" / "log"):
        file.write_bytes(b"1")
    names = [str(tmp_path / name) for name in ("model", "model.ckpt", "output", "nothing")]
    arguments = ",".join(f"a{place}={name}" for place, name in enumerate(names))
    parsed = registry.parse_tracker(f"{TOYS}:Drift,{arguments}")

    def found():
        return registry.identify(parsed)[1]["files"]

    # Another folder may be for output.
    first = found()
    assert set(first) == set(names[:2]) and found() == first
    for file, name in ((weights, names[0]), (data, names[1])):
        file.write_bytes(b"2")
        assert {path for path in first if first[path] != found()[path]} == {name}
        first = found()


def test_static():
    tracker = registry.make_tracker(registry.parse_tracker("static"))
    box = np.array([1.5, 2, 3, 4])
    tracker.init(np.zeros((9, 9, 3), np.uint8), box)
    box[:] = 0
    answer = tracker.update(np.ones((9, 9, 3), np.uint8))
    np.testing.assert_array_equal(answer, [1.5, 2, 3, 4])
    assert registry.identify(registry.parse_tracker("x=static")) == (None, {"kind": "static"})
    assert isinstance(tracker, baselines.StaticTracker)


def test_gradnet():
    """The only test here that loads TensorFlow."""
    parsed = registry.parse_tracker("gradnet,template_influence=0,redetection=false")
    assert dict(parsed.settings) == {"template_influence": 0.0, "redetection": False}
    weights, configuration = registry.identify(parsed)
    assert len(weights) == 64
    constants = configuration["constants"]
    assert (constants["template_influence"], constants["redetection"]) == (0, False)
    other = registry.identify(registry.parse_tracker("gradnet,preset=paper,jit_compile=false"))
    assert other[0] == weights
    assert (other[1]["constants"]["response_mix"], other[1]["jit_compile"]) == ("template", False)
    assert configuration["precision"] == "float32"
    reduced = registry.parse_tracker("gradnet,precision=bfloat16,template_influence=0.5")
    assert registry.identify(reduced)[1]["precision"] == "bfloat16"
    for text, message in (
        ("int4", "precision must be one of float32, bfloat16, float16, int8, got 'int4'"),
        ("int8,jit_compile=true", "precision='int8' runs on the processor outside XLA"),
    ):
        with pytest.raises(ValueError, match=message):
            registry.identify(registry.parse_tracker(f"gradnet,precision={text}"))
    for text in ("speed=3", "redetection=2", "update", "jit_compile=maybe"):
        with pytest.raises(ValueError, match=f"{text.partition('=')[0]}"):
            registry.parse_tracker(f"gradnet,{text}")
    tracker = registry.make_tracker(registry.parse_tracker("gradnet,template_influence=0.25"))
    assert tracker.config.template_influence == 0.25
    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    tracker.init(image, (30, 20, 16, 12))
    assert tracker.update(image).shape == (4,)


def test_settings_reach_the_tracker(monkeypatch):
    made = []

    class Fake:
        def __init__(self, checkpoint, **arguments):
            made.append((checkpoint, arguments))

    monkeypatch.setattr("gradnet_tf.tracking.tracker.Tracker", Fake)
    registry.make_tracker(registry.parse_tracker("gradnet:x,preset=paper,precision=bfloat16"))
    assert made == [("x", {"preset": "paper", "precision": "bfloat16"})]
    made.clear()
    # One tracker is made in any case, for each takes seconds to build.
    text = "gradnet,precision=int8,jit_compile=false,template_influence=0.5"
    for more in ("", ",preset=paper"):
        registry.make_tracker(registry.parse_tracker(text + more))
    how = {"precision": "int8", "jit_compile": False}
    # "tuned" is what the card of the weights asks for.
    changed = [config.preset(name, template_influence=0.5) for name in ("tuned", "paper")]
    assert made == [(None, {"config": each, **how}) for each in changed]
