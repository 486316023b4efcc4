"""The picture of the benchmark's numbers."""

import pytest
from PIL import Image


@pytest.mark.parametrize("counts", [[], [1, 4]])
def test_picture(tmp_path, counts):
    pytest.importorskip("matplotlib")
    from tools import draw_bench

    results = {
        "environment": {"processor": "some x 2", "GPU": "none", "TensorFlow": "2.15.1"},
        "parts": {"float32": dict.fromkeys(draw_bench.COLOURS, 0.01)},
        "targets": [{"targets": count, "seconds": {"mean": 0.1 * count}} for count in counts],
    }
    draw_bench.draw(results).savefig(tmp_path / "chart.png", dpi=110)
    with Image.open(tmp_path / "chart.png") as picture:
        assert picture.width > 800
