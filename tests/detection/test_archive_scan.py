"""A scan of an archive finds what a scan of all of it at once finds."""

import os
import signal
import sys
import time
import warnings

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config
from obspy import Stream

from seisclf.detection import EventDetector, read_scan, stft_cnn_postprocessing
from seisclf.detection import _archive_scan as archive_scan

from .archives import (
    RATE,
    START,
    STEP,
    WINDOW,
    Functions,
    Loudness,
    Network,
    in_pieces,
    recording,
    trace,
    write_files,
)

MODES = {
    "event": {},
    "class": {"pick_by": "class", "merge_gap": 4.0, "stack": "center"},
    "chain": {"postprocessing": stft_cnn_postprocessing(), "min_duration": 2.0},
    "station": {"classifier": Functions, "step": 1.0},
    "persistent": {"classifier": Functions, "persistence": 3, "padding": None, "step": 1.0},
    "network": {"classifier": Network, "min_distance": 5.0},
}


def detector(mode="event", **options):
    options = MODES[mode] | options
    classifier = options.pop("classifier", Loudness)()
    if isinstance(classifier, Loudness):
        options = {"window": WINDOW, "step": STEP, "sampling_rate": RATE} | options
    return EventDetector(classifier, **options)


def detected(own, stream):
    """What detect() finds; nothing where no station can be scanned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return own.detect(stream)


def scanned(own, archive, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return own.scan(archive, **options)


def assert_same(found, expected):
    assert len(found) == len(expected)
    a, b = found.to_frame(), expected.to_frame()
    if expected.functions.skipped:
        # A station of a network that has no data anywhere counts as missing only in tasks, which
        # do not know of all the others.
        a, b = a.drop(columns="coverage"), b.drop(columns="coverage")
    if len(a):
        pd.testing.assert_frame_equal(a, b, check_dtype=False, rtol=0, atol=1e-6)
    for name in ("onset", "end"):
        assert (abs(a[name] - b[name]) < pd.Timedelta("1us")).all()
    if len(expected.picks):
        names = ["detection", "station", "phase", "time"]
        pd.testing.assert_frame_equal(found.picks[names], expected.picks[names], check_dtype=False)


@pytest.mark.parametrize("number, mode", list(enumerate(MODES)))
def test_chunks_and_pieces_change_nothing(number, mode):
    # One record with gaps, dead channels and a late station; many more where there is time.
    stream, own = recording(50 + number, minutes=5), detector(mode)
    whole = detected(own, stream)
    assert len(whole) > 1
    pieces = in_pieces(stream, np.random.default_rng(number))
    found = scanned(own, pieces, chunk=[97.0, 130.0][number % 2])
    assert_same(found, whole)
    assert len(found.tasks) > 2


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), chunk=st.sampled_from([71.0, 150.0]))
def test_chunks_and_pieces_change_nothing_in_many_records(mode, seed, chunk):
    rng = np.random.default_rng(seed)
    stream, own = recording(seed, minutes=6), detector(mode)
    try:
        whole = detected(own, stream)
    except ValueError:  # nothing that can be scanned
        return
    assert_same(scanned(own, in_pieces(stream, rng), chunk=chunk), whole)


def test_files_order_threads_and_processes_change_nothing(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    stream, own = recording(4, minutes=8), detector()
    whole = detected(own, stream)
    assert len(whole) > 2
    one = write_files(stream, tmp_path / "one", rng, 1)
    many = write_files(in_pieces(stream, rng), tmp_path / "many", rng, 12)
    assert_same(scanned(own, one, chunk=200.0), whole)
    assert_same(scanned(own, sorted(map(str, many.glob("**/*.mseed"))), chunk=250.0), whole)
    cloudpickle.register_pickle_by_value(sys.modules[Loudness.__module__])
    with parallel_config(backend="loky", n_jobs=2):
        assert_same(scanned(own, many, chunk=200.0), whole)
    with parallel_config(backend="threading", n_jobs=3):
        assert_same(scanned(own, many, chunk=120.0), whole)
    results_of = archive_scan.results_of

    def shuffled(context, tasks, **options):
        assert len(tasks) > 2
        return results_of(context, [tasks[i] for i in rng.permutation(len(tasks))], **options)

    monkeypatch.setattr(archive_scan, "results_of", shuffled)
    assert_same(scanned(own, many, chunk=200.0), whole)


def test_files_and_threads_change_nothing_for_a_network(tmp_path):
    rng = np.random.default_rng(3)
    stream, own = recording(3, minutes=5), detector("network")
    whole = detected(own, stream)
    assert len(whole) > 1
    many = write_files(in_pieces(stream, rng), tmp_path, rng, 12)
    with parallel_config(backend="threading", n_jobs=3):
        assert_same(scanned(own, many, chunk=120.0), whole)


def test_events_stand_on_both_sides_of_midnight_and_across(tmp_path):
    stream = recording(5, faults=False, stations="A")
    own = detector()
    whole = detected(own, stream)
    found = own.scan(stream, output=tmp_path / "out", chunk=200.0)
    assert_same(found, whole)
    days = sorted(p.name for p in (tmp_path / "out" / "detections").glob("*.parquet"))
    assert days[:2] == ["2021-03-04.parquet", "2021-03-05.parquet"]
    parts = [pd.read_parquet(tmp_path / "out" / "detections" / day) for day in days]
    assert sum(map(len, parts)) == len(whole)
    assert all(len(part) for part in parts[:2])
    assert_same(read_scan(tmp_path / "out"), whole)


def test_a_record_shorter_than_a_window_is_padded_or_refused():
    n = round(0.7 * WINDOW * RATE)
    data = np.random.default_rng(0).normal(size=(3, n)).astype("f4") * 200
    stream = Stream([trace("A", letter, x, 0) for letter, x in zip("ZNE", data, strict=True)])
    own = detector(max_gap_fraction=0.5)
    whole = own.detect(stream)
    assert len(whole) == 1
    assert_same(own.scan(stream, chunk=2.0), whole)
    assert len(detector().scan(stream)) == 0


def test_an_event_without_a_quiet_moment_is_divided_where_it_is_said(monkeypatch):
    monkeypatch.setattr("seisclf.detection._tasks.FORCED_AFTER", 120.0)
    n = round(1500 * RATE)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, n)).astype("f4") * 0.3
    x[:, 2000:24000] *= 100
    stream = Stream([trace("A", c, row, 0) for c, row in zip("ZNE", x, strict=True)])
    own = detector()
    found = own.scan(stream, chunk=300.0)
    assert found.tasks["note"].str.contains("no quiet moment").any()
    assert found.complete
    assert len(own.detect(stream)) == 1 <= len(found)
    again = own.scan(in_pieces(stream, rng), chunk=300.0)
    assert_same(again, found)


def test_start_and_end(tmp_path):
    stream, own = recording(8, faults=False), detector()
    start, end = START + 301.02, START + 1100
    cut = stream.slice(start, end - 1e-6, nearest_sample=False)
    assert_same(own.scan(stream, start=str(start), end=end, chunk=200.0), own.detect(cut))
    with pytest.raises(ValueError, match="not after start"):
        own.scan(stream, start=end, end=start)
    with pytest.raises(ValueError, match="nothing recorded between start and end"):
        own.scan(stream, start=START + 1e6)


def test_coverage_and_findings_are_part_of_the_result():
    stream = recording(11, faults=False, stations="A", minutes=20)
    for t in stream:
        t.data[6000:9000] = 3.0
    own = detector()
    found = scanned(own, stream, chunk=300.0)
    report = found.coverage_report()
    expected = own.detect(stream).coverage_report()
    assert report["covered"][0] == pytest.approx(expected["covered"][0], abs=1e-9)
    assert report["windows"][0] == pytest.approx(expected["windows"][0], abs=1)
    assert report["start"][0] == expected["start"][0] and report["end"][0] == expected["end"][0]
    constant = found.findings[found.findings["kind"] == "constant"]
    assert set(constant["trace"]) == {t.id for t in stream}


def test_resampled_records_are_nearly_those_of_the_whole():
    stream, own = recording(2, faults=False), detector(sampling_rate=12.5, resample=True)
    whole, found = own.detect(stream), own.scan(stream, chunk=200.0)
    assert len(whole) == len(found) > 3
    assert (abs(found.to_frame()["onset"] - whole.to_frame()["onset"]).max()) < pd.Timedelta("1s")


class Shaky(Loudness):
    broken = True

    def predict_proba(self, X):
        if self.broken and X.std() > 100:
            raise RuntimeError("out of luck")
        return super().predict_proba(X)


def test_tasks_that_fail_are_named_and_tried_again(tmp_path):
    stream = recording(4, faults=False, minutes=24)
    own = EventDetector(Shaky(), window=WINDOW, step=STEP, sampling_rate=RATE, batch_size=8)
    with pytest.warns(UserWarning, match=r"tasks failed .*RuntimeError: out of luck"):
        found = own.scan(stream, output=tmp_path, chunk=120.0)
    failed = found.tasks["status"] == "failed"
    assert 0 < failed.sum() < len(failed) and not found.complete
    own.classifier.broken = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mended = own.scan(stream, output=tmp_path, chunk=120.0)
    assert mended.complete
    assert_same(mended, own.detect(stream))


class Slow(Loudness):
    def predict_proba(self, X):
        time.sleep(0.05)
        return super().predict_proba(X)


Slow.__name__ = "Loudness"  # to the catalogue it is the same model


def test_nothing_is_scanned_twice_and_what_has_come_since_is_scanned(tmp_path):
    stream = recording(6, faults=False, minutes=16)
    own = detector()
    early = Stream([t.slice(endtime=START + 600) for t in stream])
    own.scan(early, output=tmp_path, chunk=200.0)
    seen = []

    class Counting(Loudness):
        def predict_proba(self, X):
            seen.append(len(X))
            return super().predict_proba(X)

    Counting.__name__ = "Loudness"
    own.classifier = Counting()
    own.scan(early, output=tmp_path, chunk=200.0)
    assert sum(seen) <= 5  # the windows that tell the model
    grown = own.scan(stream, output=tmp_path, chunk=200.0)
    assert_same(grown, detector().detect(stream))
    resumed = sum(seen)
    own.scan(stream, chunk=200.0)
    assert resumed < 0.8 * (sum(seen) - resumed)


def test_another_model_or_setting_is_refused(tmp_path):
    stream = recording(7, faults=False, minutes=5)
    detector().scan(stream, output=tmp_path)
    with pytest.raises(ValueError, match=r"threshold was 0\.5, is 0\.4.*resume=False"):
        detector(threshold=0.4).scan(stream, output=tmp_path)

    class Louder(Loudness):
        def predict_proba(self, X):
            return super().predict_proba(X * 1.1)

    Louder.__name__ = "Loudness"
    own = EventDetector(Louder(), window=WINDOW, step=STEP, sampling_rate=RATE)
    with pytest.raises(ValueError, match="the model gives other answers"):
        own.scan(stream, output=tmp_path)
    assert_same(own.scan(stream, output=tmp_path, resume=False), own.detect(stream))


def test_the_scan_of_another_archive_is_not_thrown_away(tmp_path):
    one, other = recording(1, stations="A", minutes=4), recording(2, stations="B", minutes=4)
    for name, stream in (("one", one), ("other", other)):
        (tmp_path / name).mkdir()
        stream.write(str(tmp_path / name / "a.mseed"), format="MSEED")
    own, output = detector(), tmp_path / "out"
    found = own.scan(tmp_path / "one", output=output)
    with pytest.raises(ValueError, match="holds a scan of .*one.* give another output"):
        own.scan(tmp_path / "other", output=output)
    assert read_scan(output).ids == found.ids
    # The same archive at another place goes on.
    (tmp_path / "one").rename(tmp_path / "moved")
    assert own.scan(tmp_path / "moved", output=output).ids == found.ids
    own.scan(tmp_path / "other", output=output, resume=False)


def test_a_foreign_file_is_left_alone(tmp_path):
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"not a catalogue, but somebody's")
    with pytest.raises(ValueError, match="is no catalogue of a scan"):
        detector().scan(recording(0, minutes=2), output=tmp_path)
    assert path.read_bytes() == b"not a catalogue, but somebody's"
    with pytest.raises(FileNotFoundError, match="there is no scan in"):
        read_scan(tmp_path / "elsewhere")


def test_two_scans_do_not_write_to_one_folder(tmp_path):
    from seisclf.detection._scan_store import ScanStore

    own, stream = detector(), recording(0, minutes=2)
    held = pytest.raises(RuntimeError, match="another process is writing")
    with ScanStore(tmp_path, write=True), held:
        own.scan(stream, output=tmp_path)


def test_prepared_records_do_not_depend_on_chunks():
    from seisclf.detection._prepare import RocknetPreparation

    band = RocknetPreparation(freq_min=1.0, freq_max=8.0)
    stream, own = recording(9, minutes=5), detector("station")
    for t in stream:
        t.data = t.data + 1e4
    a = scanned(own, stream, prepare=band, chunk=151.0)
    b = scanned(own, stream, prepare=band, chunk=1e5)
    assert len(a) > 1
    assert_same(a, b)
    with pytest.raises(ValueError, match="prepare must be 'rocknet'"):
        own.scan(stream, prepare="bandpass")


def n_done(output):
    if not (output / "catalogue.sqlite").exists():
        return 0
    tasks = read_scan(output).tasks
    assert (tasks["status"] == "done").all()
    return len(tasks)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_scan_that_is_killed_goes_on_where_it_was(tmp_path):
    stream, own = recording(12, minutes=14), detector()
    folder = write_files(stream, tmp_path / "archive", np.random.default_rng(0), 6)
    whole = detected(own, stream)
    output = tmp_path / "out"
    done = [0]
    for _ in range(3):
        child = os.fork()
        if not child:
            os.close(2)
            scanned(detector(classifier=Slow), folder, output=output, chunk=60.0)
            os._exit(0)
        # At any moment, but not before something is done.
        deadline = time.monotonic() + 10
        while n_done(output) == done[-1] and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(float(np.random.default_rng(done[-1]).uniform(0, 0.2)))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        done.append(n_done(output))
    assert done == sorted(set(done))
    assert not read_scan(output).complete
    assert_same(scanned(own, folder, output=output, chunk=60.0), whole)
    found = read_scan(output)
    assert found.complete
    days = [pd.read_parquet(path) for path in (output / "detections").glob("*.parquet")]
    assert sum(map(len, days)) == len(whole)
