"""The page in a headless Chromium: choices, sorting, comparison and player work.

The test adds a script to a copy of the page that uses its controls and writes down what it sees;
the page itself carries no code for tests.
"""

import html
import json
import re
import shutil
import subprocess

import pytest

from gradnet_tf.eval.report import clips, page
from gradnet_tf.eval.scoring import evaluate
from tests.helpers import eval_report as helper

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")

START = """<script>
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
addEventListener("securitypolicyviolation", (event) => errors.push(event.violatedDirective));
</script>"""

VOT_PROBE = """<pre id="probe"></pre><script>
byId("measure").value = "1";
byId("measure").dispatchEvent(new Event("change"));
byId("probe").textContent = JSON.stringify({
  errors,
  legend: [...document.querySelectorAll("#vot-charts .legend li")].map((li) => li.textContent),
  best: [...document.querySelectorAll("#sequences-table tbody tr:first-child td.best")]
    .map((cell) => cell.textContent),
  curve: document.querySelector("#vot-charts .curve").getAttribute("points").split(" ").length,
  frame: byId("player-frame").textContent,
});
</script>"""

PROBE = """<pre id="probe"></pre><script>
const seen = {};
const all = (selector) => [...document.querySelectorAll(selector)];
const texts = (selector) => all(selector).map((one) => one.textContent.trim());
const set = (id, value) => {
  byId(id).value = value;
  byId(id).dispatchEvent(new Event(id === "player-slider" ? "input" : "change"));
};
const press = (target, key) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const pixels = () => {
  const canvas = byId("player-canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4)
    colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
  return { count: colours.size, truth: colours.has(0x28dc3c), first: colours.has(0x6fb0ff) };
};
const legends = () => all("#curves-charts figure").map((figure) =>
  [...figure.querySelectorAll(".legend li")].map((li) => li.textContent));

seen.legends = legends();
set("attribute", "1");
seen.occlusion = legends()[0];
seen.sequences = texts("#sequences-table tbody th");
set("attribute", "-1");
all("#chosen input")[1].click();
seen.one = legends()[0];
seen.columns = texts("#sequences-table thead th");
all("#chosen input")[1].click();

const heads = () => all("#sequences-table thead button");
heads()[3].click();
seen.sorted = texts("#sequences-table tbody th");
heads()[3].click();
seen.reversed = texts("#sequences-table tbody th");
seen.direction = heads()[3].closest("th").getAttribute("aria-sort");
const overview = all("#overview-table thead button");
overview[overview.length - 1].click();
seen.fastest = texts("#overview-table tbody th")[0];

byId("filter").value = "b";
byId("filter").dispatchEvent(new Event("input"));
seen.filtered = texts("#sequences-table tbody th");

seen.compare = byId("compare-text").textContent;
seen.differences = texts("#compare-rows .value");

const chart = document.querySelector("#curves-charts svg.chart");
press(chart, "ArrowRight");
press(chart, "ArrowRight");
seen.tip = byId("tip").textContent;

set("player-sequence", "1");
seen.frame = byId("player-frame").textContent;
press(byId("player-canvas"), "ArrowRight");
seen.next = byId("player-frame").textContent;
press(byId("player-canvas"), "End");
seen.end = byId("player-frame").textContent;
set("player-slider", "2");
seen.slid = byId("player-frame").textContent;
seen.readout = texts("#player-readout td");
document.querySelector("#compare-rows .go").click();
seen.opened = byId("player-sequence").selectedOptions[0].textContent;

byId("theme").click();
const light = getComputedStyle(document.body).backgroundColor;
byId("theme").click();
seen.schemes = [light, getComputedStyle(document.body).backgroundColor];

set("player-slider", "3");
press(byId("player-canvas"), " ");
seen.playing = byId("player-play").textContent;
setTimeout(() => {
  seen.played = byId("player-frame").textContent;
  seen.stopped = byId("player-play").textContent;
  seen.pixels = pixels();
  seen.errors = errors;
  byId("probe").textContent = JSON.stringify(seen);
}, 3000);
</script>"""


def find_browser():
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    pytest.skip(f"needs a headless browser: one of {', '.join(NAMES)} (apt install chromium)")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    return drive(folder, helper.make_evaluation(folder / "data"), PROBE)


