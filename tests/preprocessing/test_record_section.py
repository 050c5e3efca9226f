"""Record sections as pictures: the layout, what is drawn, and where offsets come from."""

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

import seisclf
from seisclf.io import NetworkEvents
from seisclf.io._lazy_array import LazyArray
from seisclf.neural_network import CNNClassifier
from seisclf.preprocessing import Bandpass, RecordSection, Spectrogram

OFFSETS = np.array([12.0, 30.0, 41.0, 66.0, 90.0])
RATE = 100.0


def make(n_events=6, n_components=3, n_samples=600, seed=0):
    """Noise with a burst that comes later and weaker at larger offsets."""
    rng = np.random.default_rng(seed)
    times = np.arange(n_samples) / RATE
    shape = (n_events, len(OFFSETS), n_components, n_samples)
    waveforms = 0.05 * rng.normal(size=shape)
    onset = 1 + OFFSETS / 30
    late = times - onset[:, np.newaxis]
    burst = np.where(late > 0, np.exp(-late / 0.4), 0) * np.sin(2 * np.pi * 6 * late)
    waveforms += (burst * (12 / OFFSETS)[:, np.newaxis])[:, np.newaxis]
    return (waveforms - waveforms.mean(axis=-1, keepdims=True)).astype(np.float32)


def make_events(offsets=OFFSETS, **params):
    return NetworkEvents(make(**params), offsets=offsets)


class LateArray(LazyArray):
    """An array that is read when it is asked for."""

    def __init__(self, array):
        self.array = array

    @property
    def shape(self):
        return self.array.shape

    @property
    def dtype(self):
        return self.array.dtype

    def read(self, rows=None):
        return np.array(self.array if rows is None else self.array[rows])

    def _view(self, index):
        return LateArray(self.array[index])


class PeakRegressor(RegressorMixin, BaseEstimator):
    """Offset from the amplitude of the vertical component; counts what it was fitted on."""

    def fit(self, X, y):
        self.shape_ = list(X.shape)
        self.factor_ = float(np.median(y * np.abs(X[:, 0]).max(axis=-1)))
        return self

    def predict(self, X):
        return self.factor_ / np.abs(X[:, 0]).max(axis=-1)


def section(**params):
    return RecordSection(**{"size": (64, 80), "n_threads": 1, **params})


def columns_of_traces(picture):
    """Columns with most ink, one for each group of dark columns."""
    ink = picture.sum(axis=0)
    dark = np.flatnonzero(ink > 0.5 * ink.max())
    groups = np.split(dark, np.flatnonzero(np.diff(dark) > 1) + 1)
    return np.array([np.average(group + 0.5, weights=ink[group]) for group in groups])


# The layout, next to ObsPy's


