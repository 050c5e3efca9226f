"""EventDetector with post-processing, on a classifier whose series is known."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from obspy import Stream, Trace, UTCDateTime

from seisclf.detection import (
    EventDetector,
    MedianFilter,
    PeakSelector,
    ThresholdFilter,
    stft_cnn_postprocessing,
)
from seisclf.detection._windows import Stacker

from .stubs import StationStub

RATE, STEP = 10.0, 1.0
START = UTCDateTime(2020, 3, 28, 13)
SURE, REST = 0.9, 0.05


class ReadsTheMiddle:
    """The sample in the middle of a window says its class."""

    classes_ = np.array(["noise", "quake", "rockfall"])
    sampling_rate = RATE
    n_channels_in_, n_samples_in_ = 1, 40

    def __init__(self):
        self.n_calls = 0

    def predict_proba(self, X):
        self.n_calls += 1
        said = np.abs(np.round(X[:, 0, 20])).astype(int)
        return np.where(np.arange(3) == said[:, np.newaxis], SURE, REST)


def record(*spans, n=600, gap=None):
    """Samples that say noise, but (first second, last second, class) what is in `spans`."""
    data = np.random.default_rng(0).normal(0, 0.01, n)
    for first, last, label in spans:
        data[round(first * RATE) : round(last * RATE)] += label
    if gap is not None:
        data[round(gap[0] * RATE) : round(gap[1] * RATE)] = np.nan
    header = {"network": "XX", "station": "A", "channel": "HHZ"}
    return Stream(Trace(data, header | {"sampling_rate": RATE, "starttime": START}))


def detector(postprocessing=None, **parameters):
    return EventDetector(ReadsTheMiddle(), step=STEP, postprocessing=postprocessing, **parameters)


def seconds(times):
    return [(time - pd.Timestamp(START.ns, tz="UTC")).total_seconds() for time in times]


def test_one_window_one_value_in_its_middle():
    function = detector(stack="window").predict_functions(record((10, 20, 1)))["XX.A"]
    quake = function.probabilities[:, 1]
    # Windows begin at 0, 1, ..., 56 s and have their middles at 2, ..., 58 s.
    assert np.flatnonzero(np.isnan(quake)).tolist() == [0, 1, 59]
    assert np.flatnonzero(quake == SURE).tolist() == list(range(10, 20))
    assert_allclose(quake[2:10], REST)
    assert function.raw is None
    assert function.covered == 1  # every sample was in some window


def test_a_frame_takes_the_window_whose_middle_is_closest_to_its_own():
    stacker = Stacker(100, 1, length=20, step=10, stack="window")
    starts = np.array([0, 8, 13, 14, 40])  # middles at 10, 18, 23, 24, 50
    stacker.add(starts[:2], np.array([[0.1], [0.2]]))
    stacker.add(starts[2:], np.array([[0.3], [0.4], [0.5]]))
    expected = [np.nan, 0.2, 0.4, np.nan, np.nan, 0.5, np.nan, np.nan, np.nan, np.nan]
    assert_array_equal(stacker.result()[:, 0], expected)


def test_the_chain_concerns_events_and_keeps_what_it_began_with():
    chain = ThresholdFilter(threshold=0.5)
    function = detector(chain).predict_functions(record((10, 20, 1)))["XX.A"]
    plain = detector(stack="window").predict_functions(record((10, 20, 1)))["XX.A"]
    assert_array_equal(function.raw, plain.probabilities)
    assert_array_equal(function.probabilities[:, 0], plain.probabilities[:, 0])  # the background
    known = ~np.isnan(function.raw[:, 1])
    assert_array_equal(
        function.probabilities[known, 1:], np.where(function.raw > 0.5, SURE, 0)[known, 1:]
    )
    assert_array_equal(np.isnan(function.probabilities), np.isnan(function.raw))


def test_events_are_what_the_chain_leaves():
    stream = record((10, 12, 1), (20, 30, 1), (30, 40, 2), (50, 53, 2))
    # The median drops the two seconds at 10 and keeps the three at 50.
    found = detector(MedianFilter(size=5), threshold=0.5, refine=False).detect(stream)
    frame = found.to_frame()
    assert frame["class"].tolist() == ["quake", "rockfall", "rockfall"]
    assert seconds(frame["onset"]) == [20, 30, 50]
    assert seconds(frame["end"]) == [30, 40, 53]
    assert_allclose(frame["probability"], SURE)
    assert found.settings["postprocessing"] == "MedianFilter(size=5)"
    assert found.settings["stack"] == "window"


def test_the_papers_chain_finds_the_longest():
    stream = record((15, 20, 1), (20, 32, 2))
    found = detector(stft_cnn_postprocessing("code"), refine=False).detect(stream)
    frame = found.to_frame()
    assert frame["class"].tolist() == ["rockfall"]
    function = found.functions["XX.A"]
    rockfall = function.probabilities[:, 2]
    above = np.flatnonzero(rockfall > 0)
    assert seconds(frame["onset"]) == [above[0]] and seconds(frame["end"]) == [above[-1] + 1]
    assert_allclose(frame["probability"], np.nanmax(rockfall))
    assert rockfall[above].min() >= 0.18
    assert np.nanmax(function.probabilities[:, 1]) == 0
    assert np.nanmax(function.raw[:, 1]) == SURE


def test_another_chain_needs_no_new_scan_and_begins_anew():
    stream = record((15, 20, 1), (40, 44, 2))
    first = detector(stft_cnn_postprocessing())
    functions = first.predict_functions(stream)
    calls = first.classifier.n_calls
    strict = stft_cnn_postprocessing().set_params(select__min_height=0.4)
    again = EventDetector(first.classifier, step=STEP, postprocessing=strict).pick(functions)
    assert first.classifier.n_calls == calls
    assert_array_equal(
        again.functions["XX.A"].probabilities,
        detector(strict).predict_functions(stream)["XX.A"].probabilities,
    )
    assert len(first.pick(functions)) == 2
    assert again.to_frame()["class"].tolist() == []
    # Without a chain, the classifier's own probabilities come back.
    plain = EventDetector(first.classifier, step=STEP, stack="window")
    own = plain.predict_functions(stream)
    assert_array_equal(
        plain.pick(functions).functions["XX.A"].probabilities, own["XX.A"].probabilities
    )
    pd.testing.assert_frame_equal(plain.pick(functions).to_frame(), plain.pick(own).to_frame())


def test_processing_twice_is_processing_once():
    chain = stft_cnn_postprocessing()
    functions = detector(chain).predict_functions(record((15, 20, 1)))
    twice = detector(chain).pick(functions).functions
    assert_array_equal(twice["XX.A"].probabilities, functions["XX.A"].probabilities)


def test_nothing_crosses_a_gap():
    stream = record((15, 25, 1), gap=(25, 35))
    function = detector(stft_cnn_postprocessing()).predict_functions(stream)["XX.A"]
    assert np.isnan(function.probabilities[25:35]).all()
    assert np.nanmax(function.probabilities[35:, 1]) == 0
    assert np.nanmax(function.probabilities[:25, 1]) > 0.5


def test_a_chain_serves_stations_of_different_lengths_and_is_left_unfitted():
    chain = PeakSelector()
    stream = record((15, 25, 1))
    other = record((15, 25, 2), n=400)
    other[0].stats.station = "B"
    frame = detector(chain).detect(stream + other).to_frame()
    assert sorted(zip(frame["stations"], frame["class"], strict=True)) == [
        ("XX.A", "quake"),
        ("XX.B", "rockfall"),
    ]
    assert not hasattr(chain, "n_samples_in_")


def test_thresholds_count_after_the_chain():
    stream = record((15, 20, 1), (40, 55, 2))
    chain = stft_cnn_postprocessing()
    assert detector(chain).threshold == 0
    everything = detector(chain).detect(stream).to_frame()
    assert everything["class"].tolist() == ["quake", "rockfall"]
    assert everything["probability"].between(0.3, 0.5).tolist() == [True, False]
    high = detector(chain, threshold=0.5).detect(stream).to_frame()
    assert high["class"].tolist() == ["rockfall"]
    one = detector(chain, threshold={"quake": 0.1, "rockfall": 1.0}).detect(stream).to_frame()
    assert one["class"].tolist() == ["quake"]
    together = detector(chain, pick_by="event").detect(stream).to_frame()
    assert together["class"].tolist() == ["quake", "rockfall"]


def test_overlapping_windows_may_be_averaged_before_the_chain():
    stream = record((15, 25, 1))
    function = detector(ThresholdFilter(), stack="mean").predict_functions(stream)["XX.A"]
    plain = detector().predict_functions(stream)["XX.A"]
    assert_array_equal(function.raw, plain.probabilities)


def test_traces_and_pictures_show_what_the_chain_leaves():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    stream = record((15, 20, 1), (20, 32, 2))
    found = detector(stft_cnn_postprocessing()).detect(stream)
    function = found.functions["XX.A"]
    traces = detector(stft_cnn_postprocessing()).annotate(stream)
    rockfall = next(t for t in traces if t.stats.channel == "roP" or t.stats.channel == "rfP")
    assert_allclose(rockfall.data, function.probabilities[2:59, 2].astype(np.float32))
    display = found.plot(stream)
    drawn = [patch.get_data().values for patch in display.axes_[-1].patches[:6]]
    assert_array_equal(drawn[1], function.raw[:, 1])
    assert_array_equal(drawn[5], function.probabilities[:, 2])
    plt.close(display.figure_)


def test_what_is_no_transformer_is_refused():
    with pytest.raises(TypeError, match="stft_cnn_postprocessing"):
        detector("median")
    with pytest.raises(TypeError, match="got MedianFilter"):
        detector(MedianFilter)
    with pytest.raises(ValueError, match="sample by sample"):
        EventDetector(StationStub(), postprocessing=MedianFilter())
    with pytest.raises(ValueError, match="threshold must lie above 0"):
        detector(threshold=0)

    class Shorter:
        def fit_transform(self, X):
            return X[..., 1:]

    with pytest.raises(ValueError, match="must keep the shape"):
        detector(Shorter()).detect(record())

    from sklearn.preprocessing import StandardScaler

    with pytest.raises(ValueError, match="StandardScaler.*n_frames.*stft_cnn_postprocessing"):
        detector(StandardScaler()).detect(record())
