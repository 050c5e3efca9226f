"""How far, how deep and where from: real earthquakes of Kachchh, trained on earlier years.

Needs the recordings: SEISCLF_DATA must name the folder that holds ``kachchh/``; the weights of
RockNet are downloaded if they are not there too. Runs by name only: it takes minutes.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold

from benchmarks import _kachchh_models as models
from benchmarks._kachchh_figure import draw
from seisclf.datasets import load_kachchh
from seisclf.metrics import accuracy_within, circular_mean_absolute_error, interval_coverage

# A folder named by KACHCHH_STORE keeps finished parts, so that a run can be interrupted.
RESULTS = Path(__file__).parent / "results"
LAST_YEAR = 2010  # of training
NEAR = 300.0  # km
N_FOLDS, N_RESAMPLES = 5, 2000
NETWORKS = ("picture", "spectrogram", "waveform", "envelope")
STATED = 0.9  # of the errors should lie in the interval that a model states


def run(quick=False):
    """Train on 2007-2010, test on 2011-2012; then leave one station out as well.

    Rows are recordings of one event at one station, 60 s at 50 Hz, P about 20 s after the start
    by the cut. Nothing of the catalogue goes in: neither origin times nor P onsets, which in this
    set are travel times of a model. All models learn the square root of the distance. Features
    and trees were chosen in five folds by event inside 2007-2010; epochs and shifts of the
    picture and the waveform network in two of these folds, after smaller networks had seen the
    test years (14.9 and 15.2 km within 300 km). The settings of the other networks were not
    searched, and all other models have seen the test years once.

    ``forest, seismic``: extra trees on SeismicFeatures. ``forest, envelope`` and
    ``boosting, envelope``: on EnvelopeFeatures; the first was best in the folds. ``picture``,
    ``spectrogram``, ``waveform`` and ``envelope CNN``: ResNet18 with Gaussian likelihood, on
    pictures of the three traces, their spectrograms, samples at 20 Hz and log-envelopes (the last
    two one-dimensional). ``mean of both``: forest on EnvelopeFeatures and envelope CNN, with the
    standard deviation of the mixture; the folds do not choose it. ``S-P``: picks
    of the published RockNet where it has both, times a velocity that fits 2007-2010; other rows
    do not count. Split ``folds``: the same models in the folds inside 2007-2010.

    Parameters
    ----------
    quick : bool, default=False
        Few trees and epochs.

    Returns
    -------
    figures : dict
        ``[task split model]``, with 95 % bootstrap intervals over events for the first two
        figures of each: for distances ``r2_near`` and ``mae_near`` (within 300 km), ``r2`` and
        ``mae`` (all), ``cover_near`` and ``cover_far`` (part within the stated 90 % interval),
        ``std_near``, ``std_far`` (mean, km), ``n_near``, ``n_far``; for depths ``r2``, ``mae``,
        ``within_5``; for back-azimuths ``mae``, ``within_20``, ``within_30`` (degrees). Written to
        ``results/kachchh_offsets.*``.
    """
    data = _Data(quick)
    tables = {
        "seismic": _stored("seismic", data, lambda: _features(models.seismic_features(), data)),
        "envelope": _stored("envelope", data, lambda: _features(models.envelope_features(), data)),
    }
    rows, predictions = _offsets(data, tables)
    rows += _stations_left_out(data, tables["envelope"])
    rows += _depths(data, tables["envelope"]) + _back_azimuths(data)
    figures = {"train": int(data.train.sum()), "test": int(data.test.sum())}
    for row in rows:
        name = f"[{row['task']} {row['split']} {row['model']}]"
        for key, value in row.items():
            if key not in ("task", "split", "model"):
                figures[f"{key} {name}"] = value
    _print(rows)
    if not quick:
        _write(figures, rows, predictions, data)
    return figures


class _Data:
    """Waveforms, what is to be predicted, and the two parts of the years."""

    def __init__(self, quick):
        recordings = load_kachchh()
        table = recordings.metadata
        self.quick = quick
        self.X = recordings.data - recordings.data.mean(axis=-1, keepdims=True)
        self.distance, self.depth, self.back_azimuth = (
            table[name].to_numpy() for name in ("distance", "source_depth", "back_azimuth")
        )
        self.event, self.station = (
            table[name].to_numpy(dtype=str) for name in ("event_id", "station")
        )
        self.train = table["start_time"].dt.year.to_numpy() <= LAST_YEAR
        self.test = ~self.train


def _stored(name, data, compute):
    """The arrays that `compute` returns (one, or a tuple), kept in the store."""
    store = os.environ.get("KACHCHH_STORE")
    path = Path(store) / f"{name}.npz" if store and not data.quick else None
    if path is not None and path.is_file():
        with np.load(path) as kept:
            parts = [kept[key] for key in kept.files]
        return parts[0] if len(parts) == 1 else tuple(parts)
    start = time.process_time()
    result = compute()
    print(f"  {name}: {time.process_time() - start:.0f} s", file=sys.stderr, flush=True)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, *(result if isinstance(result, tuple) else (result,)))
    return result


def _features(transformer, data):
    # Nothing is learned, so all years may go through together.
    return transformer.fit_transform(data.X).astype(np.float64)


def _offsets(data, tables):
    """Rows of the table of distances, and predictions (mean, std) of the test years."""
    train, test, quick = data.train, data.test, data.quick
    envelope = tables["envelope"]
    found = {
        name: _stored(
            f"offset_{key}", data, lambda make=make, table=table: _root_fit(
                make(quick), table, data, train, test
            )
        )
        for name, key, make, table in (
            ("forest, seismic", "forest_seismic", models.forest, tables["seismic"]),
            ("forest, envelope", "forest_envelope", models.forest, envelope),
            ("boosting, envelope", "boosting_envelope", models.boosting, envelope),
        )
    }  # fmt: skip
    for kind in NETWORKS:
        name = f"offset_{kind}"
        found[f"{kind} CNN"] = _stored(
            name, data, lambda kind=kind: _root_fit(
                models.network(kind, quick=quick), data.X, data, train, test
            )
        )  # fmt: skip
    found["S-P"] = _s_minus_p(data)
    inside = {
        name: _stored(f"folds_{key}", data, lambda X=X, make=make: _folds(data, X, make))
        for name, key, X, make in (
            ("forest, envelope", "forest", envelope, models.forest),
            ("boosting, envelope", "boosting", envelope, models.boosting),
            ("envelope CNN", "network", data.X, lambda quick: models.network(
                "envelope", quick=quick
            )),
        )
    }  # fmt: skip
    for part in (found, inside):
        part["mean of both"] = _mixture(part["forest, envelope"], part["envelope CNN"])
    rows = [_offset_row("2011-2012", name, data, test, *said) for name, said in found.items()]
    rows += [_offset_row("folds", name, data, train, *said) for name, said in inside.items()]
    return rows, found


def _root_fit(model, X, data, train, test):
    """Mean and standard deviation in km of a model of the root of the distance."""
    model.fit(X[train], np.sqrt(data.distance[train]))
    try:
        root, std = model.predict(X[test], return_std=True)
    except TypeError:
        root, std = model.predict(X[test]), np.nan
    # Of a square, to first order.
    return root**2, 2 * np.abs(root) * std + np.zeros(len(root))


def _folds(data, X, make):
    """Predictions for 2007-2010 in folds by event: mean and standard deviation."""
    rows = np.flatnonzero(data.train)
    mean, std = np.zeros(len(rows)), np.zeros(len(rows))
    splitter = GroupKFold(N_FOLDS, shuffle=True, random_state=0)
    for train, test in splitter.split(rows, groups=data.event[rows]):
        mean[test], std[test] = _root_fit(make(data.quick), X, data, rows[train], rows[test])
    return mean, std


def _mixture(*predictions):
    """Mean and standard deviation of predictions that are as good as each other."""
    means, stds = (np.stack(parts) for parts in zip(*predictions, strict=True))
    return means.mean(axis=0), np.sqrt((stds**2).mean(axis=0) + means.var(axis=0))


def _s_minus_p(data):
    """Distance from picked S minus P, and the spread of its errors in the training years."""
    times = _stored("s_minus_p", data, lambda: models.published_s_minus_p(data.X))
    return _from_times(times, data, data.train, data.test)


def _from_times(times, data, train, test):
    """Distance from S minus P by the velocity that fits some recordings, for others."""
    train = train & ~np.isnan(times) & (data.distance > 20)
    velocity = np.median(data.distance[train] / times[train])
    error = np.abs(velocity * times[train] - data.distance[train])
    print(f"  S-P: {velocity:.2f} km/s, {train.sum()} rows", file=sys.stderr)
    said = velocity * times[test]
    return said, np.full(len(said), np.quantile(error, STATED) / 1.6449)


def _stations_left_out(data, table):
    """Train without a station in 2007-2010, test at it in 2011-2012."""
    times = _stored("s_minus_p", data, lambda: models.published_s_minus_p(data.X))
    fits = {
        "forest, envelope": lambda *parts: _root_fit(
            models.forest(data.quick), table, data, *parts
        ),
        "picture CNN": lambda *parts: _root_fit(
            models.network("picture", quick=data.quick), data.X, data, *parts
        ),
        "waveform CNN": lambda *parts: _root_fit(
            models.network("waveform", quick=data.quick), data.X, data, *parts
        ),
        "S-P": lambda *parts: _from_times(times, data, *parts),
    }
    rows = []
    for model, fit in fits.items():
        mean, std = _stored(
            f"stations {model}", data, lambda fit=fit: _at_stations(data, fit)
        )  # fmt: skip
        for station in [*np.unique(data.station), "all"]:
            test = data.test & ((data.station == station) | (station == "all"))
            name = f"{model}, {station}"
            rows.append(_offset_row("station left out", name, data, test, mean[test], std[test]))
    return rows


def _at_stations(data, fit):
    mean, std = np.full(len(data.test), np.nan), np.full(len(data.test), np.nan)
    for station in np.unique(data.station):
        here = data.station == station
        mean[data.test & here], std[data.test & here] = fit(data.train & ~here, data.test & here)
    return mean, std


def _depths(data, table):
    train, test, quick = data.train, data.test, data.quick
    found = {
        "mean of training": (np.full(test.sum(), data.depth[train].mean()), np.nan),
        "forest, envelope": _stored("depth_forest", data, lambda: models.forest(
            quick
        ).fit(table[train], data.depth[train]).predict(table[test], return_std=True)),
        "spectrogram CNN": _stored("depth_spectrogram", data, lambda: models.network(
            "spectrogram", quick=quick
        ).fit(data.X[train], data.depth[train]).predict(data.X[test], return_std=True)),
    }  # fmt: skip
    rows, true = [], data.depth[test]
    for name, (said, std) in found.items():
        row = {"task": "depth", "split": "2011-2012", "model": name}
        row |= _spread("r2", lambda i, said=said: r2_score(true[i], said[i]), data, test)
        row |= _spread("mae", lambda i, said=said: np.abs(true - said)[i].mean(), data, test)
        row["within_5"] = _round(accuracy_within(true, said, tolerance=5.0))
        row["cover"] = _cover(true, said, std + np.zeros(len(said)))
        rows.append(row)
    return rows


def _back_azimuths(data):
    train, test, quick = data.train, data.test, data.quick
    motion = _stored("p_motion", data, lambda: models.p_motion(data.X))
    y, true = data.back_azimuth[train], data.back_azimuth[test]
    network = models.network("onset", quick=quick, period=360.0)
    found = {
        "polarization": models.polarized_back_azimuth(motion[test]),
        "forest, motion of P": _stored("azimuth_forest", data, lambda: models.azimuth_forest(
            quick
        ).fit(motion[train], y).predict(motion[test])),
        "CNN, onset of P": _stored("azimuth_onset", data, lambda: network.fit(
            data.X[train], y
        ).predict(data.X[test])),
    }  # fmt: skip
    rows = []
    for name, said in found.items():
        said = np.ravel(said)
        row = {"task": "back-azimuth", "split": "2011-2012", "model": name}
        row |= _spread(
            "mae",
            lambda i, said=said: circular_mean_absolute_error(true[i], said[i]),
            data,
            test,
        )
        for tolerance in (20, 30):
            row[f"within_{tolerance}"] = _round(
                accuracy_within(true, said, tolerance=float(tolerance), period=360.0)
            )
        rows.append(row)
    return rows


def _offset_row(split, model, data, rows, said, std):
    """All figures of distances; rows without prediction do not count."""
    row = {"task": "distance", "split": split, "model": model}
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    has = np.isfinite(said)
    rows, said, std = rows[has], said[has], std[has]
    true = data.distance[rows]
    near = true < NEAR
    mask = np.zeros(len(data.distance), dtype=bool)
    for end, part in (("_near", near), ("", near | True)):
        mask[:] = False
        mask[rows[part]] = True
        y, x = true[part], said[part]
        row |= _spread(f"r2{end}", lambda i, y=y, x=x: r2_score(y[i], x[i]), data, mask)
        row |= _spread(f"mae{end}", lambda i, y=y, x=x: np.abs(y - x)[i].mean(), data, mask)
    row["median_near"] = _round(np.median(np.abs(true - said)[near]))
    for end, part in (("near", near), ("far", ~near)):
        row[f"cover_{end}"] = _cover(true[part], said[part], std[part])
        row[f"std_{end}"] = _round(std[part].mean()) if part.any() else np.nan
        row[f"mae_{end}"] = _round(np.abs(true - said)[part].mean()) if part.any() else np.nan
        row[f"n_{end}"] = int(part.sum())
    return row


def _cover(true, said, std):
    if not len(true) or not np.isfinite(std).all():
        return np.nan
    return _round(interval_coverage(true, said, std, level=STATED))


def _spread(name, score, data, rows):
    """A score of the rows and its 95 % bootstrap interval over events."""
    names, code = np.unique(data.event[rows], return_inverse=True)
    members = [np.flatnonzero(code == k) for k in range(len(names))]
    rng = np.random.default_rng(0)
    values = []
    for _ in range(100 if data.quick else N_RESAMPLES):
        drawn = rng.integers(0, len(members), len(members))
        values.append(score(np.concatenate([members[k] for k in drawn])))
    low, high = np.quantile(values, (0.025, 0.975))
    return {
        name: _round(score(np.arange(len(code)))),
        f"{name}_low": _round(low),
        f"{name}_high": _round(high),
    }


def _round(value):
    return round(float(value), 3)


def _print(rows):
    for row in rows:
        kept = {k: v for k, v in row.items() if not k.endswith(("_low", "_high"))}
        what = " ".join(f"{kept.pop(key):18}" for key in ("task", "split", "model"))
        print(f"  {what}", *(f"{k} {v:.3g}" for k, v in kept.items()), file=sys.stderr)


def _write(figures, rows, predictions, data):
    import pandas as pd

    RESULTS.mkdir(exist_ok=True)
    known = {key: None if value != value else value for key, value in figures.items()}
    (RESULTS / "kachchh_offsets.json").write_text(json.dumps(known, indent=1) + "\n")
    pd.DataFrame(rows).to_csv(RESULTS / "kachchh_offsets.csv", index=False)
    draw(RESULTS / "kachchh_offsets.png", data.distance[data.test], predictions, near=NEAR)