def drive(folder, evaluation, probe, pair=()):
    """Opens a page with a script added; gives what that wrote down."""
    browser = find_browser()
    cuts = clips.make_clips(evaluation, 10_000_000, 5)
    text = page.render(evaluation, [("Counting", "by hand")], [], cuts, [], pair)
    text = text.replace("<head>", f"<head>{START}", 1).replace("</body>", f"{probe}</body>", 1)
    (folder / "page.html").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *(f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000"),
            *("--window-size=1200,900", (folder / "page.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.S)
    assert found and found[1], done.stderr[-2000:]
    return json.loads(html.unescape(found[1]))


def test_no_script_fails(seen):
    assert seen["errors"] == []


def test_curves_follow_attribute_and_trackers(seen):
    evil = helper.EVIL
    # (20/21 + 300/441 + 55/126) / 3 and (160/231 + 20/441 + 55/126) / 3.
    assert seen["legends"][0] == ["0.690good", f"0.392{evil}"]
    assert seen["legends"][1] == ["1.000good", f"1.000{evil}"]
    assert seen["occlusion"] == ["0.816good", f"0.369{evil}"]
    assert seen["sequences"] == ["A", "B"]
    assert seen["one"] == ["0.690good"]
    assert seen["columns"] == ["Sequence", "Frames", "good"]


def test_tables_sort_and_filter(seen):
    assert seen["sorted"] == ["A", "C", "B"]
    assert seen["reversed"] == ["B", "C", "A"]
    assert seen["direction"] == "ascending"
    assert seen["fastest"] == helper.EVIL
    assert seen["filtered"] == ["B"]


def test_two_trackers_are_compared(seen):
    assert seen["compare"].startswith("good is better on 2 and worse on 0 of 3 sequences; ")
    assert "+0.298 (95% interval " in seen["compare"]
    assert seen["differences"] == ["+0.635", "+0.260", "+0.000"]
    assert seen["opened"] == "B"


def test_the_pair_that_was_asked_for_is_compared_first(tmp_path):
    found = drive(tmp_path, helper.make_evaluation(tmp_path / "data"), PROBE, pair=(1, 0))
    assert found["compare"].startswith(f"{helper.EVIL} is better on 0 and worse on 2 of 3")
    assert found["differences"] == ["+0.000", "−0.260", "−0.635"]


def test_values_are_read_by_keyboard(seen):
    lines = seen["tip"].split("\n")
    assert lines[0] == "Overlap threshold: 0.05"
    assert lines[1] == "1.000  good"


def test_player_steps_slides_and_plays(seen):
    assert seen["frame"] == "frame 1 of 21"
    assert seen["next"] == "frame 6 of 21"
    assert seen["end"] == "frame 21 of 21"
    assert seen["slid"] == "frame 11 of 21"
    assert seen["readout"] == ["", "0.67", "0.00"]
    assert seen["playing"] == "Pause"
    assert seen["played"] == "frame 21 of 21"
    assert seen["stopped"] == "Play"


def test_frame_and_boxes_are_painted(seen):
    assert seen["pixels"]["count"] > 100
    assert seen["pixels"]["truth"]
    assert seen["pixels"]["first"]


def test_light_and_dark(seen):
    assert seen["schemes"] == ["rgb(246, 247, 249)", "rgb(16, 21, 27)"]


def test_page_of_supervised_runs(tmp_path):
    dataset = helper.make_dataset(
        tmp_path / "data", (130, 120), convention="vot", protocol="supervised", name="vot2017"
    )
    trackers = [
        evaluate.TrackerRuns(
            name, [[helper.supervised_run("A", 130, failure)], [helper.supervised_run("B", 120)]]
        )
        for name, failure in (("failing", 30), ("exact", None))
    ]
    evaluation = evaluate.evaluate(dataset, trackers, "vot", samples=100)
    found = drive(tmp_path, evaluation, VOT_PROBE)
    assert found["errors"] == []
    eao = [f"{tracker.totals['eao']:.3f}" for tracker in evaluation.trackers]
    assert found["legend"] == [f"{eao[0]}exact", f"{eao[1]}failing"]
    assert found["best"] == ["0.000"]  # Failures: fewer are better.
    assert found["curve"] > 100
    assert found["frame"] == "frame 1 of 130"
