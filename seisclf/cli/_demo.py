"""``seisclf demo``: everything once, in a few minutes."""

import time

import numpy as np

from seisclf.utils._document import Document

from ._comparison_report import (
    classes_section,
    files_of,
    folds_section,
    result_section,
    score_table,
)
from ._data import describe_events, load_events, splitter
from ._errors import BadInput
from ._estimators import build
from ._provenance import provenance_section
from ._record import agreement, coincidence_triggers, shipped_record
from ._terminal import Steps, console, say, show_table

_NAMES = ("forest", "stft-cnn", "logistic", "chance")
_WINDOW = (-2.0, 13.0)
# Synthetic events are made at the rate of the record that is scanned in the end.
_RATE, _DURATION = 50.0, 12.0


def run_demo(out, *, data, quick, seed, command=()):
    """Compare, save, reload, scan, report; see ``seisclf demo --help``."""
    begin = time.perf_counter()
    steps = Steps(5)
    out.mkdir(parents=True, exist_ok=True)
    with steps.step("Events: synthetic, several sites" if data is None else "Events: yours"):
        bunch, cv = _synthetic_events(quick, seed) if data is None else _real_events(data, seed)
        say(describe_events(bunch))
    with steps.step(f"Comparison of {', '.join(_NAMES)} on folds that do not leak"):
        comparison = _compare(bunch, cv, quick, seed)
        show_table(score_table(comparison, short=True))
    with steps.step("Best model: saved, reloaded, checked"):
        model, same = _save_and_reload(comparison, bunch, out)
        say(f"{comparison.best_name_}: {model.name}, reloaded, predictions bit-equal: {same}")
    with steps.step("Scan of a real record: four stations, from ObsPy"):
        scan = _scan(comparison.best_name_, bunch, quick, seed, synthetic=data is None)
        _say_scan(scan)
    with steps.step("Report"):
        page = _write(out, data, bunch, comparison, model, same, scan, steps, quick, seed, command)
    console.print(f"\n{comparison.test_score()}\n")
    console.print(f"Report: [bold]{page}[/]")
    console.print(f"Model:  [bold]{model}[/]")
    console.print(f"[dim]{time.perf_counter() - begin:.0f} s in all[/]")
    if not same:
        raise BadInput("the reloaded model does not predict what the saved one did")


def _synthetic_events(quick, seed):
    from ..datasets import make_seismic_events

    bunch = make_seismic_events(
        80 if quick else 480, n_sites=3 if quick else 4, duration=_DURATION, sampling_rate=_RATE,
        snr_db=(3.0, 30.0), random_state=seed,
    )  # fmt: skip
    return bunch, splitter("site", 2, bunch.metadata, seed)


def _real_events(data, seed):
    bunch = load_events(data, window=_WINDOW, noise=True, tell=say)
    return bunch, splitter("month", 5, bunch.metadata, seed)


def _compare(bunch, cv, quick, seed):
    from ..model_selection import compare_estimators

    estimators = {
        name: _demo_estimator(name, bunch.sampling_rate, bunch.components, quick, seed)
        for name in _NAMES
    }
    return compare_estimators(
        estimators, bunch.data, bunch.target, cv=cv, metadata=bunch.metadata, refit="best",
        n_jobs=2, random_state=seed,
    )  # fmt: skip


def _demo_estimator(name, rate, components, quick, seed):
    """The registry's estimator, with fewer trees and epochs: the demo has two minutes."""
    estimator = build(name, sampling_rate=rate, components=components, seed=seed, quick=quick)
    if name == "forest" and not quick:
        estimator.set_params(n_estimators=200)
    if name == "stft-cnn" and not quick:
        estimator.set_params(max_epochs=15)
    return estimator


def _save_and_reload(comparison, bunch, out):
    from .. import load, save

    best = comparison.best_estimator_
    path = save(best, out / "model.seisclf")
    same = np.array_equal(load(path).predict_proba(bunch.data), best.predict_proba(bunch.data))
    return path, same


class _Scan:
    """What the scan of the shipped record gave; `stream` is None if there is no such record."""

    stream = None


def _scan(name, bunch, quick, seed, *, synthetic):
    from ..detection import EventDetector

    scan = _Scan()
    scan.stream = shipped_record()
    if scan.stream is None:
        return scan
    X, y = _vertical_events(bunch, quick, seed, synthetic)
    rate = bunch.sampling_rate
    model = _demo_estimator(name, rate, "Z", quick, seed).fit(X, y)
    scan.detector = EventDetector(
        model, components="Z", sampling_rate=rate, window=X.shape[-1] / rate, step=1.0,
        background="noise", resample=True,
    )  # fmt: skip
    scan.detections = scan.detector.detect(scan.stream)
    scan.events = scan.detections.associate(min_stations=2, max_delay=3.0)
    scan.known, scan.others = agreement(coincidence_triggers(scan.stream), scan.detections)
    scan.n_training = len(y)
    return scan


def _vertical_events(bunch, quick, seed, synthetic):
    """What a model for one component is trained on: X (n_events, 1, n_samples), y.

    A detector meets far more kinds of noise than a classifier of events that were cut out: of
    synthetic events there are more sites here, and twice as much noise as of any class.
    """
    if not synthetic:
        vertical = bunch.components.find("Z")
        return np.asarray(bunch.data)[:, [max(vertical, 0)]], bunch.target
    from ..datasets import make_seismic_events

    return make_seismic_events(
        150 if quick else 1000, n_sites=12, n_components=1, duration=_DURATION,
        sampling_rate=_RATE, snr_db=(3.0, 40.0), random_state=seed, return_X_y=True,
        class_balance={"earthquake": 1, "quake": 1, "rockfall": 1, "noise": 2},
    )  # fmt: skip


def _say_scan(scan):
    if scan.stream is None:
        say("this installation of ObsPy comes without its test data: nothing to scan")
        return
    show_table(scan.known)
    say(f"{len(scan.others)} more detections, see the report")


def _write(out, data, bunch, comparison, model, same, scan, steps, quick, seed, command):
    from ._demo_report import events_section, model_section, scan_section

    lead = (
        "Several estimators on the same events and the same folds, the best of them saved and "
        "reloaded, and let loose on a real record."
    )
    document = Document(out, "seisclf demo", lead)
    if quick:
        document.key("This was a trial run (`--quick`): the scores are no result.")
    result_section(document, comparison)
    events_section(document, bunch, synthetic=data is None)
    folds_section(document, comparison)
    classes_section(document, comparison)
    model_section(document, comparison, model, same)
    files = [f"[{model.name}]({model.name}): **{comparison.best_name_}**, fitted on all events"]
    if scan.stream is not None:
        files += scan_section(document, scan, synthetic=data is None)
    files += files_of(document, comparison)
    provenance_section(document, command=command, seed=seed, times=steps.times, files=files)
    return document.write()
