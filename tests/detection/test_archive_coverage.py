"""What a scan of an archive says of its own: when stations recorded, and what was amiss."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream

from seisclf.detection import EventDetector, read_detections, read_scan
from seisclf.detection._archive_source import source_of
from seisclf.detection._scan_findings import merged
from seisclf.detection._scan_plan import plan_tasks
from seisclf.detection._tasks import plan_groups

from .archives import (
    RATE,
    START,
    STEP,
    WINDOW,
    Functions,
    Loudness,
    in_pieces,
    recording,
    trace,
    write_files,
)


def detector(classifier=Loudness, **options):
    if classifier is Loudness:
        options = {"window": WINDOW, "step": STEP, "sampling_rate": RATE} | options
    return EventDetector(classifier(), **options)


def quiet(seconds, codes="A", letters="ZNE", seed=0, first=0):
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    return Stream(
        [
            trace(code, letter, rng.normal(size=n).astype("f4") * 0.3, first)
            for code in codes
            for letter in letters
        ]
    )


def without(stream, *spans, channels="*"):
    """Samples of these spans (s) taken out."""
    out = Stream([t for t in stream if t not in stream.select(channel=channels)])
    for t in stream.select(channel=channels):
        at = 0
        for first, last in [*spans, (t.stats.npts / RATE, 0)]:
            piece = t.copy()
            piece.data = t.data[round(at * RATE) : round(first * RATE)]
            piece.stats.starttime = t.stats.starttime + at
            out.append(piece)
            at = last
    return out


def assert_same_coverage(found, whole):
    a, b = found.coverage_spans(), whole.coverage_spans()
    assert a["station"].tolist() == b["station"].tolist()
    for name in ("start", "end"):
        assert (abs(a[name] - b[name]) < pd.Timedelta("1us")).all()
    np.testing.assert_allclose(a["covered"], b["covered"], atol=1e-9)
    a, b = found.coverage_report(), whole.coverage_report()
    np.testing.assert_allclose(a["covered"], b["covered"], atol=1e-9)
    assert repr(found).split("\n")[0] == repr(whole).split("\n")[0]
    for one, other in zip(a["notes"], b["notes"], strict=True):
        missing = [note for note in other.split("; ") if "without data" in note][:1]
        assert [note for note in one.split("; ") if "without data" in note] == missing


@pytest.mark.parametrize("classifier", [Loudness, Functions])
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 2**16), chunk=st.sampled_from([60.0, 90.0]))
def test_stretches_are_those_of_the_whole_record(classifier, seed, chunk):
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.integers(100, 3900, 4)) / RATE
    stream = without(quiet(200, "AB", seed=seed), *edges.reshape(-1, 2))
    own = detector(classifier, step=1.0)
    whole = own.detect(stream)
    found = own.scan(in_pieces(stream, rng, most=4), chunk=chunk)
    assert_same_coverage(found, whole)
    assert found.coverage_spans()["covered"].between(0, 1).all()


def test_gaps_reach_scores_association_and_files(tmp_path):
    stream = without(quiet(600), (200, 400))
    folder = write_files(stream, tmp_path / "archive", np.random.default_rng(0), 3)
    found = detector().scan(folder, output=tmp_path / "out", chunk=60.0)
    spans = read_scan(tmp_path / "out").coverage_spans()
    assert len(spans) == 2
    edges = (spans[["start", "end"]] - pd.Timestamp(START.ns, tz="UTC")) / pd.Timedelta("1s")
    np.testing.assert_allclose(edges, [[0, 200], [400, 600]], atol=STEP)
    assert found.coverage_report()["notes"][0] == "200.00 s without data in 1 gap"
    assert "66.7 % covered" in repr(found)
    gap = found.findings[found.findings["kind"] == "gap"]
    assert sorted(gap["trace"]) == sorted({t.id for t in stream})  # once, not once a task
    assert (gap["what"] == "gap of 200 s").all() and (gap["samples"] == 200 * RATE).all()


def test_time_without_data_is_one_task_and_is_not_read(monkeypatch):
    years = 10 * 365 * 86400
    stream = quiet(120) + quiet(120, first=round(years * RATE))
    own = detector()
    source = source_of(stream)
    groups, _ = plan_groups(own, source.channels())
    tasks = list(plan_tasks(own, source, groups, chunk=3600.0))
    assert len(tasks) <= 5
    assert [tasks[0].first, tasks[-1].last] == [0, groups[0].n_samples]
    assert all(a.last == b.first for a, b in zip(tasks[:-1], tasks[1:], strict=True))
    found = own.scan(stream, chunk=3600.0)
    assert found.complete
    assert found.coverage_spans()["covered"].tolist() == [1.0, 1.0]
    assert "in 1 gap" in found.coverage_report()["notes"][0]


def test_days_tell_of_the_stations_that_recorded(tmp_path):
    days = 3
    stream = quiet(120, "AB") + quiet(120, first=round(days * 86400 * RATE))
    for t in quiet(120, "C"):
        t.stats.sampling_rate = 2 * RATE
        stream.append(t)
    with pytest.warns(UserWarning, match="XX.C: 40 Hz"):
        found = detector().scan(stream, output=tmp_path, chunk=3600.0)
    report = found.coverage_report().set_index("station")
    assert report["start"].isna().to_dict() == {"XX.A": False, "XX.B": False, "XX.C": True}
    assert (report["start"][:2].astype("int64") == START.ns).all()
    assert report.loc["XX.A", "notes"] == "259080.00 s without data in 1 gap"
    assert found.tasks["stations"].value_counts().to_dict() == {"XX.A": 4, "XX.B": 1}
    files = sorted((tmp_path / "detections").glob("*.parquet"))
    seen = [read_detections(path).coverage_report()["station"].tolist() for path in files]
    assert [p.stem for p in files] == ["2021-03-04", "2021-03-05", "2021-03-07", "2021-03-08"]
    assert seen == [["XX.A", "XX.B"], ["XX.A"], ["XX.A"], []]


@pytest.mark.parametrize("beside", [0.3, 0.5, 0.7])
def test_a_last_piece_between_the_samples_ends_where_it_does(beside):
    stream = quiet(300) + quiet(200, first=round(310 * RATE) + beside)
    own = detector()
    found, whole = own.scan(stream, chunk=100.0), own.detect(stream)
    assert_same_coverage(found, whole)
    a, b = found.coverage_report(), whole.coverage_report()
    assert a["end"].tolist() == b["end"].tolist()
    assert found.tasks["end"].max() == b["end"][0]


def test_picks_in_quakeml_name_location_and_channel():
    stream = quiet(120)
    for t in stream:
        t.data[800:1000] *= 300
    own = detector()
    found, whole = own.scan(stream), own.detect(stream)
    assert len(found) == len(whole) == 1
    a, b = (d.to_catalog()[0].picks[0].waveform_id for d in (found, whole))
    assert (a.get_seed_string(), a.get_seed_string()) == ("XX.A.10.HHZ", b.get_seed_string())


@pytest.mark.parametrize("max_gap_fraction", [0.0, 0.5])
def test_components_that_change_names_are_scanned_and_never_mixed(max_gap_fraction):
    class Orientation(Loudness):
        """Sees whether the old (+1) and new (-1) horizontals come in one window."""

        mixed, seen = False, frozenset()

        def predict_proba(self, X):
            # The windows that tell the model are others.
            X_own = X[(np.abs(X[:, 1:]) < 1.25).all(axis=(1, 2))][:, 1:]
            old, new = (X_own > 0.5).any(axis=(1, 2)), (X_own < -0.5).any(axis=(1, 2))
            self.mixed |= bool((old & new).any())
            self.seen |= {"old"} if old.any() else set()
            self.seen |= {"new"} if new.any() else set()
            return super().predict_proba(X)

    rng = np.random.default_rng(0)
    stream = quiet(300, letters="Z")
    for letters, level, first in (("NE", 1, 0), ("12", -1, 3000)):
        for letter in letters:
            data = level + rng.uniform(-0.2, 0.2, 3000).astype("f4")
            stream.append(trace("A", letter, data, first))
    classifier = Orientation()
    own = EventDetector(
        classifier, window=WINDOW, step=STEP, sampling_rate=RATE,
        max_gap_fraction=max_gap_fraction,
    )  # fmt: skip
    whole, found = own.detect(stream), own.scan(stream, chunk=70.0)
    assert not classifier.mixed and classifier.seen == {"old", "new"}
    assert_same_coverage(found, whole)
    assert found.coverage_report()["covered"][0] > 0.95
    changed = found.findings[found.findings["kind"] == "component"]
    assert sorted(changed["trace"]) == ["XX.A.10.HH1", "XX.A.10.HH2"]
    assert changed["what"].str.contains("in place of XX.A.10.HH[NE]").all()


def test_findings_do_not_depend_on_tasks():
    stream = recording(11, faults=False, stations="A", minutes=8)
    stream[0].data[2000:7000] = 3.0
    stream[1].data[4000:4100] = np.nan
    tables = [detector().scan(stream, chunk=chunk).findings for chunk in (50.0, 110.0, 1e5)]
    for table in tables[:2]:
        pd.testing.assert_frame_equal(table, tables[2])
    kinds = tables[0].set_index("kind")
    assert kinds.loc["constant", "what"] == "constant (3) for 250 s"
    assert kinds.loc["not finite", "samples"] == 100


def test_damaged_files_are_told_once_with_trace_and_time(tmp_path):
    folder = write_files(quiet(900), tmp_path / "archive", np.random.default_rng(0), 1)
    path = next(folder.glob("**/*.mseed"))
    content = bytearray(path.read_bytes())
    at = 3 * 4096
    content[at : at + 4096] = b"\x07" * 4096
    path.write_bytes(content)
    (folder / "notes.txt").write_text("snow\n")
    found = detector().scan(folder, chunk=60.0).findings
    corrupt = found[found["kind"] == "corrupt records"]
    assert len(corrupt) == 1
    assert corrupt["trace"].iloc[0].startswith("XX.A.10.HH")
    assert corrupt["start"].notna().all() and corrupt["file"].iloc[0].endswith(".mseed")
    assert found[found["kind"] == "unknown format"]["file"].str.endswith("notes.txt").sum() == 1


def test_rows_that_touch_are_one_and_others_stay_apart():
    def row(trace, start, end, kind="gap"):
        return (
            "",
            trace,
            kind,
            f"gap of {(end - start) / 1e9:g} s",
            "masked",
            start,
            end,
            end - start,
        )

    second = 10**9
    rows = [row("a", 0, second), row("a", second, 3 * second), row("b", second, 2 * second)]
    rows += [row("a", 5 * second, 6 * second), row("a", 0, second)]
    told = merged(rows)
    assert [(r[1], r[3]) for r in told] == [
        ("a", "gap of 3 s"), ("b", "gap of 1 s"), ("a", "gap of 1 s"),
    ]  # fmt: skip
    assert merged(told) == told