def obspy_picture(traces, offsets, size, **params):
    """The axes of ObsPy's section plot, drawn by Agg at this size, and their limits in km."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from obspy import Stream, Trace

    stream = Stream()
    for k, (trace, offset) in enumerate(zip(traces, offsets, strict=True)):
        stream.append(Trace(trace.copy(), {"sampling_rate": RATE, "station": f"S{k}"}))
        stream[-1].stats.distance = 1000 * offset
    figure = plt.figure(figsize=(size[1] / 100, size[0] / 100), dpi=100)
    try:
        stream.plot(
            type="section", fig=figure, handle=True, show=False, linewidth=0.72, alpha=1, **params
        )
        axes = figure.axes[0]
        vertical = params.get("orientation") != "horizontal"
        limits = np.array(axes.get_xlim() if vertical else axes.get_ylim()) / 1000
        axes.set_position([0, 0, 1, 1])
        axes.set_axis_off()
        for text in [*axes.texts, *figure.texts]:
            text.set_visible(False)
        figure.canvas.draw()
        return 1 - np.asarray(figure.canvas.buffer_rgba())[..., 0] / 255, limits
    finally:
        plt.close(figure)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"orientation": "horizontal"}, {"orientation": "horizontal"}),
        ({"time_down": True}, {"time_down": True}),
        ({"scale": "section"}, {"norm_method": "stream"}),
        ({"gain": 2.5}, {"scale": 2.5}),
        ({"fill": "positive"}, {"fillcolors": ("k", None)}),
        ({"fill": "negative"}, {"fillcolors": (None, "k")}),
    ],
    ids=lambda params: "-".join(map(str, params.values())) or "default",
)
def test_layout_is_that_of_obspy(ours, theirs):
    from scipy.ndimage import gaussian_filter

    size = (220, 260)
    traces = make(1)[0, :, 0]
    wanted, limits = obspy_picture(traces, OFFSETS, size, **theirs)
    transformer = RecordSection(size=size, **ours)
    events = NetworkEvents(traces[np.newaxis, :, np.newaxis], offsets=OFFSETS)
    found = transformer.fit_transform(events)[0, 0]
    np.testing.assert_allclose(transformer.offset_limits(events)[0], limits, rtol=1e-5)
    smooth = gaussian_filter(wanted, 1), gaussian_filter(found, 1)
    assert np.corrcoef(smooth[0].ravel(), smooth[1].ravel())[0, 1] > 0.97
    assert 0.8 < found.sum() / wanted.sum() < 1.2
    if "gain" not in ours and "scale" not in ours:
        turned = (lambda p: p.T[:, ::-1]) if "orientation" in ours else (lambda p: p)
        places = columns_of_traces(turned(wanted)), columns_of_traces(turned(found))
        assert len(places[0]) == len(places[1]) == len(OFFSETS)
        np.testing.assert_allclose(*places, atol=1.0)


def test_traces_lie_at_their_offsets():
    transformer = section(offset_range=(0.0, 100.0), size=(64, 200), gain=0.4)
    picture = transformer.fit_transform(make_events())[0, 0]
    np.testing.assert_allclose(columns_of_traces(picture) / 2, OFFSETS, atol=0.6)
    np.testing.assert_array_equal(transformer.offset_limits(make_events()), [[0, 100]] * 6)


def test_times_are_those_of_the_rows():
    waveforms = np.zeros((1, 2, 1, 1000), dtype=np.float32)
    waveforms[..., 250] = 1.0
    up = section().fit(waveforms)
    assert abs(up.times_[up.transform(waveforms)[0, 0].sum(axis=1).argmax()] - 2.5) < 0.1
    down = section(time_down=True).fit(waveforms)
    assert abs(down.times_[down.transform(waveforms)[0, 0].sum(axis=1).argmax()] - 2.5) < 0.1
    across = section(orientation="horizontal").fit(waveforms)
    assert abs(across.times_[across.transform(waveforms)[0, 0].sum(axis=0).argmax()] - 2.5) < 0.1
    assert up.times_[0] > up.times_[-1] and across.times_.shape == (80,)


# What the pictures keep and what not


def test_pictures_are_ink_on_nothing_and_waveforms_stay():
    X = make()
    before = X.copy()
    pictures = section().fit_transform(X)
    assert pictures.shape == (6, 1, 64, 80) and pictures.dtype == np.float32
    assert pictures.min() == 0 and 0.99 < pictures.max() <= 1
    np.testing.assert_array_equal(X, before)
    assert section().fit_transform(X.astype(float)).dtype == np.float32


@pytest.mark.parametrize("style", ["wiggle", "density"])
def test_scale_says_whose_amplitude_shows(style):
    X = make()
    louder = X * np.float32(1000)
    uneven = X * np.array([1, 1, 4, 1, 1], dtype=np.float32)[:, np.newaxis, np.newaxis]
    for scale, same in (("trace", True), ("section", False)):
        draw = section(scale=scale, style=style, offsets=OFFSETS).fit_transform
        np.testing.assert_allclose(draw(louder), draw(X), atol=2e-3)
        assert np.allclose(draw(uneven), draw(X), atol=2e-3) == same


def test_components_and_axes():
    X = make()
    all_of_them = section(component="all").fit_transform(X)
    assert all_of_them.shape == (6, 3, 64, 80)
    for index, letter in enumerate("ZNE"):
        alone = section(component=letter).fit_transform(X)
        np.testing.assert_array_equal(alone, section(component=index).fit_transform(X))
        np.testing.assert_array_equal(alone, section().fit_transform(X[:, :, index]))
        if letter == "Z":
            # Together they share the axis of offsets, alone each has its own.
            fixed = {"offset_range": (-1.0, 5.0)}
            np.testing.assert_array_equal(
                section(**fixed).fit_transform(X)[:, 0],
                section(component="all", **fixed).fit_transform(X)[:, 0],
            )
    with pytest.raises(ValueError, match="names 3 components, but X has 2"):
        section().fit(X[:, :, :2])
    with pytest.raises(ValueError, match="out of range for 3"):
        section(component=3).fit(X)
    assert section().fit_transform(X[:, :, :1]).shape == (6, 1, 64, 80)


def test_two_axes_are_one_trace_for_each_event():
    X = make()[:, 0, 0]
    np.testing.assert_array_equal(
        section().fit_transform(X), section().fit_transform(X[:, np.newaxis])
    )


def test_events_do_not_know_of_each_other(monkeypatch):
    events = make_events(n_events=9)
    whole = section().fit_transform(events)
    rows = np.array([7, 0, 3])
    np.testing.assert_array_equal(section().fit(events).transform(events[rows]), whole[rows])
    monkeypatch.setattr("seisclf.preprocessing._record_section._BATCH", 2)
    np.testing.assert_array_equal(section(n_threads=3).fit_transform(events), whole)


def test_style_density_is_as_dark_as_the_amplitude():
    X = np.zeros((1, 1, 1000))
    X[0, 0, 100:200:2], X[0, 0, 101:200:2] = 1, -1
    X[0, 0, 600:700:2], X[0, 0, 601:700:2] = 0.5, -0.5
    picture = section(style="density", time_down=True, size=(10, 20)).fit_transform(X)[0, 0]
    middle = picture[:, 8:12]
    np.testing.assert_allclose(middle[1], 1, atol=1e-2)
    np.testing.assert_allclose(middle[6], 0.5, atol=1e-2)
    assert middle[8].max() < 0.05


# Traces that cannot be drawn


def test_missing_stations_are_left_out_without_a_warning():
    X = make()
    X[2, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transformer = section().fit(NetworkEvents(X, offsets=OFFSETS))
        pictures = transformer.transform(NetworkEvents(X, offsets=OFFSETS))
    rest = np.delete(np.arange(5), 1)
    alone = NetworkEvents(X[2:3, rest], offsets=OFFSETS[rest])
    np.testing.assert_array_equal(pictures[2:3], section().fit_transform(alone))
    report = transformer.report(NetworkEvents(X, offsets=OFFSETS))
    assert report.values.tolist() == [[2, 1, 0, "missing"]]


def test_what_is_not_drawn_is_named():
    X = make()
    X[0, 2] = 7.0
    offsets = np.tile(OFFSETS, (6, 1))
    offsets[3, 4] = np.nan
    events = NetworkEvents(X, offsets=offsets)
    transformer = section(offset_range=(10.0, 95.0))
    with pytest.warns(UserWarning, match=r"1 dead, 1 no offset, in 2 events \(row 0, 3\)"):
        transformer.fit_transform(events)
    assert transformer.report(events)["reason"].tolist() == ["dead", "no offset"]
    with pytest.warns(UserWarning, match="6 outside offset_range"):
        section(offset_range=(20.0, 95.0)).fit_transform(make_events())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_trace_is_dead_whatever_its_value(dtype):
    X = make().astype(dtype)
    X[:, 2] = 0.1  # no binary number: what rounding leaves must not be enlarged
    transformer = section(size=(50, 70)).fit(X)
    with pytest.warns(UserWarning, match="6 dead, in 6 events"):
        pictures = transformer.transform(X)
    X[:, 2] = np.nan
    np.testing.assert_array_equal(pictures, transformer.transform(X))


def test_infinity_is_found_where_events_are_read_late():
    X = make()
    X[4, 1, 0, 7] = np.inf
    events = NetworkEvents(LateArray(X), offsets=OFFSETS)
    transformer = section().fit(events)
    with pytest.raises(ValueError, match=r"1 traces contain infinity .* first in event 4"):
        transformer.transform(events)


def test_an_event_without_traces_is_blank_and_named():
    X = make()
    X[4] = np.nan
    with pytest.warns(UserWarning, match=r"no trace can be drawn of 1 event \(row 4\)"):
        transformer = section().fit(NetworkEvents(X, offsets=OFFSETS))
        pictures = transformer.transform(NetworkEvents(X, offsets=OFFSETS))
    assert (pictures[4] == 0).all() and (pictures[3].sum() > 0)
    assert np.isnan(transformer.offset_limits(NetworkEvents(X, offsets=OFFSETS))[4]).all()


def test_gaps_are_refused():
    X = make()
    X[1, 2, 0, 50:60] = np.nan
    with pytest.raises(ValueError, match="partly NaN"):
        section().fit(X)
    with pytest.raises(ValueError, match="partly NaN"):
        section().fit(make_events()).transform(NetworkEvents(X, offsets=OFFSETS))


def test_a_single_trace_fills_its_picture():
    picture = section().fit_transform(make()[:1, :1, :1])[0, 0]
    inked = np.flatnonzero(picture.sum(axis=0))
    assert inked[0] < 8 and inked[-1] > 72


# Where offsets come from


def test_offsets_that_differ_by_rounding_are_equal():
    X = make()
    equal = section(offsets=np.full(5, 12.3)).fit_transform(X)
    rounded = 12.3 + 1e-13 * np.arange(5)
    np.testing.assert_allclose(section(offsets=rounded).fit_transform(X), equal, atol=1e-3)
    metres = section(offsets=12.3 + 1e-3 * np.arange(5)).fit_transform(X)
    assert np.abs(metres - equal).max() > 0.5


def test_sources_of_offsets():
    X = make()
    by_events = section().fit(make_events())
    assert by_events.offsets_from_ == "events"
    by_array = section(offsets=OFFSETS).fit(X)
    assert by_array.offsets_from_ == "array"
    np.testing.assert_array_equal(by_events.transform(make_events()), by_array.transform(X))
    by_order = section().fit(X)
    assert by_order.offsets_from_ == "order"
    evenly = section(offsets=np.arange(5.0)).fit_transform(X)
    np.testing.assert_array_equal(by_order.transform(X), evenly)
    # What the parameter says stands above what the events know.
    scaled = make_events(offsets=2 * OFFSETS)
    np.testing.assert_array_equal(by_array.transform(scaled), by_array.transform(X))


def test_lost_offsets_are_an_error():
    with pytest.raises(ValueError, match="with offsets and now got events without offsets"):
        section().fit(make_events()).transform(make())
    with pytest.raises(ValueError, match="without offsets and now got events with offsets"):
        section().fit(make()).transform(make_events())


def test_wrong_arrays_of_offsets():
    with pytest.raises(ValueError, match=r"each of the 5 traces.*got shape \(4,\)"):
        section(offsets=OFFSETS[:4]).fit(make())
    with pytest.raises(ValueError, match=r"NetworkEvents\(X, offsets="):
        section(offsets=np.tile(OFFSETS, (6, 1))).fit(make())


def test_a_regressor_is_fitted_on_what_is_known():
    X = make()
    X[1, 3] = np.nan
    offsets = np.tile(OFFSETS, (6, 1))
    offsets[0, 0] = np.nan
    events = NetworkEvents(X, offsets=offsets)
    regressor = PeakRegressor()
    transformer = section(offsets=regressor).fit(events)
    assert not hasattr(regressor, "shape_")
    assert transformer.offset_regressor_.shape_ == [6 * 5 - 2, 3, 600]
    # Also what it was not fitted on is drawn where it says, and X without offsets as well.
    assert transformer.report(events)["reason"].tolist() == ["missing"]
    pictures = transformer.transform(events)
    np.testing.assert_array_equal(transformer.transform(X), pictures)
    predicted = transformer.offset_regressor_.predict(X[2])
    np.testing.assert_array_equal(pictures[2:3], section(offsets=predicted).fit_transform(X[2:3]))


def test_a_station_that_lacks_a_component_is_nothing_for_a_regressor():
    X = make()
    X[1, 3, 2] = np.nan
    events = NetworkEvents(X, offsets=OFFSETS)
    transformer = section(offsets=PeakRegressor()).fit(events)
    assert transformer.offset_regressor_.shape_ == [6 * 5 - 1, 3, 600]
    assert transformer.report(events)["reason"].tolist() == ["no offset"]


def test_a_frozen_regressor_is_used_as_it_is(tmp_path):
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.preprocessing import FunctionTransformer

    X = make()
    regressor = make_pipeline(FunctionTransformer(_peaks), KNeighborsRegressor(2))
    regressor.fit(X.reshape(-1, 3, 600), np.tile(OFFSETS, 6))
    transformer = section(offsets=FrozenEstimator(regressor)).fit(X)
    assert clone(transformer).offsets.estimator is regressor
    own = section(offsets=clone(regressor)).fit(make_events())
    np.testing.assert_array_equal(transformer.transform(X), own.transform(X))
    with pytest.raises(ValueError, match="FrozenEstimator"):
        section(offsets=regressor).fit(X)


def _peaks(X):
    return np.abs(X).max(axis=-1)


# With the rest


def test_filters_before_it_keep_the_offsets():
    events = make_events()
    chain = make_pipeline(Bandpass(low=2, high=20), section())
    pictures = chain.fit_transform(events)
    assert chain[-1].offsets_from_ == "events"
    filtered = Bandpass(low=2, high=20).fit_transform(events)
    assert isinstance(filtered, NetworkEvents)
    np.testing.assert_array_equal(filtered.offsets, events.offsets)
    np.testing.assert_array_equal(section().fit_transform(filtered), pictures)
    # What is no longer waveforms of the stations is an array.
    assert isinstance(Spectrogram().fit_transform(events), np.ndarray)


def test_pictures_go_into_a_network_and_into_a_file(tmp_path):
    X, y = make(n_events=12), np.arange(12) % 2
    X[y == 1] = X[y == 1, :, :, ::-1]
    events = NetworkEvents(X, offsets=OFFSETS)
    network = CNNClassifier(
        representation="picture", backbone="resnet18", width=2, max_epochs=12, lr=0.01,
        batch_size=6, device="cpu", random_state=0,
    )  # fmt: skip
    model = make_pipeline(section(size=24), network).fit(events, y)
    assert model.score(events, y) > 0.9
    copy = seisclf.load(seisclf.save(model, tmp_path / "model.seisclf"))
    np.testing.assert_array_equal(copy.predict_proba(events), model.predict_proba(events))


def test_another_network_may_have_other_stations():
    transformer = section().fit(make_events())
    fewer = NetworkEvents(make()[:, :3], offsets=OFFSETS[:3])
    np.testing.assert_array_equal(transformer.transform(fewer), section().fit_transform(fewer))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"scale": "event"}, "scale must be one of"),
        ({"style": "line"}, "style must be one of"),
        ({"fill": True}, "fill must be one of"),
        ({"orientation": "up"}, "orientation must be one of"),
        ({"gain": 0}, "gain must be positive"),
        ({"linewidth": np.inf}, "linewidth must be positive"),
        ({"size": (3,)}, "size must be an int or"),
        ({"size": 2.5}, "size must be an int or"),
        ({"component": "X"}, "component must be one of"),
        ({"component": 1.5}, "component must be one of .* got 1.5"),
        ({"component": None}, "component must be one of"),
        ({"component": 3}, "component=3 is out of range"),
        ({"components": None}, "components must hold a letter"),
        ({"components": "ZZN"}, "components must hold a letter"),
        ({"offset_range": (5, 5)}, "offset_range must be"),
        ({"offset_range": 100}, "offset_range must be"),
        ({"offset_range": (0, np.inf)}, "offset_range must be"),
        ({"offset_range": "ab"}, "offset_range must be"),
        ({"gain": None}, "gain must be positive and finite, got None"),
        ({"linewidth": "1"}, "linewidth must be positive and finite, got '1'"),
        ({"linewidth": 0}, "linewidth must be positive"),
        ({"sampling_rate": [100]}, "sampling_rate must be positive"),
        ({"size": True}, "size must be an int or"),
        ({"n_threads": "two"}, "n_threads must be None or"),
        ({"n_threads": -1}, "n_threads must be None or"),
        ({"offsets": "distance"}, "offsets must be None, one distance"),
        ({"offsets": PeakRegressor}, "offsets must be None, one distance"),
        ({"offsets": -OFFSETS}, "offsets must be distances in km, not negative"),
    ],
)
def test_wrong_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        section(**params).fit(make())
