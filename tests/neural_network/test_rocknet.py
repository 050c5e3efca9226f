"""RockNetClassifier: it learns, its rule is the benchmark's, and arrivals go where rows go."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, cross_validate

from seisclf.augmentation import MosaicAugmenter
from seisclf.io import LazyWaveforms
from seisclf.neural_network import RockNetClassifier
from seisclf.neural_network._rocknet_rules import EventRule, class_probabilities
from seisclf.utils import EventLabels

RATE = 20.0
TINY = dict(sampling_rate=RATE, filters=(3, 3), stride=2, max_epochs=1, device="cpu")


def make_bursts(n=60, n_channels=1, n_samples=160, seed=0):
    """Slow bursts ("quake"), fast ones ("rockfall") and noise, with their starts and ends."""
    rng = np.random.default_rng(seed)
    time = np.arange(n_samples) / RATE
    y = np.array(["noise", "quake", "rockfall"])[np.arange(n) % 3]
    X = rng.normal(size=(n, n_channels, n_samples))
    start = rng.uniform(1.5, 3.5, n)
    end = start + rng.uniform(2.0, 3.0, n)
    for i in np.flatnonzero(y != "noise"):
        inside = (time >= start[i]) & (time <= end[i])
        pitch = 1.5 if y[i] == "quake" else 7.0
        X[i] += 8 * inside * np.sin(2 * np.pi * pitch * time + rng.uniform(0, 6))
    arrivals = pd.DataFrame({"start": start, "end": end})
    arrivals[y == "noise"] = np.nan
    return X.astype(np.float32), y, arrivals


@pytest.fixture(scope="module")
def bursts():
    return make_bursts()


@pytest.fixture(scope="module")
def trained(bursts):
    X, y, arrivals = bursts
    net = RockNetClassifier(
        sampling_rate=RATE,
        filters=(6, 8, 10),
        stride=4,
        dropout=0.0,
        lr=0.015,
        max_epochs=8,
        batch_size=8,
        device="cpu",
        random_state=0,
    )
    return net.fit(X, y, arrivals=arrivals)


def test_learns_class_and_stretch_of_events_it_has_not_seen(trained):
    X, y, arrivals = make_bursts(30, seed=1)
    assert trained.score(X, y) > 0.75
    functions = trained.predict_functions(X)
    assert list(functions) == ["P", "S", "quake", "rockfall"]
    time = np.arange(X.shape[-1]) / RATE
    for label in ("quake", "rockfall"):
        assert functions[label].dtype == np.float32
        rows = y == label
        true = (time >= arrivals["start"].to_numpy()[rows, None]) & (
            time <= arrivals["end"].to_numpy()[rows, None]
        )
        found = functions[label][rows] >= 0.5
        assert np.sum(true & found) / np.sum(true | found) > 0.6
        assert np.mean(functions[label][y == "noise"] >= 0.5) < 0.05
    assert functions["P"].max() < 0.3  # nobody said that any class is picked


def test_pick_lists_the_runs_of_the_masks(trained, bursts):
    X, y, arrivals = bursts
    table = trained.pick(X)
    expected = "row class P P_probability S S_probability start end probability"
    assert " ".join(table) == expected
    assert table["row"].is_monotonic_increasing
    assert (table["end"] - table["start"] >= 0.5 - 1.5 / RATE).all()
    functions = trained.predict_functions(X)
    for entry in table.head(10).itertuples():
        first, last = round(entry.start * RATE), round(entry.end * RATE)
        run = functions[table["class"][entry.Index]][entry.row, first : last + 1]
        assert run.min() >= 0.5
        assert entry.probability == pytest.approx(run.mean(), rel=1e-5)
    merged = table.merge(arrivals, left_on="row", right_index=True, suffixes=("", "_true"))
    right = merged[merged["class"] == y[merged["row"]]]
    assert np.median(np.abs(right["start"] - right["start_true"])) < 0.6


def test_order_and_size_of_batches_do_not_matter(trained, bursts):
    X = bursts[0][:20]
    order = np.random.default_rng(0).permutation(20)
    whole = trained.predict_proba(X)
    assert_allclose(trained.predict_proba(X[order]), whole[order], atol=1e-5)
    singly = np.concatenate([trained.predict_proba(x[None]) for x in X])
    assert_allclose(singly, whole, atol=1e-5)


def test_probabilities_agree_with_each_other(trained, bursts):
    X = bursts[0]
    proba = trained.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)
    assert_array_equal(trained.classes_[proba.argmax(axis=1)], trained.predict(X))
    assert_allclose(np.exp(trained.predict_log_proba(X)), proba, atol=1e-9)


def test_prediction_does_not_touch_the_trained_network(trained, bursts):
    before = {k: v.clone() for k, v in trained.net_.module_.state_dict().items()}
    parts = list(map(type, trained.net_.module_.modules()))
    trained.predict(bursts[0][:4])
    assert list(map(type, trained.net_.module_.modules())) == parts
    for name, value in trained.net_.module_.state_dict().items():
        assert_array_equal(value, before[name])


def test_prediction_follows_weights_that_somebody_changed(bursts):
    X, y, _ = bursts
    net = RockNetClassifier(**TINY, random_state=0).fit(X, y)
    before = net.predict_functions(X[:3])["rockfall"]
    net.net_.module_.mask_heads[1].bias.data[0] += 3.0
    after = net.predict_functions(X[:3])["rockfall"]
    assert_allclose(np.log(after / (1 - after)), np.log(before / (1 - before)) + 3, atol=1e-3)


def test_file_and_going_on(trained, bursts, tmp_path):
    X, y, arrivals = bursts
    loaded = RockNetClassifier.load(trained.save(tmp_path / "net.seisclf"))
    assert_array_equal(loaded.predict_proba(X), trained.predict_proba(X))
    loaded.partial_fit(X[:9], y[:9], arrivals=arrivals[:9], epochs=2)
    assert loaded.n_iter_ == 10


def test_spectrogram_takes_the_channel_called_z(bursts):
    X = np.repeat(bursts[0], 3, axis=1)
    for components, vertical in (("ZNE", 0), ("ENZ", 2), ("12", 0)):
        net = RockNetClassifier(**TINY, components=components).fit(X, bursts[1])
        assert net.net_.module_.input.vertical == vertical


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"network": "both"}, "network must be one of"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\)"),
        ({"mask_threshold": 0.0}, "mask_threshold must lie between 0 and 1"),
        ({"alignment": "skewed"}, "alignment must be"),
        ({"background": ("noise", "quake", "rockfall")}, "needs a class of events"),
        ({"inference_dtype": "float16"}, "inference_dtype must be None or 'bfloat16'"),
        ({"inference_dtype": "bfloat16", "dtype": "float64"}, "needs dtype='float32'"),
        ({"augmenter": MosaicAugmenter(sampling_rate=99.0)}, "augmenter has sampling_rate=99"),
    ],
)
def test_impossible_settings_are_named(bursts, params, message):
    with pytest.raises(ValueError, match=message):
        RockNetClassifier(**{**TINY, **params}).fit(*bursts[:2])


# The rule


def plain_rule(p, s, masks, picked, rate, theta=0.5, pick=0.3):
    """The rule of predict_proba for one event, written as it reads."""
    best, winner = 0.0, None
    reach = round(rate)
    for k, mask in enumerate(masks):
        start = None
        for t in range(len(mask) + 1):
            inside = t < len(mask) and mask[t] >= theta
            if inside and start is None:
                start = t
            if not inside and start is not None:
                run, start = (start, t - 1), None
                if run[1] - run[0] + 1 < 0.5 * rate:
                    continue
                if picked[k]:
                    near = range(max(run[0] - reach, 0), min(run[1] + reach + 1, len(mask)))
                    if not all(
                        any(
                            f[i] >= pick and f[i] == max(f[max(i - reach, 0) : i + reach + 1])
                            for i in near
                        )
                        for f in (p, s)
                    ):
                        continue
                mean = np.mean(mask[run[0] : run[1] + 1])
                if mean > best:
                    best, winner = mean, k
    return winner


def test_largest_probability_is_the_class_that_the_rule_names():
    rng = np.random.default_rng(0)
    n, t, rate = 200, 150, 10.0
    kernel = np.hanning(15)

    def smooth(gain, level):
        noise = rng.normal(size=(n, t))
        smoothed = np.array([np.convolve(row, kernel, "same") for row in noise]) / 2
        return 1 / (1 + np.exp(-gain * smoothed + level))

    p, s, first, second = smooth(1, 1), smooth(1, 1), smooth(1.5, 3), smooth(1.5, 3)
    rule = EventRule(rate)
    evidence = np.stack([rule.evidence(first, p, s), rule.evidence(second)], axis=1)
    found = class_probabilities(evidence, [0, 2], 3, background=1).argmax(axis=1)
    winners = [
        plain_rule(p[i], s[i], (first[i], second[i]), (True, False), rate) for i in range(n)
    ]
    expected = [1 if winner is None else 2 * winner for winner in winners]
    assert_array_equal(found, expected)
    assert min(np.bincount(found, minlength=3)) > 5  # each outcome occurs


def test_evidence_is_the_mean_of_the_best_run_and_small_without_one():
    mask = np.zeros((4, 100))
    mask[0, 20:40] = 0.8
    mask[0, 60:70] = 0.9
    mask[1, 20:24] = 0.9  # too short
    mask[2, 20:40] = 0.4  # too low
    rule = EventRule(10.0)
    assert_allclose(rule.evidence(mask), [0.9, 0.5, 0.4, 0.0], atol=1e-5)
    p, s = np.zeros((4, 100)), np.zeros((4, 100))
    p[:, 62], s[:, 75] = 0.6, 0.9
    assert_allclose(rule.evidence(mask, p, s), [0.9, 0.5, 0.4, 0.0], atol=1e-5)
    s[:, 75] = 0.15  # half of the threshold
    assert_allclose(rule.evidence(mask, p, s), [0.25, 0.25, 0.2, 0.0], atol=1e-5)


def test_a_window_shorter_than_the_shortest_run_counts_as_a_whole():
    assert EventRule(10.0).evidence(np.full((1, 2), 0.8))[0] == pytest.approx(0.8)


@pytest.mark.parametrize("background", ["noise", None, ("car", "noise")])
def test_background(bursts, background):
    X, y, _ = bursts
    y = np.where((y == "noise") & (np.arange(len(y)) % 2 == 0), "car", y)
    net = RockNetClassifier(**TINY, background=background, random_state=0).fit(X, y)
    events = set(net.event_classes_)
    assert events == set(y) - (
        {background} if isinstance(background, str) else set(background or ())
    )
    proba = net.predict_proba(X)
    if background == ("car", "noise"):
        assert proba[:, net.classes_.tolist().index("noise")].max() < 1e-9
        assert proba[:, net.classes_.tolist().index("car")].min() > 0.05


# Arrivals


class Recorder(RockNetClassifier):
    """Keeps what came in, instead of training."""

    seen: list = []

    def _fit(self, X, y, sample_weight, groups, arrivals=None):
        Recorder.seen.append((np.asarray(X)[:, 0, 0], arrivals))
        return super()._fit(X, y, sample_weight, groups, arrivals=arrivals)

    __init__ = RockNetClassifier.__init__


def marked(bursts, n=12):
    """Events whose first sample, and whose end, say which row they are."""
    X, y, _ = bursts
    X = X[:n].copy()
    X[:, 0, 0] = np.arange(n)
    return X, y[:n], pd.DataFrame({"start": np.zeros(n), "end": 1 + 0.1 * np.arange(n)})


def rows_agree():
    assert Recorder.seen
    for first, arrivals in Recorder.seen:
        assert_allclose(arrivals["end"], 1 + 0.1 * first, atol=1e-6)


@pytest.mark.parametrize("routing", [True, False])
def test_searches_hand_on_the_arrivals_of_their_rows(bursts, routing):
    X, y, arrivals = marked(bursts)
    Recorder.seen = []
    with sklearn.config_context(enable_metadata_routing=routing):
        net = Recorder(**TINY)
        if routing:
            net.set_fit_request(arrivals=True)
        search = GridSearchCV(net, {"lr": [1e-3, 1e-2]}, cv=2, error_score="raise")
        search.fit(X, y, arrivals=arrivals)
        assert len(Recorder.seen) == 5
        cross_validate(net, X, y, cv=3, params={"arrivals": arrivals}, error_score="raise")
    assert len(Recorder.seen) == 8
    rows_agree()


def test_labels_that_carry_arrivals_bring_the_right_rows(bursts):
    X, y, arrivals = marked(bursts)
    Recorder.seen = []
    GridSearchCV(Recorder(**TINY), {"lr": [1e-3]}, cv=2, error_score="raise").fit(
        X, EventLabels(y, arrivals)
    )
    rows_agree()
    net = RockNetClassifier(**TINY, random_state=0)
    given = net.fit(X, y, arrivals=arrivals).predict_proba(X)
    carried = net.fit(X, EventLabels(y, arrivals))
    assert type(carried.classes_) is np.ndarray
    assert_array_equal(carried.predict_proba(X), given)
    assert carried.n_estimated_ == 0


def test_labels_that_lost_their_arrivals_are_reported(bursts):
    X, y, arrivals = marked(bursts)
    lost = EventLabels(y, arrivals).reshape(-1, 1).ravel()
    with pytest.warns(UserWarning, match="lost its arrivals"):
        RockNetClassifier(**TINY).fit(X, lost)


def test_augmenter_sees_codes_and_seconds(bursts):
    X, y, arrivals = marked(bursts)
    seen = []

    class Later:
        def augment(self, X, y, rng):
            codes, times = y
            seen.append((codes.copy(), times.copy()))
            more = np.concatenate([times, times + 2.0], axis=1)  # a second event in the window
            return X, (codes, more)

    RockNetClassifier(**TINY, augmenter=Later()).fit(X, y, arrivals=arrivals)
    codes, times = seen[0]
    assert codes.dtype == np.int64 and times.shape == (12, 1, 4)
    events = codes > 0  # noise needs no arrivals
    assert_array_equal(np.sort(times[events][:, 0, 3]), np.sort(arrivals["end"][y != "noise"]))


def test_waveforms_on_disk(bursts, tmp_path):
    import h5py

    X, y, _ = bursts
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file["x"] = X
    lazy = LazyWaveforms.from_hdf5(tmp_path / "x.hdf5", "x", sampling_rate=RATE)
    in_memory, on_disk = (
        RockNetClassifier(**TINY, random_state=0).fit(data, y) for data in (X, lazy)
    )
    assert in_memory.n_estimated_ == on_disk.n_estimated_ == 40
    assert_array_equal(in_memory.predict_proba(X), on_disk.predict_proba(lazy))


def test_network_of_the_waveform_alone_learns_blobs():
    """With sizes seen and no spectrogram, nothing of scikit-learn's own checks is too hard."""
    from sklearn.utils.estimator_checks import check_classifiers_train

    net = RockNetClassifier(
        sampling_rate=10.0,
        network="waveform",
        normalize=False,
        filters=(4, 4),
        stride=2,
        dropout=0.0,
        max_epochs=12,
        lr=0.03,
        batch_size=100,
        dtype="float64",
        device="cpu",
    )
    assert not net.__sklearn_tags__().classifier_tags.poor_score
    assert RockNetClassifier().__sklearn_tags__().classifier_tags.poor_score
    check_classifiers_train("RockNetClassifier", net)


