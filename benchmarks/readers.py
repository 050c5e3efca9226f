"""SeisBench beside us: what each makes of the same hour, clean and with planted faults."""

import json
import os
import time
from pathlib import Path

import numpy as np

RATE = 100.0
WINDOW, STEP = 60.0, 10.0  # s
# Pieces of the hour, in seconds after its begin, that are changed.
_GAP, _OVERLAP, _DIFFERENT = (600.0, 630.0), (1200.0, 1210.0), (1500.0, 1510.0)
_DEAD, _SLOW = (1800.0, 2100.0), (2400.0, 2700.0)
_RESULTS = Path(__file__).parent / "results"


def run(quick=False):
    """Give the hour of Luhu, clean and with one fault at a time, to both ways of reading.

    SeisBench: a `WaveformModel` whose network returns the largest absolute value of each window
    of 60 s, `annotate(stream)` with its defaults. Ours: `EventDetector` of a classifier that does
    the same, with functions over time in steps of 10 s. Both of one station. For each it is said
    what comes back: the share of the record that has an answer, the share of answers of whose
    samples more than a tenth was never recorded, and the error or warning, word for word.

    Parameters
    ----------
    quick : bool, default=False
        The first and the last case only; nothing is written.

    Returns
    -------
    figures : dict
        ``cases``, and of each reader ``<reader>_failed``: cases that end with an error;
        ``<reader>_unfounded``: the largest share of answers on samples nobody recorded; and
        ``<reader>_said``: faulty cases of which something is said. The table is printed and, if
        not `quick`, written to ``benchmarks/results/readers.csv`` and ``.json``.
    """
    import pandas as pd

    stream = _hour()
    for read in (_seisbench, _ours):
        read(stream.copy())  # imports take their time once
    cases = _cases()
    chosen = [cases[0], cases[-1]] if quick else cases
    rows = []
    for name, plant in chosen:
        faulty, lost = plant(stream.copy())
        for reader, read in (("SeisBench", _seisbench), ("seisclf", _ours)):
            begin = time.perf_counter()
            answer, said = read(faulty.copy())
            row = {"case": name, "reader": reader} | _judged(answer, lost, stream)
            rows.append(row | {"seconds": time.perf_counter() - begin, "said": said})
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, max_colwidth=70, float_format="{:.3f}".format))
    if not quick:
        _RESULTS.mkdir(exist_ok=True)
        table.drop(columns="seconds").to_csv(_RESULTS / "readers.csv", index=False)
        (_RESULTS / "readers.json").write_text(json.dumps(rows, indent=1) + "\n")
    figures = {"cases": len(chosen)}
    for reader, own in table.groupby("reader"):
        key = reader.lower()
        figures[f"{key}_failed"] = int(own["answered"].isna().sum())
        figures[f"{key}_unfounded"] = float(own["unfounded"].max())
        figures[f"{key}_said"] = int((own["said"][own["case"] != "clean"] != "").sum())
    return figures


def _hour():
    from seisclf.io import read_archive

    folder = Path(os.environ["SEISCLF_DATA"]) / "luhu" / "sac_2020.088.13"
    recordings = read_archive(folder, stations=["LH01"], constant_gap=None)
    return recordings.to_stream()


# ---------------------------------------------------------------- faults


def _cases():
    return [
        ("clean", lambda stream: (stream, [])),
        ("gap of 30 s, all components", _gap),
        ("gap of 30 s, one component", lambda stream: _gap(stream, "Z")),
        ("gap filled with zeros", _zeros),
        ("masked gap (merged stream)", lambda stream: _merged(_gap(stream))),
        ("overlap, identical", _overlap),
        ("overlap, different", lambda stream: _overlap(stream, other=True)),
        ("piece at 99.999992 Hz", lambda stream: _rate(stream, 99.999992)),
        ("piece at 50 Hz", lambda stream: _rate(stream, 50.0)),
        ("piece of another dtype", _dtype),
        ("piece 0.3 samples late", _shift),
        ("NaN for 30 s", _nan),
        ("dead component", _dead),
        ("missing component", _missing),
        ("lower-case channels", _lower),
        ("5000 pieces", _many),
        ("gap, overlap, rates, dead component", _all),
    ]


