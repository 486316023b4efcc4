"""Tests of gradnet_tf.eval.report.page; eval_report_browser_test has what it does in a browser."""

import html.parser
import json
import re

import numpy as np
import pytest

from gradnet_tf.eval.report import clips, page
from tests.helpers import eval_report as helper

RULES = [("Counting", "by <hand>"), ("Frames", "all")]


class Reader(html.parser.HTMLParser):
    """Collects tags, links and texts."""

    def __init__(self):
        super().__init__()
        self.tags, self.places, self.texts, self.open = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.places += [v for k, v in attributes if k in ("src", "href", "action", "srcset")]
        if tag not in ("meta", "link", "input", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else None, data))


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    return helper.make_evaluation(tmp_path_factory.mktemp("evaluation"))


@pytest.fixture(scope="module")
def cuts(evaluation):
    return clips.make_clips(evaluation, 10_000_000, 5)


@pytest.fixture(scope="module")
def text(evaluation, cuts):
    picture = page.Picture('Worst of "x"', "Truth & <b>", b"\xff\xd8", (8, 4))
    return page.render(evaluation, RULES, ["B is <left> out"], cuts, [picture])


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_pair(evaluation):
    assert page.payload(evaluation, [])["pair"] == [0, 1]
    assert page.payload(evaluation, [], (1, 0))["pair"] == [1, 0]


def test_markup_is_balanced_and_needs_no_network(text):
    reader = read(text)
    assert all(place.startswith(("#", "data:")) for place in reader.places)
    policy = next(a["content"] for t, a in reader.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:;")
    css = re.search(r"<style>(.*?)</style>", text, re.S)[1]
    assert "url(" not in css and "@import" not in css
    ids = [a["id"] for _, a in reader.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {p[1:] for p in reader.places if p.startswith("#")} <= set(ids)


def test_names_are_texts_wherever_they_stand(text):
    reader = read(text)
    assert not [tag for tag, _ in reader.tags if tag == "b"]
    assert text.count("</script>") == 2
    assert ("th", helper.EVIL) in reader.texts
    assert ("dd", "by <hand>") in reader.texts
    assert ("li", "B is <left> out") in reader.texts
    assert [a["alt"] for t, a in reader.tags if t == "img"] == ['Worst of "x": Truth & <b>']


def test_numbers_are_those_of_the_evaluation(evaluation, text):
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])
    assert [tracker["name"] for tracker in data["trackers"]] == ["good", helper.EVIL]
    assert data["values"]["auc"][1][1] == pytest.approx(20 / 441, abs=1e-5)
    assert data["sequences"][0]["attributes"] == ["OCC", "SV"]
    assert data["attributes"][0] == {"key": "FM", "title": "Fast motion", "count": 1}
    curve = data["curves"][0]
    rows = np.array(curve["data"][1]) / curve["scale"]
    expected = evaluation.trackers[1].curves["success"]
    np.testing.assert_allclose(rows, expected, atol=1e-4)
    assert data["vot"] is None


def test_player_has_frames_and_boxes(evaluation, cuts, text):
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])
    clip = data["player"][1]
    assert clip["frames"] == [1, 6, 11, 16, 21]
    assert clip["total"] == 21
    assert clip["ground_truth"][2] == [10, 12, 20, 20]
    assert clip["boxes"][1][2] == [30, 12, 20, 20]
    assert clip["overlaps"][0] == [1, *[pytest.approx(16 / 24, abs=1e-3)] * 4]
    assert len(clip["images"]) == 5


def test_the_same_numbers_give_the_same_page(evaluation, cuts, text):
    picture = page.Picture('Worst of "x"', "Truth & <b>", b"\xff\xd8", (8, 4))
    assert page.render(evaluation, RULES, ["B is <left> out"], cuts, [picture]) == text


def test_sections_without_content_are_left_out(tmp_path):
    from gradnet_tf.eval.scoring.evaluate import evaluate

    dataset = helper.make_dataset(tmp_path, (5,))
    one = evaluate(dataset, [helper.make_tracker("x", dataset, (0,))], "otb", samples=100)
    ids = [a.get("id") for _, a in read(page.render(one, RULES, [], [], [])).tags]
    assert "overview" in ids and "sequences" in ids
    assert not {"attributes", "compare", "player", "vot", "moments"} & set(ids)
