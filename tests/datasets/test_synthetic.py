"""make_seismic_events: what it promises about labels, times, shapes and truth."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.signal import butter, sosfilt
from scipy.stats import kurtosis
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold, cross_val_predict

from seisclf.datasets import make_seismic_events

ALL = (
    "earthquake", "quake", "rockfall", "slide", "tremor", "noise", "spike", "car", "machinery",
)  # fmt: skip


@pytest.fixture(scope="module")
def events():
    return make_seismic_events(64, classes=ALL, random_state=0, n_samples=2000)


@pytest.fixture(scope="module")
def network():
    return make_seismic_events(
        40, classes=ALL, n_stations=4, missing_station_probability=0.3, n_samples=1500,
        random_state=1,
    )  # fmt: skip


def test_bunch_has_what_every_dataset_has(events):
    assert events.data.shape == (64, 3, 2000)
    assert events.data.dtype == np.float32
    assert np.isfinite(events.data).all()
    assert events.components == "ZNE"
    assert events.sampling_rate == 100.0
    assert list(events.metadata.index) == list(range(64))
    assert list(events.arrivals.columns) == ["P", "S", "start", "end"]
    assert "synthetic" in events.DESCR
    for column in ("event_id", "station", "site", "start_time", "end_time", "source_latitude",
                   "source_depth", "magnitude", "distance", "back_azimuth", "p_onset", "s_onset",
                   "station_latitude", "event_start", "event_end", "snr_db"):  # fmt: skip
        assert column in events.metadata


def test_wider_networks_have_the_same_ground_and_move_out():
    settings = {"classes": ["rockfall"], "n_stations": 6, "n_sites": 2, "random_state": 0}
    near = make_seismic_events(10, **settings)
    wide = make_seismic_events(10, network_radius=8.0, **settings)
    assert near.sites.equals(wide.sites)
    middle = near.sites.loc[near.stations["site"], "latitude"].to_numpy()
    reach = [(bunch.stations["latitude"] - middle).abs().max() for bunch in (near, wide)]
    assert reach[1] == pytest.approx(8 * reach[0])
    assert wide.metadata["source_latitude"].equals(near.metadata["source_latitude"])
    late = wide.arrivals.groupby("row").apply(
        lambda a: np.polyfit(a["distance"], a["start"], 1)[0]
    )
    assert (late > 0.2).all()  # slower than 5 km/s
    with pytest.raises(ValueError, match="network_radius"):
        make_seismic_events(4, network_radius=0.0)


def test_classes_are_balanced_to_within_one_event():
    y = make_seismic_events(43, n_samples=200, random_state=0, return_X_y=True)[1]
    counts = np.unique(y, return_counts=True)[1]
    assert len(counts) == 4
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("balance", [{"quake": 3, "noise": 1}, [3, 1]])
def test_class_balance_is_kept(balance):
    y = make_seismic_events(
        40, classes=["quake", "noise"], class_balance=balance, n_samples=200, random_state=0
    ).target
    assert (y == "quake").sum() == 30


def test_every_class_occurs_at_every_site(events):
    counts = pd.crosstab(events.target, events.metadata["site"])
    assert counts.shape == (9, 3)
    assert (counts.to_numpy() >= 2).all()


def test_same_seed_same_events_and_global_generator_untouched():
    state = np.random.get_state()[1].copy()
    a, b, c = (make_seismic_events(12, n_samples=300, random_state=k) for k in (5, 5, 6))
    np.testing.assert_array_equal(a.data, b.data)
    np.testing.assert_array_equal(a.target, b.target)
    pd.testing.assert_frame_equal(a.metadata, b.metadata)
    assert not np.array_equal(a.data, c.data)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_ground_depends_on_seed_and_number_of_sites_only():
    a = make_seismic_events(6, n_samples=200, random_state=3).sites
    b = make_seismic_events(9, n_samples=400, n_stations=2, random_state=3).sites
    averaged = ["resonance", "resonance_gain", "noise_rms"]
    pd.testing.assert_frame_equal(a.drop(columns=averaged), b.drop(columns=averaged))
    assert not a.equals(make_seismic_events(6, n_samples=200, random_state=4).sites)


def test_times_are_in_order_apart_and_spread_over_the_days(events):
    start, end = events.metadata["start_time"], events.metadata["end_time"]
    assert str(start.dtype) == "datetime64[ns, UTC]"
    assert start.is_monotonic_increasing
    assert (start - end.shift()).dropna().dt.total_seconds().ge(0).all()
    assert ((end - start).dt.total_seconds() == 20.0).all()
    assert start.dt.month.nunique() == 12
    assert start.min() >= pd.Timestamp("2023-01-01", tz="UTC")
    assert start.max() < pd.Timestamp("2024-01-01", tz="UTC")


def test_many_events_in_few_days_still_do_not_overlap():
    metadata = make_seismic_events(20, n_samples=400, days=0.0001, random_state=0).metadata
    gap = metadata["start_time"] - metadata["end_time"].shift()
    assert gap.dropna().dt.total_seconds().ge(0).all()


def test_start_with_a_zone_is_converted():
    metadata = make_seismic_events(
        2, n_samples=200, start="2023-01-01T02:00:00+02:00", days=1e-4, random_state=0
    ).metadata
    assert abs(metadata["start_time"][0] - pd.Timestamp("2023-01-01", tz="UTC")) < pd.Timedelta(
        "1m"
    )


def test_masks_agree_with_start_and_end(events):
    assert events.masks.dtype == np.int8
    for row in range(64):
        inside = np.flatnonzero(events.masks[row])
        start, end = events.arrivals.loc[row, ["start", "end"]]
        if events.target[row] == "noise":
            assert inside.size == 0
            assert np.isnan([start, end]).all()
            continue
        assert inside[0] == np.ceil(start * 100 - 1e-9)
        assert inside[-1] == np.floor(end * 100 + 1e-6)
        assert np.all(np.diff(inside) == 1)
        code = events.masks[row, inside[0]]
        assert events.target_names[code - 1] == events.target[row]


def test_onsets_lie_in_the_window_and_belong_to_their_class(events):
    arrivals = events.arrivals
    has_waves = np.isin(events.target, ["earthquake", "quake"])
    assert arrivals.loc[has_waves, ["P", "S"]].notna().all(axis=None)
    assert arrivals.loc[~has_waves, ["P", "S"]].isna().all(axis=None)
    assert (arrivals["P"] < arrivals["S"])[has_waves].all()
    np.testing.assert_allclose(arrivals["start"][has_waves], arrivals["P"][has_waves])
    known = arrivals.dropna(subset="start")
    assert (known["start"] >= 0).all() and (known["end"] <= 20).all()
    assert (known["end"] > known["start"]).all()
    first = events.metadata["start_time"][has_waves]
    assert (events.metadata["origin_time"][has_waves] < first + pd.Timedelta("20s")).all()


def test_events_get_louder_where_they_start(events):
    # Mean power in the event against the second before it, at 5 dB and more.
    for row in np.flatnonzero(np.isin(events.target, ["earthquake", "quake", "spike"])):
        x = events.data[row] - events.data[row].mean(axis=-1, keepdims=True)
        a, b = (events.arrivals.loc[row, ["start", "end"]].to_numpy() * 100).astype(int)
        before = x[:, : max(a - 2, 50)]
        assert (x[:, a : b + 1] ** 2).mean() > (before**2).mean()


def test_sites_record_differently(events):
    # Noise alone: level and colour.
    power = np.abs(np.fft.rfft(events.data[events.target == "noise"][:, 0])) ** 2
    site = events.metadata["site"][events.target == "noise"].to_numpy()
    level = {name: np.log(power[site == name].mean(axis=-1)).mean() for name in set(site)}
    colour = {
        name: np.log(
            power[site == name][:, 20:100].mean() / power[site == name][:, 400:800].mean()
        )
        for name in set(site)
    }
    assert np.ptp(list(level.values())) > 1
    assert np.ptp(list(colour.values())) > 0.5


def test_network_rows_have_a_station_axis_and_nan_for_what_is_missing(network):
    assert network.data.shape == (40, 4, 3, 1500)
    assert network.masks.shape == (40, 4, 1500)
    missing = np.isnan(network.data).any(axis=(2, 3))
    np.testing.assert_array_equal(missing, np.isnan(network.data).all(axis=(2, 3)))
    assert 0.15 < missing.mean() < 0.4
    assert not missing.all(axis=1).any()
    arrivals = network.arrivals["start"].to_numpy().reshape(40, 4)
    assert np.isnan(arrivals[missing]).all()
    assert not network.masks[missing].any()
    assert "station" not in network.metadata
    # The first of the stations that did record.
    first = network.arrivals["P"].groupby(level=0).min().to_numpy()
    np.testing.assert_array_equal(network.metadata["p_onset"], first)
    assert len(network.stations) == 12


def test_rows_of_one_event_share_its_id_and_time():
    params = dict(classes=ALL, n_stations=4, missing_station_probability=0.3, n_samples=1500)
    network = make_seismic_events(40, random_state=1, **params)
    rows = make_seismic_events(40, random_state=1, as_rows=True, **params)
    recorded = ~np.isnan(network.data).any(axis=(2, 3))
    # A glitch is of one instrument: other stations have nothing to show for it.
    recorded[network.target == "spike"] &= ~np.isnan(
        network.arrivals["start"].to_numpy().reshape(40, 4)[network.target == "spike"]
    )
    np.testing.assert_array_equal(rows.data, network.data[recorded])
    assert rows.metadata.groupby("event_id")["start_time"].nunique().eq(1).all()
    assert rows.metadata.groupby("event_id")["station"].nunique().max() == 4
    assert not rows.metadata.duplicated(["event_id", "station"]).any()
    station = rows.stations.set_index("station").loc[rows.metadata["station"]]
    np.testing.assert_array_equal(station["latitude"], rows.metadata["station_latitude"])
    np.testing.assert_array_equal(station["site"], rows.metadata["site"])


def test_one_component_another_rate_another_length():
    events = make_seismic_events(
        8, n_components=1, duration=4, sampling_rate=250, random_state=0, classes=ALL
    )
    assert events.data.shape == (8, 1, 1000)
    assert events.components == "Z"
    assert (events.arrivals[["P", "S", "end"]].max() <= 4).all()


def test_return_X_y_is_the_bunch_in_short():
    params = dict(n_events=6, n_samples=200, random_state=0)
    X, y = make_seismic_events(**params, return_X_y=True)
    bunch = make_seismic_events(**params)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)


def test_snr_range_is_drawn_from_and_a_number_is_met():
    ranged = make_seismic_events(40, n_samples=500, snr_db=(-3, 7), random_state=0)
    snr = ranged.metadata["snr_db"].dropna()
    assert snr.between(-3.01, 7.01).all() and snr.std() > 1
    fixed = make_seismic_events(20, n_samples=500, snr_db=4, random_state=0)
    np.testing.assert_allclose(fixed.metadata["snr_db"].dropna(), 4, atol=1e-3)
    assert fixed.metadata.loc[fixed.target == "noise", "snr_db"].isna().all()


def test_channels_of_one_event_differ_in_noise_by_the_spread():
    params = dict(n_events=60, classes=["noise", "quake"], n_sites=1, n_stations=8)
    params |= dict(n_samples=1000, snr_db=10.0, random_state=0)
    even = make_seismic_events(**params)
    uneven = make_seismic_events(**params, channel_snr_spread_db=10.0)
    quiet = even.target == "noise"
    gain_db = 10 * np.log10(uneven.data[quiet].var(axis=-1) / even.data[quiet].var(axis=-1))
    gain_db = gain_db.reshape(quiet.sum(), -1)
    assert np.std(gain_db) == pytest.approx(10, rel=0.1)
    assert abs(np.mean(gain_db)) < 1
    # Within an event, and not the same channel in each.
    assert np.median(np.std(gain_db, axis=1)) == pytest.approx(10, rel=0.15)
    assert abs(np.corrcoef(gain_db[0], gain_db[1])[0, 1]) < 0.6
    np.testing.assert_allclose(uneven.metadata["snr_db"].dropna(), 10, atol=1e-3)
    # It is the noise that differs, not the events.
    np.testing.assert_array_equal(uneven.metadata["p_onset"], even.metadata["p_onset"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"classes": ["avalanche"]}, "classes must be .*avalanche"),
        ({"classes": ["quake", "quake"]}, "different names"),
        ({"n_events": 0}, "n_events must be a positive integer; got 0"),
        ({"n_stations": 1.5}, "n_stations"),
        ({"n_sites": 1000}, "n_sites must be at most"),
        ({"n_components": 2}, r"n_components must be 1 \(Z\) or 3"),
        ({"n_samples": 50}, "at least one second"),
        ({"duration": 0.1}, "duration"),
        ({"sampling_rate": 5}, "at least 20 Hz"),
        ({"snr_db": (10, 0)}, r"snr_db must be a number or \(low, high\)"),
        ({"snr_db": np.nan}, "snr_db"),
        ({"channel_snr_spread_db": -1.0}, "channel_snr_spread_db must be"),
        ({"channel_snr_spread_db": np.inf}, "channel_snr_spread_db"),
        ({"class_balance": [1, 2]}, "class_balance must hold 4 numbers"),
        ({"class_balance": {"quake": 1}}, "class_balance must have the keys"),
        ({"missing_station_probability": 1.0}, "missing_station_probability"),
        ({"random_state": -3}, "random_state"),
    ],
)
def test_wrong_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        make_seismic_events(**{"n_events": 4, "n_samples": 200, **params})


def _simple_features(X):
    """Relative energy in bands, and the shape of the envelope above 2 Hz; 100 Hz."""
    power = np.abs(np.fft.rfft(X - X.mean(axis=-1, keepdims=True))) ** 2
    f = np.fft.rfftfreq(X.shape[-1], 0.01)
    edges = [0.5, 1, 2, 4, 8, 12, 16, 24, 32, 45]
    bands = [power[..., (f >= a) & (f < b)].sum(-1) for a, b in itertools.pairwise(edges)]
    bands = np.log10(np.stack(bands, axis=-1) / np.sum(bands, axis=0)[..., None])
    filtered = sosfilt(butter(3, (2, 40), "bandpass", fs=100, output="sos"), X)
    envelope = np.sqrt((filtered.reshape(*X.shape[:-1], -1, 50) ** 2).mean(axis=-1))
    largest, middle = envelope.max(axis=-1), np.median(envelope, axis=-1)
    shape = [
        np.log(largest / middle),
        envelope.argmax(axis=-1),
        (envelope > 2 * middle[..., None]).mean(axis=-1),
        (envelope > 0.3 * largest[..., None]).mean(axis=-1),
        kurtosis(filtered, axis=-1),
    ]
    return np.concatenate([bands.reshape(len(X), -1), *shape], axis=1)


def test_noise_and_new_sites_make_classes_harder():
    forest = RandomForestClassifier(40, random_state=0)
    score = {}
    for snr_db in ((5.0, 20.0), -5.0):
        events = make_seismic_events(240, n_sites=4, snr_db=snr_db, random_state=1)
        features = _simple_features(events.data)
        site = events.metadata["site"].to_numpy()
        folds = {"known": StratifiedKFold(4, shuffle=True, random_state=0).split(site, site)}
        folds["new"] = LeaveOneGroupOut().split(site, site, site)
        for name, cv in folds.items():
            predicted = cross_val_predict(forest, features, events.target, cv=list(cv))
            score[name, snr_db] = f1_score(events.target, predicted, average="macro")
    easy, hard = (5.0, 20.0), -5.0
    assert 0.75 < score["new", easy] < 0.97, score
    assert score["known", easy] > score["new", easy] + 0.02, score
    assert score["new", hard] < score["new", easy] - 0.15, score
    assert score["known", hard] < score["known", easy] - 0.1, score
