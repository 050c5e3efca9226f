"""EventDetector with classifiers that answer with functions over time."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from obspy import Stream
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from seisclf.detection import EventDetector, FunctionsOverTime

from .stubs import RATE, WINDOW, NetworkStub, StationStub, put, remove, rockfall, station

LENGTH = round(WINDOW * RATE)


def scan(stream, classifier=None, **options):
    detector = EventDetector(classifier or StationStub(), **options)
    return detector.predict_functions(stream)


def test_published_scheme_is_the_default():
    classifier = StationStub()
    stream = station(n=1203)
    functions = scan(stream, classifier)
    assert isinstance(functions, FunctionsOverTime)
    function = functions["XX.A"]
    seen = np.concatenate(classifier.seen)
    step = LENGTH // 12
    assert function.n_windows == len(seen) == -(-1203 // step) + 11
    z = stream.select(component="Z")[0].data
    assert_allclose(seen[0, 0], np.r_[np.full(LENGTH - step, z[0]), z[:step]])
    assert_allclose(seen[11, 0], z[:LENGTH])
    assert_allclose(seen[-1, 0, -1], z[-1])
    assert function.covered == 1


def test_functions_are_those_of_each_sample():
    stream = put(station(), "Z", 20, 24.5, 1.7)
    for padding in ("edge", None):
        functions = scan(stream, step=2.5, padding=padding)["XX.A"].functions
        assert set(functions) == {"P", "S", "earthquake", "rockfall"}
        expected = np.zeros(1200, np.float32)
        expected[400:490] = 0.7
        assert_allclose(functions["earthquake"], expected, atol=1e-6)
        assert functions["earthquake"].dtype == np.float32


@pytest.mark.parametrize("stack", ["median", "mean", "max", "center"])
def test_what_one_window_sees_alone(stack):
    class Startled(StationStub):
        def predict_functions(self, X):
            functions = super().predict_functions(X)
            functions["rockfall"][:] = 0
            if len(self.seen) == 20:
                functions["rockfall"][0] = 1.0
            return functions

    values = scan(station(), Startled(), stack=stack, batch_size=1)["XX.A"].functions["rockfall"]
    highest = {"median": 0, "mean": 1 / 12, "max": 1}
    if stack == "center":
        assert 0 < values.max() < 0.2
    else:
        assert_allclose(values.max(), highest[stack], rtol=1e-5)


@pytest.mark.parametrize("classifier", [StationStub, NetworkStub])
def test_batch_size_changes_nothing(classifier):
    stream = rockfall(station("A"), 20) + station("B", seed=1)
    few = scan(stream, classifier(), batch_size=3)
    many = scan(stream, classifier(), batch_size=1000)
    for name in few:
        for key, values in few[name].functions.items():
            assert_array_equal(values, many[name].functions[key])


def test_stations_stand_in_the_order_that_was_asked_for():
    stream = station("A", seed=1) + station("B", seed=2) + station("C", seed=3)
    classifier = NetworkStub()
    with pytest.raises(ValueError, match=r"3 stations \(XX.A, XX.B, XX.C\).*network of 2"):
        scan(stream, classifier)
    functions = scan(stream, classifier, stations=["C", "XX.A"])
    assert list(functions) == ["XX.C", "XX.A"]
    first = classifier.seen[0][11]
    assert first.shape == (2, 3, LENGTH)
    for i, code in enumerate("CA"):
        for j, component in enumerate("ZNE"):
            trace = stream.select(station=code, component=component)[0]
            assert_allclose(first[i, j], trace.data[:LENGTH])
    by_code = NetworkStub()
    scan(stream.select(station="[AB]"), by_code)
    assert_allclose(by_code.seen[0][11, 0, 0], stream.select(id="XX.A.10.EHZ")[0].data[:LENGTH])


def test_a_missing_station_is_nan_and_reported():
    classifier = NetworkStub(3)
    stream = station("A") + station("C", seed=2)
    with pytest.warns(UserWarning, match="B: not in the record"):
        functions = scan(stream, classifier, stations=["A", "B", "C"])
    seen = np.concatenate(classifier.seen)
    assert np.isnan(seen[:, 1]).all() and np.isfinite(seen[:, [0, 2]]).all()
    assert list(functions) == ["XX.A", "XX.C"]
    report = functions.coverage_report().set_index("station")
    assert report.loc["B", "windows"] == 0 and "not in the record" in report.loc["B", "notes"]
    with pytest.warns(UserWarning, match="take the first places"):
        scan(stream, NetworkStub(3))


def test_a_station_without_a_component_is_missing():
    stream = station("A") + station("B").select(component="Z")
    with pytest.warns(UserWarning, match="XX.B: no component N, E"):
        functions = scan(stream, NetworkStub(), stations=["A", "B"])
    assert list(functions) == ["XX.A"]


def test_a_gap_at_one_station_leaves_the_others_alone():
    stream = remove(put(station("A"), "Z", 25, 28, 1.5), "N", 20, 30) + station("B", seed=1)
    put(stream.select(station="B"), "N", 22, 25, 1.5)
    classifier = NetworkStub()
    functions = scan(stream, classifier, max_gap_fraction=0)
    gap = np.arange(1200)
    gap = (gap >= 20 * RATE) & (gap < 30 * RATE)
    a, b = functions["XX.A"], functions["XX.B"]
    assert_array_equal(a.coverage, ~gap)
    for values in a.functions.values():
        assert_array_equal(np.isnan(values), gap)
    assert b.covered == 1 and np.isfinite(b.functions["rockfall"]).all()
    assert_allclose(b.functions["rockfall"][440:500], 0.5, atol=1e-6)
    assert np.isfinite(functions.network.functions["occurrence_rockfall"]).all()
    assert a.n_empty > 0 and any("10.00 s without data" in note for note in a.notes)
    # No window with a gap, not even a bridged one, was given for this station.
    seen = np.concatenate(classifier.seen)
    bridged = np.isnan(seen[:, 0]).all(axis=(1, 2))
    assert bridged.any() and np.isfinite(seen[~bridged]).all()


def test_short_gaps_are_bridged_and_stay_without_data():
    function = scan(remove(station(), "Z", 20, 20.5))["XX.A"]
    assert function.n_empty == 0
    assert_allclose(function.covered, 1 - 0.5 / 60)
    assert np.isnan(function.functions["P"][400:410]).all()
    assert np.isfinite(function.functions["P"][[399, 410]]).all()


def test_where_no_station_has_data_the_network_has_none():
    parts = [remove(station(code), "Z", 20, 40) for code in "AB"]
    functions = scan(parts[0] + parts[1], NetworkStub())
    occurrence = functions.network.functions["occurrence_earthquake"]
    assert np.isnan(occurrence[400:800]).all() and np.isfinite(occurrence[:400]).all()
    assert_allclose(functions.network.covered, 2 / 3)


def test_a_station_stands_in_one_place():
    with pytest.raises(ValueError, match="names XX.A twice, the second time as 'XX.A'"):
        scan(station("A") + station("B"), NetworkStub(), stations=["A", "XX.A"])
    with pytest.raises(TypeError, match="must be a list of codes, got the str 'A'"):
        EventDetector(NetworkStub(), stations="A")


def test_stations_that_begin_and_end_at_other_times_share_an_axis():
    late = station("B", n=600, start=station()[0].stats.starttime + 15)
    put(late, "N", 10, 12, 1.5)
    functions = scan(station("A") + late, NetworkStub())
    b = functions["XX.B"]
    assert len(b.coverage) == 1200
    assert_allclose(np.flatnonzero(b.coverage)[[0, -1]], [300, 899])
    assert_allclose(b.functions["rockfall"][500:540], 0.5, atol=1e-6)


def test_dead_component_is_no_data():
    stream = put(station("A"), "Z", 0, 60, 3.0) + station("B", seed=1)
    with pytest.warns(UserWarning, match=r"XX.A: .*constant \(3\) for 60 s"):
        functions = scan(stream, NetworkStub())
    assert list(functions) == ["XX.B"]


def test_a_record_much_shorter_than_a_window_is_refused():
    with pytest.raises(ValueError, match=r"XX.A: 6 s, shorter.*max_gap_fraction=0\.50"):
        scan(station(n=120))
    function = scan(station(n=120), max_gap_fraction=0.5)["XX.A"]
    assert function.covered == 1 and "padded" in function.notes[-1]


def test_a_pipeline_that_ends_with_such_a_classifier():
    class Doubler(FunctionTransformer):
        def transform(self, X):
            return 2 * X

    stub = StationStub()
    model = Pipeline([("double", Doubler()), ("stub", stub)])
    model.__sklearn_is_fitted__ = lambda: True
    stream = station()
    scan(stream, model, window=WINDOW, sampling_rate=RATE, components="ZNE")
    assert_allclose(stub.seen[0][11, 0], 2 * stream.select(component="Z")[0].data[:LENGTH])


def test_shapes_that_do_not_fit_are_named():
    class Short(StationStub):
        def predict_functions(self, X):
            return {"P": np.zeros((len(X), 5))}

    with pytest.raises(ValueError, match=r"'P' in shape \(\d+, 5\)"):
        scan(station(), Short())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stack": "sum"}, "median, mean, center, max"),
        ({"pick_by": "class"}, "leave pick_by out"),
        ({"padding": "zeros"}, "'auto', 'edge' or None"),
        ({"persistence": 13}, "between 1 and 12"),
        ({"persistence": 0}, "persistence"),
        ({"mask_threshold": 0}, "mask_threshold"),
        ({"pick_threshold": 1.5}, "pick_threshold"),
        ({"min_distance": -1}, "min_distance"),
        ({"stations": ["A", "B", "C"]}, "network of 2"),
        ({"stations": ["A", "A"]}, "once"),
    ],
)
def test_bad_parameters_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        EventDetector(NetworkStub(), **options)


def test_what_needs_functions_is_refused_for_other_classifiers():
    class Plain:
        classes_ = np.array(["noise", "rockfall"])
        sampling_rate, n_samples_in_, n_channels_in_ = RATE, LENGTH, 3

        def predict_proba(self, X):
            return np.full((len(X), 2), 0.5)

    for options in ({"padding": "edge"}, {"persistence": 2}, {"stack": "median"}):
        with pytest.raises(ValueError, match="functions over time"):
            EventDetector(Plain(), **options)
    stream = station("A") + station("B")
    assert list(scan(stream, Plain(), stations=["B"])) == ["XX.B"]


def test_annotations_carry_the_authors_codes():
    stream = rockfall(remove(station("A"), "Z", 40, 45), 20) + station("B", location="")
    detector = EventDetector(NetworkStub(), step=2.0, constant_gap=None)
    before = stream.copy()
    annotations = detector.annotate(stream)
    assert stream == before
    assert {trace.id for trace in annotations} == {
        "XX.RF.10.occ", "XX.EQ.10.occ",
        *(f"XX.A.10.{c}" for c in ("P", "S", "eqM", "rfM")),
        *(f"XX.B..{c}" for c in ("P", "S", "eqM", "rfM")),
    }  # fmt: skip
    pieces = annotations.select(station="A", channel="rfM")
    assert [(t.stats.npts, t.data.dtype) for t in pieces] == [(800, "f4"), (300, "f4")]
    assert pieces[1].stats.starttime == stream[0].stats.starttime + 45
    assert_allclose(pieces[0].data[401:519], 1)  # 20.05 to 25.95 s
    assert len(annotations.select(channel="occ")) == 2
    for trace in annotations:
        code = trace.stats.channel
        code = f"{trace.stats.station}.{code}" if code == "occ" else code
        assert detector.codes[code] == trace.stats.seisclf.function


def test_annotations_can_be_written(tmp_path):
    from obspy import read

    annotations = EventDetector(NetworkStub()).annotate(rockfall(station("A"), 20) + station("B"))
    annotations.write(str(tmp_path / "functions.mseed"), format="MSEED")
    again = read(str(tmp_path / "functions.mseed"))
    occurrence = annotations.select(id="XX.RF.10.occ")[0]
    assert_array_equal(again.select(id="XX.RF.10.occ")[0].data, occurrence.data)


def test_annotations_of_other_classifiers_have_a_sample_for_each_step():
    class Plain:
        classes_ = np.array(["noise", "snow avalanche"])
        sampling_rate, n_samples_in_, n_channels_in_ = RATE, LENGTH, 3

        def predict_proba(self, X):
            return np.tile([0.25, 0.75], (len(X), 1))

    stream = station()
    detector = EventDetector(Plain(), step=3.0)
    annotations = detector.annotate(stream)
    assert [trace.id for trace in annotations] == ["XX.A.10.noP", "XX.A.10.saP"]
    assert detector.codes == {"noP": "noise", "saP": "snow avalanche"}
    trace = annotations[1]
    assert trace.stats.delta == 3.0 and trace.stats.starttime == stream[0].stats.starttime + 1.5
    assert_allclose(trace.data, 0.75)


def test_nothing_warns_on_a_complete_record():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan(Stream(station("A") + station("B")), NetworkStub())


def test_picked_and_background_classes_are_the_classifiers_own():
    class Own(StationStub):
        classes_ = np.array(["car", "earthquake", "rockfall"])
        picked, background = "rockfall", ("car",)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no noise class, and no need of one
        detector = EventDetector(Own())
    assert detector.events == ["earthquake", "rockfall"]
    assert detector.predict_functions(station()).picked == ["rockfall"]
    network = NetworkStub()
    network.station_model_ = Own()
    assert scan(station("A") + station("B"), network).picked == ["rockfall"]


def test_two_instruments_of_a_station_must_be_told_apart():
    stream = station("A") + station("A", seed=1)
    for trace in stream[3:]:
        trace.stats.channel = "HH" + trace.stats.channel[-1]
    with pytest.raises(ValueError, match="fit: XX.A.10.EH, XX.A.10.HH"):
        scan(stream, stations=["A"])
    assert list(scan(stream, stations=["XX.A.10.HH"])) == ["XX.A.10.HH"]
