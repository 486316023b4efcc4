"""Tests of gradnet_tf.media.markup: HTML for notebooks."""

import base64
import io
import re

import numpy as np
from PIL import Image

from gradnet_tf.media import markup

EVIL = "<script>alert('&\")</script>"


def test_every_text_of_a_table_is_escaped():
    shown = markup.table(EVIL, [(EVIL, EVIL)], heads=("a", EVIL))
    assert "<script" not in shown and shown.count("&lt;script&gt;") == 4
    assert re.sub(r"<[^>]*>", "|", markup.table("t", [("a", "1")])) == "||t|||a||1|||"


def test_a_picture_holds_its_file():
    image = Image.new("RGB", (20, 10), (200, 30, 30))
    shown = markup.picture(image, EVIL)
    assert "<script" not in shown
    content = base64.b64decode(re.search(r'base64,([^"]*)"', shown)[1])
    with Image.open(io.BytesIO(content)) as found:
        np.testing.assert_allclose(np.asarray(found), np.asarray(image), atol=4)
