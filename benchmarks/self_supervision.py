"""What pre-training without labels is worth where few events have a label.

The recordings need SEISCLF_DATA, the folder that holds ``gujarat/`` and ``kachchh/``.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from benchmarks._self_supervision_sets import UNLABELLED, real_events, synthetic_events
from seisclf.model_selection._fingerprint import digest

RESULTS = Path(__file__).parent / "results"
FRACTIONS = (0.05, 0.1, 0.8)
#: With fewer labels than this part of the events, batch normalisation is kept (as published).
FEW = 0.2
#: Objective, crop and diagonal term of each encoder; None begins with random weights.
ENCODERS = {
    "random": None,
    "TNC": {"objective": "tnc"},
    "VIbCReg, random crops": {"objective": "vibcreg", "crop": "random"},
    "VIbCReg, neighboring crops": {"objective": "vibcreg"},
    "VIbCReg + TNC": {"objective": "vnibcreg", "diagonal": None},
    "VNIbCReg": {"objective": "vnibcreg"},
}
#: Accuracies at Åknes (ResNet34, mean of three divisions) that the paper printed.
PUBLISHED = {
    "linear": {
        "random": (None, None, 0.642),
        "TNC": (None, None, 0.499),
        "VIbCReg, random crops": (None, None, 0.476),
        "VIbCReg, neighboring crops": (None, None, 0.578),
        "VIbCReg + TNC": (None, None, 0.698),
        "VNIbCReg": (None, None, 0.716),
    },
    "fine-tuned": {
        "random": (0.185, 0.528, 0.928),
        "TNC": (0.500, 0.715, 0.915),
        "VIbCReg, random crops": (0.504, 0.628, 0.912),
        "VIbCReg, neighboring crops": (0.619, 0.747, 0.912),
        "VIbCReg + TNC": (0.642, 0.799, 0.920),
        "VNIbCReg": (0.717, 0.824, 0.919),
    },
}
#: "epochs" are those of fine-tuning with few labels and with many: an epoch of few is short.
#: A tenth of a small picture is ten columns, mostly margin to a network that halves them five
#: times; a quarter is the most that leaves room for a distant crop.
SCALES = {
    "quick": {
        "backbone": "resnet18", "width": 2, "size": 16, "n_projector": 16, "crop_width": 0.25,
        "pretraining_batch": 128, "pretraining_epochs": {"synthetic": 1, "gujarat": 1},
        "batch": 16, "epochs": (1, 1), "events": (60, 20), "repeats": 1,
    },
    "two cores": {
        "backbone": "resnet18", "width": 8, "size": 32, "n_projector": 256, "crop_width": 0.25,
        "pretraining_batch": 64, "pretraining_epochs": {"synthetic": 36, "gujarat": 15},
        "batch": 32, "epochs": (100, 30), "events": (600, 300), "repeats": 3,
    },
    "paper": {
        "backbone": "resnet34", "width": 64, "size": 128, "n_projector": 4096, "crop_width": 0.1,
        "pretraining_batch": 128, "pretraining_epochs": {"synthetic": 300, "gujarat": 300},
        "batch": 64, "epochs": (100, 100), "events": (1200, 800), "repeats": 3,
    },
}  # fmt: skip


def run(quick=False, scale=None, sets=("synthetic", "gujarat"), store=None):
    """Pre-train encoders, and evaluate them with 5, 10 and 80 % of the labels.

    Each of three repeats sets 20 % of the labelled events aside and pre-trains each encoder on
    all other events, labelled or not, the test never seen; then the same nested subsets of labels
    go to two evaluations. *linear*: the encoder stays as it is, and a logistic regression learns
    on the embeddings of single channels (standardised, all channels of an event as rows); the
    probabilities of the channels of an event are averaged. *fine-tuned*: encoder and head are
    trained on one random channel of each event and epoch, with the published learning rates, and
    averaged in the same way. Pre-trained encoders keep the statistics of batch normalisation at
    5 and 10 %. A random encoder that keeps its own, as in the published code, is a line of its
    own: "random, batch norm kept"; "random" learns them.

    *synthetic*: 24 channels, eight classes (see `_self_supervision_sets`). *gujarat*: three
    components at one station, earthquakes and blasts; days stay together; Kachchh's recordings
    join for pre-training.

    Parameters
    ----------
    quick : bool, default=False
        A minute, to see that it runs.
    scale : {"quick", "two cores", "paper"}, optional
        Sizes; "two cores" by default. "paper" has the published backbone, batches and epochs, and
        takes a GPU.
    sets : sequence of {"synthetic", "gujarat"}, default=("synthetic", "gujarat")
        Which events.
    store : str or Path, optional
        Folder for finished fits and encoders, so that a stopped run continues. By default one in
        the system's folder for temporary files.

    Returns
    -------
    figures : dict
        ``<set> <evaluation> <encoder> <fraction>``: accuracy and macro-F1, "mean (std)", and
        the published accuracy. Everything else is written to ``results/self_supervision.*``.
    """
    scale = scale or ("quick" if quick else "two cores")
    settings = SCALES[scale]
    if store is None:
        store = Path(tempfile.gettempdir()) / f"seisclf-self-supervision-{scale.replace(' ', '-')}"
    tables, facts = [], {"scale": scale, "settings": settings, "published": PUBLISHED}
    for name in sets:
        start = time.process_time()
        table, told = _one_set(name, settings, Path(store))
        tables.append(table.assign(set=name))
        facts[name] = told | {"core_seconds_of_this_run": round(time.process_time() - start)}
    import pandas as pd

    table = pd.concat(tables, ignore_index=True)
    summary = _summary(table)
    print(_words(summary, facts), file=sys.stderr)
    if scale != "quick":
        _write(table, summary, facts, "" if scale == "two cores" else f"_{scale}")
    return _figures(summary, facts)


def _one_set(name, settings, store):
    """Scores of all fits, and what the reader must know of the events."""
    import pandas as pd

    from seisclf.model_selection import label_fraction_curve

    if name == "synthetic":
        X, y, metadata = synthetic_events(*settings["events"], size=settings["size"])
        groups = None
    else:
        X, y, metadata = real_events(size=settings["size"])
        groups = "day"
    common = {
        "metadata": metadata,
        "groups": groups,
        "n_repeats": settings["repeats"],
        "scoring": ["accuracy", "f1_macro"],
        "store": store / name,
        # A class may miss from the few tested events of the quick run.
        "allow_missing_class": ("train", "test") if settings["repeats"] == 1 else (),
        "random_state": 0,
    }
    n_labelled = int((y != UNLABELLED).sum())
    estimators = _estimators(name, settings, n_labelled, store / "encoders")
    kept = {key: estimators.pop(key) for key in list(estimators) if "kept" in key}
    curve = label_fraction_curve(
        estimators, X, y, fractions=FRACTIONS, mark_unlabelled=list(estimators), **common
    )
    few = [fraction for fraction in FRACTIONS if fraction < FEW]
    other = label_fraction_curve(kept, X, y, fractions=few, mark_unlabelled=list(kept), **common)
    table = pd.concat([curve.table(), other.table()], ignore_index=True)
    table[["evaluation", "encoder"]] = table.pop("estimator").str.split(": ", n=1, expand=True)
    train, test = curve.splits_[0]
    facts = {
        "recordings": len(X),
        "channels": X.shape[1],
        "picture": list(X.shape[2:]),
        "with_label": n_labelled,
        "classes": {str(k): int(n) for k, n in zip(*np.unique(y, return_counts=True))},
        "tested": len(test),
        "seen_by_pretraining": len(train),
        "of_these_without_label_anyway": int((y[train] == UNLABELLED).sum()),
        "pretraining_seconds": _pretraining_seconds(store / "encoders", name),
    }
    return table, facts


def _estimators(name, settings, n_labelled, folder):
    """Both evaluations of every encoder."""
    from seisclf.self_supervised import SelfSupervisedEncoder

    network = {key: settings[key] for key in ("backbone", "width")} | {"representation": "picture"}
    estimators = {}
    for title, objective in ENCODERS.items():
        pretraining = objective and SelfSupervisedEncoder(
            **objective,
            **network,
            crop_width=settings["crop_width"],
            n_projector=settings["n_projector"],
            max_epochs=settings["pretraining_epochs"][name],
            batch_size=settings["pretraining_batch"],
            net_params={"optimizer__fused": True},
        )
        common = {"pretraining": pretraining, "network": network, "folder": folder, "name": name}
        fine = {"epochs": settings["epochs"], "batch": settings["batch"], "n_events": n_labelled}
        estimators[f"linear: {title}"] = Linear(**common)
        estimators[f"fine-tuned: {title}"] = FineTuned(**common, **fine)
        if pretraining is None:
            kept = FineTuned(**common, **fine, keep_batch_norm=True)
            estimators[f"fine-tuned: {title}, batch norm kept"] = kept
    return estimators


class Pretrained(ClassifierMixin, BaseEstimator):
    """An encoder trained on all rows, and what learns from those with a label.

    The encoder depends on the rows and the seed alone, so it is kept in `folder`: all fractions
    and both evaluations of a repeat share it.
    """

    def __init__(self, *, pretraining=None, network=None, folder=None, name="", random_state=None):
        self.pretraining = pretraining
        self.network = network
        self.folder = folder
        self.name = name
        self.random_state = random_state

    def fit(self, X, y):
        """Pre-train or read the encoder, then learn from the rows whose label is not -1."""
        encoder = self._encoder(X)
        known = np.array([label != -1 for label in y.tolist()])
        self._learn(encoder, X[known], y[known].astype(str))
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        """Classes."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _encoder(self, X):
        import seisclf

        if self.pretraining is None:
            return self._random_encoder(X.shape[2:])
        # One channel tells the rows apart.
        key = digest([self.pretraining, X[:, 0], self.random_state])
        file = Path(self.folder) / f"{self.name}-{key}.seisclf"
        if file.exists():
            return seisclf.load(file)
        start = time.perf_counter(), time.process_time()
        model = clone(self.pretraining).set_params(random_state=self.random_state).fit(X)
        told = {
            "objective": model.objective,
            "crop": model.crop,
            "diagonal": model.diagonal,
            "seconds": round(time.perf_counter() - start[0], 1),
            "core_seconds": round(time.process_time() - start[1], 1),
            "history": model.history_,
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_suffix(".json").write_text(json.dumps(told))
        model.encoder_.save(file)
        return model.encoder_

    def _random_encoder(self, shape):
        import torch

        from seisclf.nets import EventEncoder
        from seisclf.neural_network import TrainedEncoder

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            encoder = EventEncoder(in_channels=1, shape=tuple(shape), **self.network)
        return TrainedEncoder.from_module(encoder)


class Linear(Pretrained):
    """Logistic regression on embeddings of single channels, averaged over those of an event."""

    def _learn(self, encoder, X, y):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from seisclf.ensemble import ChannelEnsembleClassifier

        regression = LogisticRegression(class_weight="balanced", max_iter=2000)
        self.encoder_ = encoder
        self.model_ = ChannelEnsembleClassifier(make_pipeline(StandardScaler(), regression))
        self.model_.fit(encoder.transform_channels(X), y)

    def predict_proba(self, X):
        """Mean of the probabilities of the channels."""
        return self.model_.predict_proba(self.encoder_.transform_channels(X))


class FineTuned(Pretrained):
    """Encoder and head trained on random channels, averaged over those of an event."""

    def __init__(
        self, *, pretraining=None, network=None, folder=None, name="", random_state=None,
        epochs=(1, 1), batch=32, n_events=0, keep_batch_norm=False,
    ):  # fmt: skip
        super().__init__(
            pretraining=pretraining, network=network, folder=folder, name=name,
            random_state=random_state,
        )  # fmt: skip
        self.epochs = epochs
        self.batch = batch
        self.n_events = n_events
        self.keep_batch_norm = keep_batch_norm

    def _learn(self, encoder, X, y):
        from seisclf.ensemble import ChannelEnsembleClassifier
        from seisclf.neural_network import CNNClassifier

        few = len(y) < FEW * self.n_events
        begins_anew = self.pretraining is None and not self.keep_batch_norm
        start = self.network if begins_anew else {"encoder": encoder, **_pictures(self.network)}
        network = CNNClassifier(
            **start,
            freeze_batch_norm=few and not begins_anew,
            max_epochs=self.epochs[0 if few else 1],
            batch_size=self.batch,
            random_state=self.random_state,
            net_params={"optimizer__fused": True},
        )
        self.model_ = ChannelEnsembleClassifier(
            network, members="pictures", random_state=self.random_state
        )
        self.model_.fit(X, y)

    def predict_proba(self, X):
        """Mean of the probabilities of the channels."""
        return self.model_.predict_proba(X)


def _pictures(network):
    return {"representation": network["representation"]}


def _pretraining_seconds(folder, name):
    """Mean of the seconds of one core by objective, of the encoders of this run's store."""
    seconds = {}
    for file in sorted(folder.glob(f"{name}-*.json")):
        told = json.loads(file.read_text())
        title = f"{told['objective']}, {told['crop']} crops, diagonal {told['diagonal']}"
        seconds.setdefault(title, []).append(told["core_seconds"])
    return {title: round(float(np.mean(values)), 1) for title, values in seconds.items()}


def _summary(table):
    """Mean and spread by set, evaluation, encoder and fraction."""
    keys = ["set", "evaluation", "encoder", "fraction"]
    grouped = table.groupby(keys, sort=False)
    summary = grouped[["accuracy", "f1_macro"]].agg(["mean", "std"])
    summary.columns = ["_".join(column) for column in summary.columns]
    return summary.join(grouped[["n_labelled", "fit_time"]].mean())


def _part(summary, name, evaluation):
    """Rows of one set and evaluation, by encoder and fraction."""
    sets, evaluations = (summary.index.get_level_values(level) for level in (0, 1))
    return summary[(sets == name) & (evaluations == evaluation)].droplevel([0, 1])


def _published(evaluation, encoder, fraction):
    row = PUBLISHED[evaluation].get(encoder)
    return None if row is None else row[FRACTIONS.index(fraction)]


def _figures(summary, facts):
    figures = {"scale": facts["scale"]}
    for (name, evaluation, encoder, fraction), row in summary.iterrows():
        text = f"accuracy {row['accuracy_mean']:.3f} ({row['accuracy_std']:.3f}), macro-F1 "
        text += f"{row['f1_macro_mean']:.3f} ({row['f1_macro_std']:.3f})"
        published = _published(evaluation, encoder, fraction)
        if published is not None:
            text += f"; published accuracy {published:.3f}"
        figures[f"{name} {evaluation} {encoder} {fraction:.0%}"] = text
    return figures


def _words(summary, facts):
    """The table that people read: our accuracy and macro-F1 beside the paper's accuracy."""
    lines = []
    for name in dict.fromkeys(summary.index.get_level_values("set")):
        told = {k: v for k, v in facts[name].items() if not isinstance(v, dict)}
        lines += ["", f"{name}: {told}"]
        for evaluation in ("linear", "fine-tuned"):
            own = _part(summary, name, evaluation)
            head = "".join(f"{f'{fraction:.0%}':>40}" for fraction in FRACTIONS)
            lines += ["", f"{evaluation:28}{head}"]
            for encoder in dict.fromkeys(own.index.get_level_values("encoder")):
                cells = [_cell(own, evaluation, encoder, fraction) for fraction in FRACTIONS]
                lines.append(f"{encoder:28}{''.join(cells)}")
    return "\n".join([*lines, "", "accuracy (std) | macro-F1 (std) | accuracy of the paper"])


def _cell(own, evaluation, encoder, fraction):
    if (encoder, fraction) not in own.index:
        return " " * 40
    row = own.loc[encoder, fraction]
    published = _published(evaluation, encoder, fraction)
    text = f"{row['accuracy_mean']:.3f} ({row['accuracy_std']:.3f}) | "
    text += f"{row['f1_macro_mean']:.3f} ({row['f1_macro_std']:.3f}) | "
    return f"{text + ('  -  ' if published is None else f'{published:.3f}'):>40}"


def _write(table, summary, facts, suffix):
    RESULTS.mkdir(exist_ok=True)
    table.round(4).to_csv(RESULTS / f"self_supervision{suffix}.csv", index=False)
    told = {**facts, "summary": summary.round(4).reset_index().to_dict("records")}
    (RESULTS / f"self_supervision{suffix}.json").write_text(json.dumps(told, indent=1) + "\n")
    (RESULTS / f"self_supervision{suffix}.txt").write_text(_words(summary, facts).lstrip() + "\n")
    _draw(summary, RESULTS / f"self_supervision{suffix}.png")


def _draw(summary, path):
    import matplotlib
    import pandas as pd

    from seisclf.model_selection import LabelFractionDisplay

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(summary.index.get_level_values("set")))
    size = (10.5, 3.7 * len(names))
    figure, axes = plt.subplots(len(names), 2, figsize=size, layout="constrained", squeeze=False)
    encoders = [*ENCODERS, "random, batch norm kept"]
    colors = {encoder: f"C{i}" for i, encoder in enumerate(encoders)}
    for row, name in zip(axes, names):
        for ax, evaluation in zip(row, ("linear", "fine-tuned")):
            own = _part(summary, name, evaluation)
            lines = pd.DataFrame(
                {
                    "mean": own["accuracy_mean"],
                    "std": own["accuracy_std"],
                    "n_labelled_events": own["n_labelled"],
                }
            )
            LabelFractionDisplay(lines, metric="accuracy").plot(ax=ax, colors=colors)
            if evaluation == "linear":
                ax.get_legend().remove()
            ax.set_title(f"{name}, {evaluation}", fontsize=10)
            ax.set_xlabel("recordings whose label is known")
        low = min(ax.get_ylim()[0] for ax in row)
        high = max(ax.get_ylim()[1] for ax in row)
        for ax in row:
            ax.set_ylim(low, high)
    figure.savefig(path, dpi=110)
