"""Tests of gradnet_tf.eval.report.sheets."""

from pathlib import Path

import numpy as np

from gradnet_tf.eval.report import sheets
from gradnet_tf.media import drawing
from tests.helpers import eval_report as helper


def test_worst_and_best_windows_by_hand(monkeypatch):
    monkeypatch.setattr(sheets, "WINDOW", 9)
    a = np.ones(40)
    a[20:32] = 0
    b = np.full(40, 0.5)
    worst = sheets.find_moments([a, b], 2)
    assert [m.sequence for m in worst] == [0, 1]
    assert worst[0].value == 0
    assert 20 <= worst[0].frame <= 31
    best = sheets.find_moments([a, b], 2, best=True)
    assert best[0].sequence == 0
    assert best[0].value == 1
    assert best[1].value == 0.5


def test_windows_do_not_overlap_and_begin_after_the_first_frame(monkeypatch):
    monkeypatch.setattr(sheets, "WINDOW", 10)
    values = [np.linspace(1, 0, 100)]
    moments = sheets.find_moments(values, 5, best=True)
    frames = sorted(moment.frame for moment in moments)
    assert len(frames) == 5
    assert min(np.diff(frames)) >= 10
    assert frames[0] >= 1
    # Every frame of the first window: 1 to 10.
    assert moments[0].value == np.mean(values[0][1:11])


def test_moments_are_spread_over_the_sequences(monkeypatch):
    monkeypatch.setattr(sheets, "WINDOW", 10)
    bad, good = np.zeros(300), np.ones(300)
    moments = sheets.find_moments([bad, good, good], 6)
    assert [m.sequence for m in moments].count(0) == 2
    # A share that the others cannot fill goes to whoever has more.
    moments = sheets.find_moments([bad, np.ones(11)], 6)
    assert [m.sequence for m in moments].count(0) == 5


def test_frames_without_a_number_are_passed_over(monkeypatch):
    monkeypatch.setattr(sheets, "WINDOW", 10)
    values = np.full(40, np.nan)
    assert sheets.find_moments([values], 3) == []
    values[30:] = 0.25
    (moment,) = sheets.find_moments([values], 1)
    assert moment.value == 0.25
    assert moment.frame >= 30


def test_short_sequences():
    assert [m.frame for m in sheets.find_moments([np.array([1.0, 0.5])], 3)] == [1]
    assert [m.frame for m in sheets.find_moments([np.array([1.0])], 3)] == [0]


def test_a_frame_that_cannot_be_read_stays_empty(tmp_path, caplog):
    evaluation = helper.make_evaluation(tmp_path)
    Path(evaluation.sequences[1].frames[5]).write_bytes(b"no image")
    moments = [sheets.Moment(1, 5, 0.0), sheets.Moment(0, 3, 0.5)]
    sheet = np.asarray(sheets.contact_sheet(evaluation, (0,), moments))
    whole = np.asarray(sheets.contact_sheet(evaluation, (0,), moments[1:]))
    assert (sheet[60:200, 20:300] == sheet[60, 20]).all()
    assert np.ptp(sheet[60:200, 340:620]) > 100 and sheet.shape[1] > whole.shape[1]
    assert "0006.png" in caplog.text


def test_sheet_shows_truth_and_prediction(tmp_path):
    evaluation = helper.make_evaluation(tmp_path)
    moments = [sheets.Moment(1, 5, 0.0), sheets.Moment(0, 3, 0.5)]
    evil = 1
    sheet = np.asarray(sheets.contact_sheet(evaluation, (evil,), moments))
    # Frames of 64 x 48 px are enlarged to 320 x 240, with 4 px around each.
    assert sheet.shape == (240 + 8, 2 * 324 + 4, 3)
    # The truth of B, (10, 12, 20, 20), is 5 times as large there; the prediction lies 20 px right.
    tile = sheet[4:, 4:]
    assert tuple(tile[5 * 12 + 40, 5 * 10]) == drawing.TRUTH
    assert tuple(tile[5 * 12 + 40, 5 * 50 - 1]) == drawing.PREDICTION


def test_pair_sheet_has_both_trackers(tmp_path):
    evaluation = helper.make_evaluation(tmp_path)
    values = sheets.iou_differences(evaluation, 0, 1)
    np.testing.assert_allclose(values[1][1:], 16 / 24)
    moments = sheets.find_moments(values, 1, best=True)
    assert moments[0].sequence == 1
    sheet = np.asarray(sheets.contact_sheet(evaluation, (0, 1), moments))
    colours = {tuple(pixel) for pixel in sheet.reshape(-1, 3)}
    assert {drawing.TRUTH, *drawing.TARGETS[:2]} <= colours
