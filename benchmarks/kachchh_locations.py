"""Where earthquakes of Kachchh were, from the distances that a regressor reads off each station.

Needs the recordings and the published weights: SEISCLF_DATA must name the folder that holds
``kachchh/`` and ``rocknet/``. Runs by name only: it takes minutes.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from benchmarks._kachchh_models import azimuth_forest, p_motion
from seisclf.datasets import load_kachchh, to_network_events
from seisclf.ensemble import FeatureForestRegressor
from seisclf.feature_extraction import EnvelopeFeatures
from seisclf.location import LocationDisplay, SourceLocator, epicentral_error, locate_source
from seisclf.location._geodesy import inverse_many
from seisclf.neural_network import RockNetClassifier
from seisclf.preprocessing import Bandpass, Resampler

# A folder named by KACHCHH_STORE keeps features and picks, so that a run can be interrupted.
RESULTS = Path(__file__).parent / "results"
RATE = 50.0  # Hz
LAST_TRAINING_YEAR = 2010
N_RESAMPLES = 4000
TRUE_STD = 1.0  # km, for the search with true distances
# What each trace says by itself, computed once: rows do not learn from each other.
_KNOWN = {}


def run(quick=False):
    """Train on 2007 to 2010, locate the events of 2011 and 2012 at three stations or more.

    Settings were chosen by folds, by event, within 2007 to 2010; the later years were looked at
    once. ``offsets``: distances and their standard deviations by extremely randomised trees on
    the envelopes after the onset. ``S-P``: 60 s windows at 100 Hz through RockNet's published
    waveform network, times the velocity that the training events say. ``offsets and S-P``: both.
    ``and directions``: with back-azimuths too, by trees on the motion of P. ``true distances``:
    what the geometry of the stations alone allows. ``centroid``: the mean epicentre of the
    training events. ``nearest``: the station with the shortest distance predicted.

    Parameters
    ----------
    quick : bool, default=False
        Few trees and events.

    Returns
    -------
    figures : dict
        ``[method part]``: ``median`` and ``p90`` of the epicentral error in km, ``coverage`` of
        the 90 % ellipses, each with ``_low`` and ``_high``, 95 % bootstrap over events; ``n``
        events, ``n_located`` and ``n_ambiguous`` of them; ``size``, the median radius in km of a
        circle as large as the ellipse. Parts are ``all``, ``inside`` (the largest gap between the
        directions in which an event sees its stations is below 180 degrees) and ``outside``.
        ``ms_per_event``: the search alone, on one thread. Written to
        ``results/kachchh_locations.*`` and maps of three events: the one of median error inside,
        the one outside, and the largest error.
    """
    events, y, train, test = _events(quick)
    _remember(events.data[np.concatenate([train, test])], quick)
    inside = _is_inside(events.data[test].stations, events.data[test].recorded, y[test])
    figures = {
        "training_events": len(train),
        "test_events": len(test),
        "inside": int(inside.sum()),
    }
    found = {}
    for name, locator in _locators(quick).items():
        start = time.perf_counter()
        locator.fit(events.data[train], y[train])
        found[name] = locator.predict(events.data[test])
        figures |= _learned(name, locator)
        print(f"  {name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    figures |= _speed(found["offsets"])
    found["true distances"] = _with_true_distances(events.data[test])
    found["centroid"] = np.tile(y[train].mean(axis=0), (len(test), 1))
    found["nearest"] = _nearest_station(found["offsets"])
    rows = _judge(found, y[test], inside)
    for row in rows:
        label = f"[{row['method']} {row['part']}]"
        figures |= {f"{k} {label}": v for k, v in row.items() if k not in ("method", "part")}
    _print(rows)
    if not quick:
        _write(figures, rows)
        _maps(found["offsets and S-P"], y[test], inside, events.metadata.iloc[test])
    return figures


def _events(quick):
    """Events over the network, epicentres, rows of training and of test events."""
    network = to_network_events(load_kachchh())
    y = network.metadata[["source_latitude", "source_longitude"]].to_numpy(dtype=float)
    early = network.metadata["start_time"].dt.year.to_numpy() <= LAST_TRAINING_YEAR
    n_stations = (network.rows >= 0).sum(axis=1)
    train, test = np.flatnonzero(early), np.flatnonzero(~early & (n_stations >= 3))
    return (network, y, train[:60], test[:10]) if quick else (network, y, train, test)


def _locators(quick):
    regressor = FeatureForestRegressor(
        features=_Remembered("features"),
        sampling_rate=RATE,
        forest="extra_trees",
        n_estimators=20 if quick else 300,
        max_features=0.3,
        random_state=0,
    )
    picks = {"picker": FrozenEstimator(_RememberedPicker()), "sp_velocity": None}
    directions = make_pipeline(_Remembered("motion"), azimuth_forest(quick))
    common = {"too_few": "nan", "random_state": 0}
    return {
        "offsets": SourceLocator(regressor, **common),
        "S-P": SourceLocator(**picks, **common),
        "offsets and S-P": SourceLocator(regressor, **picks, **common),
        "and directions": SourceLocator(
            regressor, back_azimuth_regressor=directions, **picks, **common
        ),
    }


class _Remembered(TransformerMixin, BaseEstimator):
    """What `_remember` has kept of traces."""

    def __init__(self, kind="features"):
        self.kind = kind

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return _KNOWN[self.kind][_rows_of(X)]


class _RememberedPicker(BaseEstimator):
    """Picks on traces that were seen by `_remember`."""

    fitted_ = True

    def pick(self, X):
        """Picks of these traces."""
        table, rows = _KNOWN["picks"], _rows_of(X)
        place = {row: i for i, row in enumerate(rows)}
        table = table[table["row"].isin(place)]
        return table.assign(row=table["row"].map(place))


def _rows_of(X):
    return [_KNOWN["index"][trace.tobytes()] for trace in X]


def _remember(events, quick=False):
    """Features, motion of P and picks of every trace of these events."""
    recorded = events.recorded
    X = events.read()[recorded]
    _KNOWN["index"] = {trace.tobytes(): i for i, trace in enumerate(X)}
    _KNOWN["features"] = _kept("features", lambda: _features(X), quick)
    _KNOWN["motion"] = _kept("motion", lambda: p_motion(X), quick)
    _KNOWN["picks"] = _picks_table(_kept("picks", lambda: _picks(X), quick))


def _features(X):
    return EnvelopeFeatures(sampling_rate=RATE, onset_range=(17.0, 23.5)).fit_transform(X)


def _picks(X):
    weights = Path(os.environ["SEISCLF_DATA"]) / "rocknet" / "wf_RF_60s" / "train.hdf5"
    before = make_pipeline(
        Resampler(sampling_rate=RATE, target_rate=100.0),
        Bandpass(sampling_rate=100.0, low=5.0, high=45.0),
    )
    picker = RockNetClassifier.from_published(weights, device="cpu")
    # In parts, which keeps the resampled traces small.
    tables = []
    for first in range(0, len(X), 100):
        part = before.fit_transform(X[first : first + 100])
        table = picker.pick(part)
        table["row"] += first
        columns = ["row", "P", "S", "P_probability", "S_probability"]
        tables.append(table.loc[table["class"] == "earthquake", columns].to_numpy(dtype=float))
    return np.concatenate(tables)


def _picks_table(values):
    import pandas as pd

    columns = ["row", "P", "S", "P_probability", "S_probability"]
    return pd.DataFrame(values, columns=columns).astype({"row": int})


def _kept(name, compute, quick):
    store = os.environ.get("KACHCHH_STORE")
    if not store or quick:
        return compute()
    path = Path(store) / f"{name}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, compute())
    return np.load(path)


def _learned(name, locator):
    figures = {f"std_factor [{name}]": _round(locator.std_factor_)}
    if locator.offset_errors_ is not None:
        figures |= {f"{k} [{name}]": _round(v) for k, v in locator.offset_errors_.items()}
    if locator.sp_velocity_ is not None:
        figures[f"sp_velocity [{name}]"] = _round(locator.sp_velocity_)
    return figures


def _speed(found):
    """Milliseconds of the processor for the search of one event, from the same distances."""
    table = found.residuals
    events = table["event"].unique()
    start = time.process_time()
    for event in events:
        part = table[table["event"] == event]
        places = part[["station_latitude", "station_longitude"]].to_numpy()
        locate_source(part["predicted"].to_numpy(), places, std=part["std"].to_numpy())
    return {"ms_per_event": _round(1e3 * (time.process_time() - start) / len(events))}


def _with_true_distances(events):
    distances = np.where(events.recorded, events.offsets, np.nan)
    return locate_source(distances, events.stations, std=TRUE_STD)


def _nearest_station(found):
    table = found.residuals
    nearest = table.loc[table.groupby("event")["predicted"].idxmin()].set_index("event")
    columns = ["station_latitude", "station_longitude"]
    return nearest[columns].reindex(range(len(found))).to_numpy()


def _is_inside(stations, recorded, y):
    """Whether no gap between the azimuths from an epicentre to its stations is 180° or more."""
    inside = []
    for places, there, place in zip(stations, recorded, y, strict=True):
        azimuths = np.sort(inverse_many(places[there], place)[2] % 360)
        inside.append(np.diff(azimuths, append=azimuths[0] + 360).max() < 180)
    return np.array(inside)


def _judge(found, y, inside):
    rows = []
    parts = {"all": np.ones(len(y), dtype=bool), "inside": inside, "outside": ~inside}
    for method, places in found.items():
        error = epicentral_error(y, places)
        error[np.isnan(error)] = np.inf
        stated = hasattr(places, "covers")
        covered = places.covers(y) if stated else np.full(len(y), np.nan)
        for part, rows_in in parts.items():
            row = {"method": method, "part": part, "n": int(rows_in.sum())}
            row |= {"n_located": int(np.isfinite(error[rows_in]).sum())}
            row |= _with_interval("median", error[rows_in], np.median)
            row |= _with_interval("p90", error[rows_in], lambda v, axis: np.quantile(v, 0.9, axis))
            if stated:
                # Coverage is that of the events that got an ellipse.
                located = rows_in & np.isfinite(error)
                row |= _with_interval("coverage", covered[located].astype(float), np.mean)
                table = places.table[located]
                row["n_ambiguous"] = int((table["status"] == "ambiguous").sum())
                area = table["semi_major_km"] * table["semi_minor_km"]
                row["size"] = _round(np.sqrt(area).median())
            rows.append(row)
    return rows


def _with_interval(name, values, statistic):
    rng = np.random.default_rng(0)
    draws = rng.integers(len(values), size=(N_RESAMPLES, len(values)))
    with np.errstate(invalid="ignore"):
        resampled = statistic(values[draws], axis=1)
        low, high = np.quantile(resampled, (0.025, 0.975), method="nearest")
        value = statistic(values, axis=0)
    return {name: _round(value), f"{name}_low": _round(low), f"{name}_high": _round(high)}


def _round(value):
    return None if value is None or not np.isfinite(value) else round(float(value), 3)


def _print(rows):
    for row in rows:
        values = (
            f"{k} {row[k]} [{row[f'{k}_low']}, {row[f'{k}_high']}]" for k in _SHOWN if k in row
        )
        print(f"  {row['method']:16}{row['part']:8}", "  ".join(values), file=sys.stderr)


_SHOWN = ("median", "p90", "coverage")


def _write(figures, rows):
    import pandas as pd

    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "kachchh_locations.json").write_text(json.dumps(figures, indent=1) + "\n")
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS / "kachchh_locations.csv", index=False)
    _draw(table)


def _draw(table):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    # True distances leave metres, which would squeeze everything else to one side.
    table = table[table["method"] != "true distances"]
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 3.4), layout="constrained", sharey=True)
    methods = list(table["method"].unique())
    for axis, value, title in zip(
        axes, ("median", "p90"), ("median", "90 % quantile"), strict=True
    ):
        for k, (part, color) in enumerate((("inside", "#0072b2"), ("outside", "#d55e00"))):
            rows_of = table[table["part"] == part]
            height = np.arange(len(methods)) + 0.24 * k - 0.12
            shown = rows_of[[value, f"{value}_low", f"{value}_high"]].to_numpy(dtype=float)
            spread = np.abs(shown[:, 1:] - shown[:, :1]).T
            axis.errorbar(
                shown[:, 0],
                height,
                xerr=spread,
                fmt="o",
                color=color,
                capsize=2,
                label=f"{part} the network ({rows_of['n'].iloc[0]} events)",
            )
        axis.set_yticks(np.arange(len(methods)), methods)
        axis.set_xscale("log")
        axis.set_xlabel(f"{title} of the epicentral error (km)")
        axis.grid(axis="x", alpha=0.3)
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    figure.savefig(RESULTS / "kachchh_locations.png", dpi=150)
    plt.close(figure)


def _maps(found, y, inside, metadata):
    import matplotlib.pyplot as plt

    error = np.nan_to_num(epicentral_error(y, found), nan=-1.0)
    chosen = [_median_event(error, inside), _median_event(error, ~inside), int(error.argmax())]
    for number, event in enumerate(chosen, start=1):
        about = metadata.iloc[event]
        name = f"{about['start_time']:%Y-%m-%d %H:%M}, M {about['magnitude']:.1f}"
        display = LocationDisplay.from_locations(found, event=event, y_true=y, name=name).plot()
        display.figure_.savefig(RESULTS / f"kachchh_location_{number}.png", dpi=130)
        plt.close(display.figure_)


def _median_event(error, among):
    rows = np.flatnonzero(among & (error >= 0))
    return int(rows[np.argsort(error[rows])[len(rows) // 2]])