def test_search_over_a_pipeline_with_mosaics_of_real_events(data_dir):
    from imblearn.pipeline import Pipeline

    from seisclf.datasets import load_gujarat
    from seisclf.signal import estimate_arrivals

    events = load_gujarat(data_dir)
    rate = float(events.sampling_rate)
    rows = np.r_[
        np.flatnonzero(events.target == "blast")[:8],
        np.flatnonzero(events.target == "earthquake")[:16],
    ]
    first = round(17 * rate)
    X = events.data[rows][..., first : first + 2000]
    arrivals = pd.DataFrame(
        {
            "P": events.metadata["p_onset"].to_numpy()[rows] - 17,
            "S": estimate_arrivals(X, sampling_rate=rate)[:, 1],
        }
    )
    pipeline = Pipeline(
        [
            ("mosaic", MosaicAugmenter(sampling_rate=rate, random_state=0)),
            (
                "rocknet",
                RockNetClassifier(
                    sampling_rate=rate,
                    network="waveform",
                    background=None,
                    picked=("earthquake", "blast"),
                    max_epochs=1,
                    random_state=0,
                    device="cpu",
                ),
            ),
        ]
    )
    grid = [
        {"rocknet__lr": [1e-3], "rocknet__filters": [(4, 6)]},
        {"rocknet__lr": [1e-2], "rocknet__filters": [(2, 4)]},
    ]
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(X, EventLabels(events.target[rows], arrivals))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert set(search.predict(X)) <= {"earthquake", "blast"}
    # The rarer class was filled up with mosaics, which brought their picks.
    made, _ = pipeline[0].fit_resample(X, EventLabels(events.target[rows], arrivals))
    assert len(made) == 32
    assert search.best_estimator_[-1].n_estimated_ == 0


def test_events_outside_their_windows_are_reported(bursts):
    X, y, arrivals = bursts
    milliseconds = arrivals.iloc[:12] * 1000
    with pytest.warns(UserWarning, match=r"outside the window of 8 s in 8 events \(quake, rock"):
        RockNetClassifier(**TINY).fit(X[:12], y[:12], arrivals=milliseconds)


@pytest.mark.parametrize("params", [{"background": "Noise"}, {"picked": ("quakes",)}])
def test_labels_that_no_event_has_are_reported(bursts, params):
    (name,) = params
    with pytest.warns(UserWarning, match=f"{name}=.*y has only the labels"):
        RockNetClassifier(**TINY, **params).fit(bursts[0][:12], bursts[1][:12])