def _parts(trace, *edges):
    """A trace in pieces, cut at seconds after its begin."""
    start, samples = trace.stats.starttime, [round(edge * RATE) for edge in edges]
    pieces = []
    for a, b in zip([0, *samples], [*samples, len(trace.data)], strict=True):
        piece = trace.copy()
        piece.data, piece.stats.starttime = trace.data[a:b].copy(), start + a / RATE
        pieces.append(piece)
    return pieces


def _each(stream, change, components="ZNE"):
    from obspy import Stream

    traces = []
    for trace in stream:
        chosen = trace.stats.channel[-1] in components
        traces += change(trace) if chosen else [trace]
    return Stream(traces)


def _gap(stream, components="ZNE"):
    def cut(trace):
        before, _, after = _parts(trace, *_GAP)
        return [before, after]

    return _each(stream, cut, components), [_GAP]


def _zeros(stream):
    def fill(trace):
        trace.data[round(_GAP[0] * RATE) : round(_GAP[1] * RATE)] = 0
        return [trace]

    return _each(stream, fill), [_GAP]


def _merged(faulty):
    stream, lost = faulty
    return stream.merge(), lost


def _overlap(stream, other=False):
    begin, end = _DIFFERENT if other else _OVERLAP

    def repeat(trace):
        first, both, last = _parts(trace, begin, end)
        again = both.copy()
        again.data = again.data * 2 + 1 if other else again.data
        last.data = np.concatenate([again.data, last.data])
        last.stats.starttime = both.stats.starttime
        first.data = np.concatenate([first.data, both.data])
        return [first, last]

    return _each(stream, repeat), []


def _rate(stream, rate):
    def slow(trace):
        before, piece, after = _parts(trace, *_SLOW)
        if rate < 90:
            piece.data = piece.data[::2].copy()
        piece.stats.sampling_rate = rate
        return [before, piece, after]

    return _each(stream, slow), ([_SLOW] if rate < 90 else [])


def _dtype(stream):
    def change(trace):
        before, piece, after = _parts(trace, *_SLOW)
        piece.data = piece.data.astype(np.float64)
        return [before, piece, after]

    return _each(stream, change), []


def _shift(stream):
    def late(trace):
        before, piece, after = _parts(trace, *_SLOW)
        piece.stats.starttime += 0.3 / RATE
        return [before, piece, after]

    return _each(stream, late), []


def _nan(stream):
    def lose(trace):
        trace.data = trace.data.astype(np.float32)
        trace.data[round(_GAP[0] * RATE) : round(_GAP[1] * RATE)] = np.nan
        return [trace]

    return _each(stream, lose), [_GAP]


def _dead(stream):
    def die(trace):
        trace.data[round(_DEAD[0] * RATE) : round(_DEAD[1] * RATE)] = 17
        return [trace]

    return _each(stream, die, "N"), [_DEAD]


def _missing(stream):
    for trace in stream.select(component="E"):
        stream.remove(trace)
    return stream, [(0.0, 1e6)]


def _lower(stream):
    for trace in stream:
        trace.stats.channel = trace.stats.channel.lower()
    return stream, []


def _many(stream):
    def cut(trace):
        edges = np.arange(0.72, 3599.0, 0.72)
        return [piece for piece in _parts(trace, *edges) if piece.stats.npts]

    return _each(stream, cut), []


def _all(stream):
    stream, lost = _dead(stream)
    lost = list(lost)
    for plant in (_gap, _overlap, lambda s: _rate(s, 99.999992)):
        # Each fault in the piece that it lies in; the others stay whole.
        stream, own = _within(stream, plant)
        lost += own
    return stream, lost


