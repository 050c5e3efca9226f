"""Probabilities over time become the right events."""

import numpy as np

from seisclf.detection._onsets import energy_of, refine
from seisclf.detection._picking import pick_classes, pick_events


def spans_of(rows, thresholds=(0.5, 0.5), min_frames=1, merge_frames=1):
    spans = pick_classes(
        np.array(rows, float),
        np.array(thresholds, float),
        min_frames=min_frames,
        merge_frames=merge_frames,
    )
    return [(span.first, span.last, span.label) for span in spans]


def test_two_events_of_two_classes():
    rows = [[0, 0], [0.9, 0.1], [0.9, 0.1], [0, 0], [0, 0], [0, 0.7], [0, 0]]
    assert spans_of(rows) == [(1, 3, 0), (5, 6, 1)]


def test_a_short_dip_does_not_cut_an_event_but_a_long_one_does():
    rows = [[0.9, 0]] * 2 + [[0.4, 0]] + [[0.9, 0]] * 2 + [[0.4, 0]] * 2 + [[0.9, 0]]
    assert spans_of(rows) == [(0, 5, 0), (7, 8, 0)]


def test_missing_data_cuts_an_event():
    rows = [[0.9, 0]] * 2 + [[np.nan, np.nan]] + [[0.9, 0]] * 2
    assert spans_of(rows) == [(0, 2, 0), (3, 5, 0)]


def test_a_flicker_of_another_class_belongs_to_the_event_around_it():
    rows = [[0.9, 0]] * 3 + [[0.2, 0.8]] + [[0.9, 0]] * 3
    assert spans_of(rows, min_frames=2) == [(0, 7, 0)]
    assert spans_of(rows, min_frames=1, merge_frames=0) == [(0, 3, 0), (3, 4, 1), (4, 7, 0)]


def test_short_detections_are_dropped():
    assert spans_of([[0, 0], [0.9, 0], [0, 0]], min_frames=2) == []


def test_thresholds_per_class_and_classes_that_never_count():
    rows = [[0.3, 0.6], [0.3, 0.6]]
    assert spans_of(rows, thresholds=(0.25, 0.9)) == [(0, 2, 0)]
    assert spans_of(rows, thresholds=(0.9, np.inf)) == []


def test_onset_and_end_are_found_to_a_bin():
    x = np.random.default_rng(0).normal(size=(3, 6000))
    x[:, 2500:3700] *= 6
    energy = energy_of(x, np.ones(6000, bool), 10)
    onset, end = refine(energy, 150, 500, ahead=20)
    assert abs(onset - 250) <= 1
    assert abs(end - 370) <= 3


def test_without_a_rise_the_window_times_stay():
    x = np.random.default_rng(0).normal(size=(1, 6000))
    energy = energy_of(x, np.ones(6000, bool), 10)
    assert refine(energy, 150, 500, ahead=40) == (150, 500)


def test_a_step_at_the_edge_of_a_gap_is_no_onset():
    x = np.random.default_rng(0).normal(size=(1, 2000))
    x[:, 1000:] += 1e4
    valid = np.ones(2000, bool)
    valid[900:1000] = False
    energy = energy_of(x, valid, 10)
    assert np.isnan(energy[90:100]).all()
    assert np.nanmax(energy) < 20


def test_an_event_of_unsure_class_is_an_event_of_its_likeliest_class():
    rows = np.array([[0.9, 0.05, 0.05], [0.1, 0.4, 0.5], [0.1, 0.5, 0.4], [0.2, 0.5, 0.3]])
    is_event = np.array([False, True, True])
    spans = pick_events(rows, is_event, 0.5, min_frames=1, merge_frames=1)
    assert [(s.first, s.last, s.label) for s in spans] == [(1, 4, 1)]
    assert spans_of(rows, thresholds=(np.inf, 0.51, 0.51)) == []


def test_events_do_not_reach_over_missing_data():
    rows = np.array([[0.1, 0.9], [np.nan, np.nan], [0.1, 0.9], [0.9, 0.1]])
    spans = pick_events(rows, np.array([False, True]), 0.5, min_frames=1, merge_frames=3)
    assert [(s.first, s.last) for s in spans] == [(0, 1), (2, 3)]
