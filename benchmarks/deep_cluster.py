"""Clusters of events without labels: deep clustering beside k-means and HDBSCAN on features.

Needs the recordings: SEISCLF_DATA must name the folder that holds ``gujarat/``. Runs by name only:
it takes minutes.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

RESULTS = Path(__file__).parent / "results"
RATE = 50.0  # Hz
SEEDS = (0, 1, 2)
NUMBERS = range(2, 10)
RULES = ("loss", "relative_loss", "silhouette", "gap", "stability")
#: Events of each class.
SIZES = {"gujarat": 120, "synthetic": 72}
CLASSES = ("earthquake", "quake", "rockfall", "tremor", "noise")
#: The same for all networks. `n_components`, `reassign_every` and `batch_size` were settled by the
#: labels of 500 synthetic events of other classes (slide, car, machinery, spike, noise) and of
#: another seed; nothing was chosen by an index on the events that are scored.
NETWORK = {
    "representation": "picture",
    "backbone": "resnet18",
    "width": 8,
    "net_params": {"optimizer__fused": True},
    "device": "cpu",
}
CLUSTERS = {
    "n_components": 16,
    "reassign_every": 2,
    "batch_size": 32,
    "max_epochs": 12,
}
PRETRAINING = {
    "objective": "vnibcreg",
    "crop_width": 0.25,
    "n_projector": 128,
    "batch_size": 64,
    "max_epochs": 24,
}
#: HDBSCAN's, before any score was seen: a twentieth of the events is a cluster.
SMALLEST = 0.05


def run(quick=False, sets=("gujarat", "synthetic")):
    """Score divisions of labelled events that no method has seen the labels of.

    *gujarat*: earthquakes, blasts and noise from before their onsets, 120 each, 16 s of three
    components at one station. *synthetic*: five classes, 72 each, 20 s of three components.

    With the true number of clusters: DeepCluster from random weights; VNIbCReg's encoder, trained
    on the same events without labels, with whitening and k-means alone, and with the alternation;
    k-means and HDBSCAN on standardised `SeismicFeatures`. HDBSCAN finds its own number; events
    that it leaves out are scored as a cluster, and once more left out.

    The number of clusters: what each rule chooses from 2 to 9, for DeepCluster from random
    weights, whitening and k-means on VNIbCReg's encoder, and k-means on features, with one seed.

    Parameters
    ----------
    quick : bool, default=False
        Few events and epochs, to see that it runs.
    sets : sequence of {"gujarat", "synthetic"}
        Which events.

    Returns
    -------
    figures : dict
        ``ari [set method]`` and ``nmi [set method]``, "mean (std)" over three seeds; ``k [set
        method]``, what the rules choose. Written to ``results/deep_cluster.*``.
    """
    rows, choices, selections, facts = [], [], [], {}
    for name in sets:
        start = time.process_time()
        X, pictures, y = _events(name, 12 if quick else SIZES[name])
        vectors = _features(X)
        rows += _baselines(name, vectors, y)
        encoders = [_encoder(pictures, seed, quick) for seed in SEEDS]
        for seed, encoder in zip(SEEDS, encoders, strict=True):
            rows += _networks(name, pictures, y, seed, encoder, quick)
        for method, table in _selections(vectors, pictures, encoders[0], quick).items():
            choices.append({"set": name, "method": method, "true": len(set(y)), **_chosen(table)})
            selections += [{"set": name, "method": method, **row} for row in table]
        facts[name] = {
            "events": len(y),
            "picture": list(pictures.shape[1:]),
            "cpu_seconds": round(time.process_time() - start),
        }
        print(f"  {name}: {facts[name]}", file=sys.stderr, flush=True)
    summary = _summary(rows)
    _print(summary, choices)
    if not quick:
        _write(rows, summary, choices, selections, facts)
    return _figures(summary, choices)


def _events(name, n_each):
    """Waveforms, pictures and hidden labels of `n_each` events of each class."""
    from seisclf.datasets import add_noise_class, load_gujarat, make_seismic_events
    from seisclf.preprocessing import Spectrogram

    if name == "gujarat":
        events = add_noise_class(load_gujarat(), start=-2.0, end=14.0)
        y = np.asarray(events.target).astype(str)
        rng = np.random.default_rng(0)
        rows = np.sort(
            np.concatenate(
                [rng.permutation(np.flatnonzero(y == c))[:n_each] for c in np.unique(y)]
            )
        )
        X, y = np.asarray(events.data)[rows].astype(np.float32), y[rows]
    else:
        events = make_seismic_events(
            n_each * len(CLASSES), classes=CLASSES, n_sites=1, duration=20.0, sampling_rate=RATE,
            random_state=0,
        )  # fmt: skip
        X, y = events.data, events.target.astype(str)
    spectrogram = Spectrogram.from_preset(
        "aknes", sampling_rate=RATE, window_length=0.64, log="db", size=32
    )
    return X, spectrogram.fit_transform(X).astype(np.float32), y


def _features(X):
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from seisclf.feature_extraction import SeismicFeatures

    bands = ((1.0, 3.0), (3.0, 6.0), (6.0, 12.0), (12.0, 20.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_pipeline(
            SeismicFeatures(sampling_rate=RATE, bands=bands), SimpleImputer(), StandardScaler()
        ).fit_transform(X)


def _scored(name, method, seed, y, labels, **more):
    return {
        "set": name,
        "method": method,
        "seed": seed,
        "ari": adjusted_rand_score(y, labels),
        "nmi": normalized_mutual_info_score(y, labels),
        "clusters": len(np.unique(labels)),
        **more,
    }


def _baselines(name, vectors, y):
    from sklearn.cluster import HDBSCAN, KMeans

    rows = []
    for seed in SEEDS:
        labels = KMeans(len(set(y)), n_init=10, random_state=seed).fit_predict(vectors)
        rows.append(_scored(name, "k-means on features", seed, y, labels))
    size = max(2, round(SMALLEST * len(y)))
    labels = HDBSCAN(min_cluster_size=size, copy=True).fit_predict(vectors)
    inside = labels >= 0
    left_out = {"left_out": float(1 - inside.mean())}
    rows.append(_scored(name, "HDBSCAN on features", 0, y, labels, **left_out))
    if inside.any():
        rows.append(
            _scored(
                name, "HDBSCAN, without those left out", 0, y[inside], labels[inside], **left_out
            )
        )
    return rows


def _encoder(pictures, seed, quick):
    from seisclf.self_supervised import SelfSupervisedEncoder

    settings = PRETRAINING | ({"max_epochs": 1} if quick else {})
    return SelfSupervisedEncoder(**NETWORK, **settings, random_state=seed).fit(pictures).encoder_


def _networks(name, pictures, y, seed, encoder, quick):
    k = len(set(y))
    starts = {
        "DeepCluster, random weights": {},
        "whitening + k-means on VNIbCReg": _from(encoder) | {"max_epochs": 0},
        "DeepCluster on VNIbCReg": _from(encoder),
        "whitening + k-means, random weights": {"max_epochs": 0},
    }
    rows = []
    for method, start in starts.items():
        model = _deep_cluster(k, start, seed, quick).fit(pictures)
        rows.append(_scored(name, method, seed, y, model.labels_))
        if model.history_:
            rows[-1]["last_nmi"] = model.selection_["nmi"].iloc[0]
    return rows


def _from(encoder):
    return {"encoder": encoder, "backbone": None, "width": 64}


def _deep_cluster(n_clusters, start, seed, quick):
    from seisclf.cluster import DeepCluster

    settings = NETWORK | CLUSTERS | ({"max_epochs": 2} if quick else {}) | start
    selection = "silhouette" if settings["max_epochs"] == 0 else "loss"
    return DeepCluster(
        n_clusters=n_clusters, selection=selection, random_state=seed, **settings
    )  # fmt: skip


def _selections(vectors, pictures, encoder, quick):
    """What each number of clusters is worth, by method."""
    from seisclf.cluster._assignment import assign_clusters
    from seisclf.cluster._selection import rate_clusters

    tables = {}
    for method, start in (
        ("DeepCluster, random weights", {}),
        ("whitening + k-means on VNIbCReg", _from(encoder) | {"max_epochs": 0}),
    ):
        model = _deep_cluster(NUMBERS, start, 0, quick).fit(pictures)
        tables[method] = model.selection_.to_dict("records")
    rows = []
    for k in NUMBERS:
        labels, _, _ = assign_clusters(vectors, k, n_init=5)
        figures = rate_clusters(vectors, labels, n_init=5, seed=0, normalised=False)
        rows.append({"n_clusters": k, **figures})
    tables["k-means on features"] = rows
    return tables


def _chosen(table):
    from seisclf.cluster._selection import choose

    columns = {name: np.array([row[name] for row in table], float) for name in table[0]}
    chosen = {}
    for rule in RULES:
        values = columns.get(rule)
        if values is None or np.isnan(values).all():
            chosen[rule] = None
        elif rule == "relative_loss":
            chosen[rule] = int(columns["n_clusters"][np.nanargmin(values)])
        else:
            chosen[rule] = int(columns["n_clusters"][choose(rule, columns)])
    return chosen


def _summary(rows):
    import pandas as pd

    table = pd.DataFrame(rows)
    grouped = table.groupby(["set", "method"], sort=False)
    summary = grouped[["ari", "nmi"]].agg(["mean", "std"])
    summary.columns = ["_".join(column) for column in summary.columns]
    return summary.join(grouped[["clusters", "left_out", "last_nmi"]].mean()).reset_index()


def _text(row, name):
    if np.isnan(row[f"{name}_std"]):
        return f"{row[f'{name}_mean']:.2f}"
    return f"{row[f'{name}_mean']:.2f} ({row[f'{name}_std']:.2f})"


def _print(summary, choices):
    for _, row in summary.iterrows():
        left = "" if np.isnan(row["left_out"]) else f"  left out {row['left_out']:.0%}"
        print(
            f"{row['set']:10} {row['method']:38} ARI {_text(row, 'ari'):12} "
            f"NMI {_text(row, 'nmi'):12} k {row['clusters']:.0f}{left}",
            file=sys.stderr,
        )
    for row in choices:
        print(row, file=sys.stderr)


def _figures(summary, choices):
    figures = {}
    for _, row in summary.iterrows():
        for name in ("ari", "nmi"):
            figures[f"{name} [{row['set']} {row['method']}]"] = _text(row, name)
    for row in choices:
        chosen = ", ".join(f"{rule} {row[rule]}" for rule in RULES if row[rule] is not None)
        figures[f"k [{row['set']} {row['method']}]"] = f"true {row['true']}; {chosen}"
    return figures


def _write(rows, summary, choices, selections, facts):
    import pandas as pd

    RESULTS.mkdir(exist_ok=True)
    pd.DataFrame(rows).round(4).to_csv(RESULTS / "deep_cluster.csv", index=False)
    network = {name: value for name, value in NETWORK.items() if name != "net_params"}
    told = {
        "settings": {"network": network, "clusters": CLUSTERS, "pretraining": PRETRAINING},
        "facts": facts,
        "summary": _plain(summary.round(4).to_dict("records")),
        "choices": choices,
        "selection": _plain(pd.DataFrame(selections).round(4).to_dict("records")),
    }
    (RESULTS / "deep_cluster.json").write_text(json.dumps(told, indent=1) + "\n")
    _draw(summary, selections, choices, RESULTS / "deep_cluster.png")


def _plain(records):
    """NaN is no JSON."""
    return [
        {name: None if isinstance(v, float) and np.isnan(v) else v for name, v in row.items()}
        for row in records
    ]


def _draw(summary, selections, choices, path):
    import matplotlib
    import pandas as pd

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    sets = list(dict.fromkeys(summary["set"]))
    size = (12.5, 3.6 * len(sets))
    figure, axes = plt.subplots(
        len(sets), 2, figsize=size, layout="constrained", squeeze=False, width_ratios=(3, 2)
    )
    table = pd.DataFrame(selections)
    for (left, right), name in zip(axes, sets, strict=True):
        own = summary[summary["set"] == name].iloc[::-1]
        places = np.arange(len(own))
        for shift, index, color in ((0.2, "ari", "#0072b2"), (-0.2, "nmi", "#e69f00")):
            left.barh(
                places + shift, own[f"{index}_mean"], 0.38, xerr=own[f"{index}_std"].fillna(0),
                color=color, label=index.upper(), error_kw={"lw": 1},
            )  # fmt: skip
        left.set_yticks(places, own["method"])
        left.set_xlabel("agreement with the hidden classes (lines: std over 3 seeds)")
        left.set_title(name, loc="left", fontweight="bold")
        left.axvline(0, color="0.3", lw=0.8)
        rows = table[(table["set"] == name) & table["loss"].notna()]
        right.plot(rows["n_clusters"], rows["loss"], "o-", color="0.3", label="loss")
        right.plot(
            rows["n_clusters"], rows["relative_loss"], "s--", color="#cc79a7",
            label="loss / log k",
        )  # fmt: skip
        right.plot(
            rows["n_clusters"], rows["silhouette"], "^-", color="#009e73", label="silhouette"
        )
        right.plot(rows["n_clusters"], rows["stability"], "v-", color="#56b4e9", label="stability")
        true = next(row["true"] for row in choices if row["set"] == name)
        right.axvline(true, color="0.6", ls=":", label="true number")
        right.set_xlabel("number of clusters k")
        right.set_title("DeepCluster from random weights", loc="left", fontsize=10)
    axes[0, 0].legend(loc="lower right", frameon=False)
    axes[0, 1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(path, dpi=110)
    plt.close(figure)
