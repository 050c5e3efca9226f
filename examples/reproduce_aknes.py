"""
==================================================
Tables 2 to 5 of the Åknes paper, with one command
==================================================

What Lee et al. (2022) report for the unstable slope at Åknes, on the set that they published: one
aggregated trace against an ensemble of 24 channels (tables 2 and 3), encoders that learned without
labels under a linear classifier (table 4), and the same trained further with 5, 10 and 80 % of the
labels (table 5). Ours is printed beside theirs.

This script is not run with the documentation. It needs the set (5 GB, downloaded once, and 5 GB
for the array), 8 GB of memory and a GPU; all tables are some 90 fits and 15 pre-trainings of 300
epochs. Finished fits are kept in the folder ``--store``: a run that was stopped goes on, also in
the middle of a pre-training. ::

    python examples/reproduce_aknes.py --store aknes_runs --tables 2 3 4 5
    python examples/reproduce_aknes.py --store try --quick --repeats 1   # does it run at all?

Accuracy is on 20 % of the labelled events, drawn by class, three times, as theirs. Differences
that are known:

- Their text averages the probabilities of the channels ("soft"), their code the logarithms
  ("geometric"). The table has both.
- Pre-training sees all events, labelled or not, as in their text, those of the test among them
  (without labels). Their code leaves out a fifth of them, drawn independently of the test.
- Their aggregate weighs a trace with the inverse of its standard deviation, ours with the ratio of
  its loudest to its quiet moments.
- Their purely supervised ResNet takes the largest value of each map, ours the mean.
- Of random weights at 5 and 10 % they do not say whether batch normalisation was frozen, as it
  was for the others; table 5 has both.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

import seisclf
from seisclf.datasets import fetch_aknes
from seisclf.ensemble import ChannelEnsembleClassifier
from seisclf.nets import EventEncoder
from seisclf.neural_network import CNNClassifier, TrainedEncoder
from seisclf.preprocessing import ChannelAggregator
from seisclf.self_supervised import SelfSupervisedEncoder

# The noise class has no weight: eight events with nothing in common but being none of the rest.
CLASS_WEIGHT = ("balanced", {"Noise": 0.0})
BACKBONES = {"AlexNet": "alexnet", "ResNet34": "resnet34"}

# How the encoders of tables 4 and 5 learn; None: not at all, their weights are random.
ENCODERS = {
    "random": None,
    "TNC": {"objective": "tnc"},
    "VIbCReg, random crops": {"objective": "vibcreg", "crop": "random"},
    "VIbCReg": {"objective": "vibcreg"},
    "VIbCReg + TNC": {"objective": "vnibcreg", "diagonal": None},
    "VNIbCReg": {"objective": "vnibcreg"},
}

# Lee et al. (2022): mean and standard deviation of three.
TABLE_2 = {
    ("AlexNet", "class weight"): (0.867, 0.005),
    ("ResNet34", "class weight"): (0.878, 0.012),
    ("AlexNet", "no class weight"): (0.864, 0.010),
    ("ResNet34", "no class weight"): (0.881, 0.012),
}
TABLE_3 = {"AlexNet": (0.916, 0.005), "ResNet34": (0.928, 0.005)}
TABLE_4 = {
    "random": (0.642, 0.026),
    "TNC": (0.499, 0.011),
    "VIbCReg, random crops": (0.476, 0.020),
    "VIbCReg": (0.578, 0.005),
    "VIbCReg + TNC": (0.698, 0.023),
    "VNIbCReg": (0.716, 0.025),
}
FRACTIONS = (0.05, 0.1, 0.8)
TABLE_5 = {
    "random": ((0.185, 0.036), (0.528, 0.038), (0.928, 0.005)),
    "TNC": ((0.500, 0.029), (0.715, 0.033), (0.915, 0.010)),
    "VIbCReg, random crops": ((0.504, 0.036), (0.628, 0.024), (0.912, 0.002)),
    "VIbCReg": ((0.619, 0.036), (0.747, 0.016), (0.912, 0.003)),
    "VIbCReg + TNC": ((0.642, 0.019), (0.799, 0.029), (0.920, 0.002)),
    "VNIbCReg": ((0.717, 0.037), (0.824, 0.030), (0.919, 0.005)),
}


@dataclass
class Row:
    """One line of a table: how it is made, and what the paper has."""

    name: str
    key: str  # rows of the same key are the same fits
    published: tuple | None
    backbone: str = "resnet34"
    encoder: str | None = None  # one of ENCODERS; None trains all of the network
    aggregate: bool = False
    fraction: float = 0.8
    params: dict | None = None  # of the network


def rows_of(table):
    """Rows of a table, each with the recipe of the paper."""
    if table == 2:
        for name, weight in TABLE_2:
            yield _aggregated(name, weight)
    elif table == 3:
        for name, published in TABLE_3.items():
            yield _aggregated(name, "class weight")
            yield Row(f"{name}, ensemble", f"ensemble, {name}", published, BACKBONES[name])
    elif table == 4:
        for name, published in TABLE_4.items():
            yield Row(
                name, f"linear, {name}", published, encoder=name, params={"freeze_encoder": True}
            )
    else:
        for name, published in TABLE_5.items():
            for fraction, value in zip(FRACTIONS, published, strict=True):
                yield from _fine_tuned(name, fraction, value)


def _aggregated(name, weight):
    params = {"max_epochs": 50, "weight_decay": 1e-4}
    params["class_weight"] = CLASS_WEIGHT if weight == "class weight" else None
    row = f"{name}, aggregate, {weight}"
    published = TABLE_2[name, weight]
    return Row(row, row, published, BACKBONES[name], aggregate=True, params=params)


def _fine_tuned(name, fraction, published):
    small = fraction < 0.5
    share = f"{fraction:.0%}"
    params = {"freeze_batch_norm": True} if small else {}
    key = f"fine-tuned, {name}, {share}"
    if name == "random":
        # At 80 % this is the ensemble of table 3.
        free = key if small else "ensemble, ResNet34"
        yield Row(f"{name}, {share}", free, published, fraction=fraction)
        if small:
            params |= {"lr": 1e-3, "encoder_lr": 1e-3}
            row, key = f"{name}, {share}, batch norm frozen", f"{key}, frozen"
            yield Row(row, key, published, encoder=name, fraction=fraction, params=params)
    else:
        params |= {"lr": 1e-3, "encoder_lr": 5e-4}
        yield Row(
            f"{name}, {share}", key, published, encoder=name, fraction=fraction, params=params
        )


class Data:
    """The set: labelled events come first."""

    def __init__(self, options):
        events = fetch_aknes(options.data_home, n_jobs=options.jobs)
        self.X = events.data
        self.labelled = int((events.target != "-1").sum())
        self.y = events.target[: self.labelled]
        self.store = options.store

    def split(self, fraction, repeat):
        """Training and test events as the authors draw them, at least one event for each class."""
        n = self.labelled
        n_train = max(int(fraction * n), len(np.unique(self.y)))
        return train_test_split(
            np.arange(n),
            train_size=min(n_train, n - round(0.2 * n)),
            test_size=0.2,
            stratify=self.y,
            random_state=repeat,
        )

    def aggregated(self):
        """One trace for each labelled event, made once, a few events at a time."""
        path = self.store / "aggregated.npy"
        if not path.is_file():
            aggregator = ChannelAggregator().fit(self.X[:2])
            parts = [
                aggregator.transform(self.X[first : min(first + 64, self.labelled)])
                for first in range(0, self.labelled, 64)
            ]
            np.save(path, np.concatenate(parts))
        return np.load(path, mmap_mode="r")


class Runs:
    """Scores that are known, in a file of the store."""

    def __init__(self, options):
        options.store.mkdir(parents=True, exist_ok=True)
        self.path = options.store / "scores.json"
        names = ("quick", "epochs", "pretraining_epochs", "diagonal", "data_home")
        settings = {name: str(getattr(options, name)) for name in names}
        known = {"settings": settings, "scores": {}}
        if self.path.is_file():
            known = json.loads(self.path.read_text())
        if known["settings"] != settings:
            raise SystemExit(
                f"{options.store} has fits of other settings, {known['settings']}; these are "
                f"{settings}. Give another --store"
            )
        self.known, self.scores = known, known["scores"]

    def add(self, key, score):
        self.scores[key] = score
        partial = self.path.with_suffix(".part")
        partial.write_text(json.dumps(self.known, indent=1))
        partial.replace(self.path)


def network(row, encoder, options, repeat):
    """The network of a row; one that comes from an encoder has its backbone."""
    params = {"sampling_rate": 1000.0, "class_weight": CLASS_WEIGHT} | (row.params or {})
    params |= {"device": options.device, "random_state": repeat, "verbose": options.verbose}
    if encoder is not None:
        params["encoder"] = encoder
    else:
        params["backbone"] = row.backbone
        if options.quick:
            params |= {"width": 2, "size": 16}
    if options.epochs:
        params["max_epochs"] = options.epochs
    return CNNClassifier(**params)


def pretrained(name, data, options, repeat):
    """The encoder of a row of tables 4 and 5; None where all of the network is trained."""
    if name is None:
        return None
    if ENCODERS[name] is None:
        return random_encoder(data, options, repeat)
    file = name.lower().replace(", ", "_").replace(" ", "_").replace("+", "and")
    path = options.store / f"{file}_{repeat}.seisclf"
    if not path.is_file():
        small = {"width": 2, "size": 16, "n_projector": 16, "n_groups": 2, "batch_size": 8}
        params = {"diagonal": options.diagonal, **(small if options.quick else {})}
        learner = SelfSupervisedEncoder(
            **(params | ENCODERS[name]),
            sampling_rate=1000.0,
            max_epochs=options.pretraining_epochs,
            checkpoint=path.with_suffix(".checkpoint"),
            device=options.device,
            random_state=repeat,
            verbose=options.verbose,
        )
        learner.fit(data.X).encoder_.save(path)
    return seisclf.load(path)


def random_encoder(data, options, repeat):
    """An encoder that has learned nothing."""
    small = {"width": 2, "size": 16} if options.quick else {}
    shape = data.X.shape[-1:]
    with torch.random.fork_rng():
        torch.manual_seed(repeat)
        module = EventEncoder(
            in_channels=1, shape=shape, sampling_rate=1000.0, backbone="resnet34", **small
        )
    return TrainedEncoder.from_module(module)


def score(row, data, options, repeat):
    """Fit once; accuracy on the test events, of an ensemble by both ways to vote."""
    train, test = data.split(row.fraction, repeat)
    net = network(row, pretrained(row.encoder, data, options, repeat), options, repeat)
    if row.aggregate:
        X = data.aggregated()
        said = net.fit(X[train], data.y[train]).predict(X[test])
        return {"accuracy": accuracy_score(data.y[test], said)}
    ensemble = ChannelEnsembleClassifier(net, random_state=repeat)
    ensemble.fit(data.X[train], data.y[train])
    of_channels = ensemble.predict_proba_channels(data.X[test])
    with np.errstate(divide="ignore"):
        logarithms = np.maximum(np.log(of_channels), -100.0)
    votes = {"soft": of_channels, "geometric": logarithms}
    return {
        name: accuracy_score(data.y[test], ensemble.classes_[np.nanmean(vote, axis=1).argmax(1)])
        for name, vote in votes.items()
    }


def print_table(number, rows, runs, repeats):
    """Ours beside theirs, mean and standard deviation over the repeats."""
    print(f"\nTable {number}: test accuracy, mean (standard deviation)\n")
    print(f"{'':42}{'ours, soft':>16}{'ours, geometric':>18}{'paper':>16}")
    for row in rows:
        scores = [runs.scores[f"{row.key} #{repeat}"] for repeat in range(repeats)]
        one = "accuracy" if row.aggregate else "soft"
        cells = [_cell([s[one] for s in scores])]
        cells.append("" if row.aggregate else _cell([s["geometric"] for s in scores]))
        paper = "{:.3f} ({:.3f})".format(*row.published)
        print(f"{row.name:42}{cells[0]:>16}{cells[1]:>18}{paper:>16}")


def _cell(values):
    spread = f"{np.std(values, ddof=1):.3f}" if len(values) > 1 else "-"
    return f"{np.mean(values):.3f} ({spread})"


def arguments(argv):
    parser = argparse.ArgumentParser(description="Tables 2 to 5 of Lee et al. (2022).")
    parser.add_argument(
        "--data-home", type=Path, help="folder of the set; default: found or fetched"
    )
    parser.add_argument(
        "--store", type=Path, default=Path("aknes_runs"), help="keeps what is done"
    )
    parser.add_argument(
        "--tables", type=int, nargs="+", default=[2, 3, 4, 5], choices=[2, 3, 4, 5]
    )
    parser.add_argument("--repeats", type=int, default=3, help="draws of the test events")
    parser.add_argument("--epochs", type=int, help="of every classifier, instead of the paper's")
    parser.add_argument("--pretraining-epochs", type=int, help="instead of the paper's 300")
    parser.add_argument(
        "--diagonal",
        choices=["paper", "code"],
        default="code",
        help="form of VNIbCReg's last term",
    )
    parser.add_argument("--quick", action="store_true", help="tiny networks, one epoch")
    parser.add_argument("--device", default="auto", help="for instance cuda or cpu")
    parser.add_argument("--jobs", type=int, help="processes that read the files of the set")
    parser.add_argument("--verbose", type=int, default=0, help="1: bars over the epochs")
    options = parser.parse_args(argv)
    if options.quick:
        options.epochs = options.epochs or 1
    options.pretraining_epochs = options.pretraining_epochs or (1 if options.quick else 300)
    return options


def main(argv=None):
    """Run what is not known yet, and print the tables."""
    options = arguments(argv)
    runs, data = Runs(options), Data(options)
    print(f"{len(data.X)} events, {data.labelled} of them with a class", flush=True)
    for table in options.tables:
        rows = list(rows_of(table))
        for repeat in range(options.repeats):
            for row in rows:
                key = f"{row.key} #{repeat}"
                if key not in runs.scores:
                    print(f"{key} …", flush=True)
                    runs.add(key, score(row, data, options, repeat))
        print_table(table, rows, runs, options.repeats)


if __name__ == "__main__":
    main()
