"""EventDetector on stubs whose answer is known."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from obspy import Stream, Trace, UTCDateTime
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from seisclf.detection import EventDetector

RATE = 50.0
START = UTCDateTime(2021, 3, 4, 5, 6, 7)


class Loudness:
    """Loud windows are rockfalls; remembers what it was given."""

    classes_ = np.array(["noise", "rockfall"])
    sampling_rate = RATE

    def __init__(self, n_channels=1, n_samples=200):
        self.n_channels_in_, self.n_samples_in_ = n_channels, n_samples
        self.seen = []

    def predict_proba(self, X):
        self.seen.append(X.copy())
        loud = np.clip(X.std(axis=-1).mean(axis=1) / 5, 0, 1)
        return np.column_stack([1 - loud, loud])


def record(n=3000, station="A", channels="Z", rate=RATE, seed=0, event=None):
    traces = []
    for i, letter in enumerate(channels):
        data = np.random.default_rng([seed, i]).normal(size=n)
        if event:
            data[slice(*event)] *= 20
        header = {
            "network": "XX", "station": station, "channel": "HH" + letter,
            "sampling_rate": rate, "starttime": START,
        }  # fmt: skip
        traces.append(Trace(data, header))
    return Stream(traces)


def with_gap(stream, first, last):
    out = Stream()
    for trace in stream:
        t = trace.stats.starttime
        out += trace.slice(endtime=t + (first - 1) / RATE)
        out += trace.slice(starttime=t + last / RATE)
    return out


def test_every_sample_is_seen_unchanged_and_probabilities_sum_to_one():
    stream = record(n=3017, channels="ENZ", event=(1000, 1300))
    before = stream.copy()
    classifier = Loudness(n_channels=3)
    functions = EventDetector(classifier, step=1.0).predict_functions(stream)
    function = functions["XX.A"]
    assert function.covered == 1
    assert_allclose(function.probabilities.sum(axis=1), 1, atol=1e-6)
    seen = np.concatenate(classifier.seen)
    assert seen.shape[1:] == (3, 200)
    z = stream.select(channel="HHZ")[0].data
    assert_allclose(seen[0, 0], z[:200])  # Z first, although it came last
    assert_allclose(seen[-1, 0], z[-200:])  # right-aligned
    assert function.n_windows == len(seen)
    assert [(a.data == b.data).all() for a, b in zip(stream, before, strict=True)] == [True] * 3


def test_finds_the_event_and_when_it_was():
    stream = record(event=(1000, 1300))
    detections = EventDetector(Loudness(), step=0.5).detect(stream)
    frame = detections.to_frame()
    assert frame["class"].tolist() == ["rockfall"]
    assert frame["stations"].tolist() == ["XX.A"]
    assert abs(UTCDateTime(frame["onset"][0].isoformat()) - (START + 20)) < 0.2
    assert abs(UTCDateTime(frame["end"][0].isoformat()) - (START + 26)) < 0.5
    assert 0.5 < frame["probability"][0] <= 1
    assert frame["coverage"][0] == 1
    coarse = EventDetector(Loudness(), step=0.5, refine=False).detect(stream).to_frame()
    assert coarse["onset"][0] < frame["onset"][0]


def test_gaps_are_no_data_and_their_neighbours_are_scanned():
    stream = with_gap(record(), 1234, 1534)
    function = EventDetector(Loudness(), step=0.5, max_gap_fraction=0).predict_functions(stream)[
        "XX.A"
    ]
    missing = np.isnan(function.probabilities).any(axis=1)
    inside = np.arange(len(missing)) * 25
    whole = (inside >= 1234) & (inside + 25 <= 1534)
    assert missing[whole].all()
    assert not missing[~whole].any()
    assert function.n_empty > 0
    assert_allclose(function.covered, 1 - 300 / 3000)
    assert any("6.00 s without data" in note for note in function.notes)


def test_gap_in_one_component_is_a_gap():
    stream = record(channels="ZNE")
    stream.traces[1:2] = with_gap(Stream(stream[1:2]), 1000, 1400).traces
    function = EventDetector(Loudness(3), step=0.5).predict_functions(stream)["XX.A"]
    assert np.isnan(function.probabilities[42:54]).all()
    assert_allclose(function.covered, 1 - 400 / 3000, atol=0.01)


def test_masked_and_nan_samples_are_gaps():
    masked, holes = record(), record()
    masked[0].data = np.ma.masked_array(masked[0].data, np.zeros(3000, bool))
    masked[0].data[1000:1400] = np.ma.masked
    holes[0].data[1000:1400] = np.nan
    detector = EventDetector(Loudness(), step=0.5)
    first = detector.predict_functions(masked)["XX.A"]
    second = detector.predict_functions(holes)["XX.A"]
    assert np.isnan(first.probabilities).any()
    assert_allclose(first.probabilities, second.probabilities)


def test_dead_stretches_are_no_data():
    stream = record()
    stream[0].data[1000:2000] = 7.0
    function = EventDetector(Loudness(), step=0.5).predict_functions(stream)["XX.A"]
    assert np.isnan(function.probabilities[48:72]).all()
    assert any("constant" in note for note in function.notes)


def test_a_short_record_is_padded_and_flagged_if_that_is_allowed():
    stream = record(n=150)
    with pytest.raises(ValueError, match=r"max_gap_fraction=0\.25"):
        EventDetector(Loudness()).predict_functions(stream)
    function = EventDetector(Loudness(), max_gap_fraction=0.3).predict_functions(stream)["XX.A"]
    assert function.padded and "padded" in function.notes[-1]
    assert np.isfinite(function.probabilities).all()
    assert function.covered == 1


def test_other_rates_are_refused_with_the_call_or_resampled_with_a_note():
    stream = record() + record(n=6000, station="B", rate=100.0, event=(2000, 2600))
    with pytest.raises(ValueError, match=r"100 Hz at XX.B.*resample=True"):
        EventDetector(Loudness()).detect(stream)
    detections = EventDetector(Loudness(), resample=True, step=0.5).detect(stream)
    assert detections.to_frame()["stations"].tolist() == ["XX.B"]
    assert "resampled from 100 to 50 Hz" in detections.coverage_report()["notes"][1]


def test_nearly_equal_rates_are_one_rate():
    stream = record()
    stream[0].stats.sampling_rate = 50.000008
    assert EventDetector(Loudness()).predict_functions(stream)["XX.A"].covered == 1


def test_a_station_without_a_component_is_named():
    stream = record(channels="ZNE") + record(station="B", channels="Z")
    with pytest.warns(UserWarning, match=r"XX.B: no component N, E"):
        detections = EventDetector(Loudness(3)).detect(stream)
    report = detections.coverage_report().set_index("station")
    assert report.loc["XX.B", "windows"] == 0
    assert "no component N, E" in report.loc["XX.B", "notes"]
    with pytest.raises(ValueError, match="no station can be scanned. XX.B"):
        EventDetector(Loudness(3)).detect(stream.select(station="B"))


def test_components_1_and_2_stand_in():
    stream = record(channels="Z12")
    classifier = Loudness(3)
    EventDetector(classifier).detect(stream)
    assert_allclose(classifier.seen[0][0, 2], stream[2].data[:200])


def test_two_instruments_at_one_station_are_scanned_apart():
    stream = record() + record(seed=1)
    stream[1].stats.channel = "EHZ"
    functions = EventDetector(Loudness()).predict_functions(stream)
    assert sorted(functions) == ["XX.A..EH", "XX.A..HH"]


def test_cutting_the_record_into_pieces_changes_nothing():
    stream = record(channels="ZNE", event=(1500, 1700))
    pieces = Stream()
    for trace in stream:
        for first in range(0, 3000, 700):
            piece = trace.copy()
            piece.data = trace.data[first : first + 700].copy()
            piece.stats.starttime = trace.stats.starttime + first / RATE
            pieces.append(piece)
    pieces.traces.reverse()
    detector = EventDetector(Loudness(3))
    whole, cut = detector.predict_functions(stream), detector.predict_functions(pieces)
    assert_allclose(cut["XX.A"].probabilities, whole["XX.A"].probabilities, atol=1e-12)


def test_batch_size_changes_nothing():
    stream = record(event=(1000, 1300))
    few = EventDetector(Loudness(), batch_size=3).predict_functions(stream)["XX.A"]
    many = EventDetector(Loudness(), batch_size=1000).predict_functions(stream)["XX.A"]
    assert_allclose(few.probabilities, many.probabilities, atol=1e-12)


def test_other_thresholds_need_no_new_scan():
    stream = record(event=(1000, 1300))
    classifier = Loudness()
    functions = EventDetector(classifier).predict_functions(stream)
    calls = len(classifier.seen)
    assert len(EventDetector(classifier, threshold=0.99).pick(functions)) <= 1
    assert len(EventDetector(classifier, threshold={"rockfall": 0.3}).pick(functions)) == 1
    assert len(classifier.seen) == calls


def test_wraps_a_pipeline_of_scikit_learn_with_two_dimensional_windows():
    X = np.random.default_rng(0).normal(size=(40, 100)) * np.repeat([1, 20], 20)[:, None]
    y = np.repeat([0, 1], 20)
    loudness = FunctionTransformer(lambda X: np.log(X.std(axis=1, keepdims=True)))
    model = make_pipeline(loudness, LogisticRegression()).fit(X, y)
    detector = EventDetector(model, window=2.0, sampling_rate=RATE, background=0)
    frame = detector.detect(record(event=(1000, 1300))).to_frame()
    assert frame["class"].tolist() == [1]


def test_no_event_gives_an_empty_table_that_says_what_was_scanned(tmp_path):
    detections = EventDetector(Loudness()).detect(record())
    assert len(detections) == 0
    assert "0 detections (none)" in repr(detections)
    assert detections.coverage_report()["covered"].tolist() == [1.0]
    assert detections.to_csv(tmp_path / "none.csv").read_text().startswith("class,onset,end")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 5.0}, "step must lie between"),
        ({"step": 0.001}, "step must lie between"),
        ({"window": 3.0}, "fitted on 200"),
        ({"sampling_rate": 100.0}, "built for 50 Hz"),
        ({"components": "ZNE"}, "fitted on 1 channel"),
        ({"stack": "median"}, "mean, center, max"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": {"quake": 0.5}}, "quake"),
        ({"background": ["noise", "rockfall"]}, "every class is background"),
        ({"max_gap_fraction": 1.0}, "max_gap_fraction"),
        ({"min_duration": -1.0}, "min_duration"),
        ({"batch_size": 0}, "batch_size"),
        ({"pick_by": "wave"}, "pick_by"),
        ({"pick_by": "event", "background": None}, "needs a background"),
    ],
)
def test_bad_parameters_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        EventDetector(Loudness(), **options)


def test_what_is_no_fitted_classifier_is_refused():
    with pytest.raises(NotFittedError):
        EventDetector(DummyClassifier(), window=1.0, sampling_rate=1.0)
    svc = LinearSVC().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(TypeError, match="CalibratedClassifierCV"):
        EventDetector(svc, window=1.0, sampling_rate=1.0)
    with pytest.raises(TypeError, match="DummyClassifier"):
        EventDetector(DummyClassifier)


def test_what_the_classifier_does_not_know_must_be_given():
    model = DummyClassifier(strategy="prior").fit(np.zeros((2, 10)), ["noise", "a"])
    with pytest.raises(ValueError, match=r"EventDetector\(classifier, sampling_rate"):
        EventDetector(model)
    with pytest.raises(ValueError, match=r"EventDetector\(classifier, window"):
        EventDetector(model, sampling_rate=10.0)


def test_a_missing_background_class_is_warned_of():
    class NoNoise(Loudness):
        classes_ = np.array(["quake", "rockfall"])

    with pytest.warns(UserWarning, match="no such class"):
        EventDetector(NoNoise())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EventDetector(NoNoise(), background=None)


def test_what_is_no_probability_is_refused():
    class Wrong(Loudness):
        def predict_proba(self, X):
            return np.full((len(X), 2), 0.9)

    with pytest.raises(ValueError, match="sum to one"):
        EventDetector(Wrong()).detect(record())


def test_what_is_no_stream_is_refused():
    detector = EventDetector(Loudness())
    with pytest.raises(TypeError, match="obspy.read"):
        detector.detect("day.mseed")
    with pytest.raises(ValueError, match="empty"):
        detector.detect(Stream())


def test_it_is_no_estimator():
    assert not hasattr(EventDetector(Loudness()), "get_params")


def test_what_is_given_in_place_of_something_else_is_told_what_to_do(tmp_path):
    with pytest.raises(TypeError, match=r"EventDetector\(seisclf.load\(path\)\)"):
        EventDetector("forest.seisclf")
    own = EventDetector(Loudness(), window=4.0, step=1.0, sampling_rate=RATE, components="Z")
    with pytest.raises(TypeError, match=r"EventDetector.scan\(path\)"):
        own.detect("archive")
    (tmp_path / "file").write_text("")
    for options, words in (
        ({"chunk": "day"}, "chunk must be a positive number"),
        ({"n_jobs": 0}, "n_jobs must be a number of workers"),
        ({"output": tmp_path / "file"}, "is a file: give another one"),
    ):
        with pytest.raises(ValueError, match=words):
            own.scan(tmp_path, **options)
    with pytest.raises(ValueError, match="holds no waveforms that can be read"):
        own.scan(tmp_path, output=None)