def _within(stream, plant):
    """Plant a fault into a merged stream that may have gaps already."""
    from obspy import Stream

    begin = min(trace.stats.starttime for trace in stream)
    span = {_gap: _GAP, _overlap: _OVERLAP}.get(plant, _SLOW)
    pieces, lost = [], []
    for trace in stream:
        first = trace.stats.starttime - begin
        inside = first <= span[0] and first + trace.stats.npts / RATE >= span[1]
        if not inside:
            pieces.append(trace)
            continue
        shift = first
        before = trace.copy()
        head = np.zeros(round(shift * RATE), trace.data.dtype)
        before.data = np.concatenate([head, trace.data])
        before.stats.starttime = begin
        changed, lost = plant(Stream([before]))
        for piece in changed:
            if piece.stats.starttime == begin and shift:
                piece.data = piece.data[len(head) :]
                piece.stats.starttime = begin + shift
            pieces.append(piece)
    return Stream(pieces), lost


# ---------------------------------------------------------------- readers


def _seisbench(stream):
    """Times with an answer and the answers, or None; and what was said."""
    import logging

    import seisbench
    import torch
    from seisbench.models import WaveformModel

    class Largest(WaveformModel):
        def __init__(self):
            super().__init__(
                component_order="ZNE", sampling_rate=RATE, in_samples=round(WINDOW * RATE),
                output_type="point", pred_sample=0, labels=["largest"],
                default_args={"stride": round(WINDOW * RATE)},
            )  # fmt: skip
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x, **_):
            return x.abs().amax(dim=(1, 2))[:, None] + 0 * self.weight

        def annotate_batch_post(self, batch, **_):
            return batch

    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    seisbench.logger.addHandler(handler)
    try:
        annotations = Largest().annotate(stream)
    except Exception as error:
        return None, f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
    finally:
        seisbench.logger.removeHandler(handler)
    times = [
        (trace.stats.starttime.ns + round(k * 1e9 / trace.stats.sampling_rate), WINDOW)
        for trace in annotations
        for k, value in enumerate(np.ma.filled(trace.data.astype(float), np.nan))
        if not np.isnan(value)
    ]
    return times, "; ".join(dict.fromkeys(said))


def _ours(stream):
    from seisclf.detection import EventDetector

    detector = EventDetector(
        _Largest(), window=WINDOW, step=STEP, sampling_rate=RATE, components="ZNE"
    )
    try:
        functions = detector.predict_functions(stream)
    except Exception as error:
        return None, f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
    times, said = [], []
    for function in functions.values():
        known = ~np.isnan(function.probabilities).any(axis=1)
        first = function.start_time.value
        step = round(function.step * 1e9)
        times += [(first + k * step, STEP) for k in np.flatnonzero(known).tolist()]
        said += function.notes
    report = functions.coverage_report() if hasattr(functions, "coverage_report") else None
    if report is not None and "reason" in report:
        said += [reason for reason in report["reason"] if reason]
    return times, "; ".join(dict.fromkeys(said))


class _Largest:
    """Says how large the largest value of a window is."""

    classes_ = np.array(["event", "noise"])

    def predict_proba(self, X):
        largest = np.abs(X).max(axis=(1, 2))
        share = largest / (1.0 + largest)
        return np.column_stack([share, 1.0 - share])


def _judged(answer, lost, stream):
    """Share of the hour with an answer, and of answers on samples that nobody recorded."""
    if answer is None:
        return {"answered": np.nan, "unfounded": np.nan}
    start = min(trace.stats.starttime.ns for trace in stream)
    seconds = np.zeros(int(max(trace.stats.npts for trace in stream) / RATE))
    unfounded = 0
    for time_ns, length in answer:
        begin = (time_ns - start) / 1e9
        seconds[max(0, round(begin)) : round(begin + length)] = 1
        inside = sum(max(0.0, min(begin + length, b) - max(begin, a)) for a, b in lost)
        unfounded += inside > 0.1 * length
    share = unfounded / len(answer) if answer else 0.0
    return {"answered": float(seconds.mean()), "unfounded": share}
