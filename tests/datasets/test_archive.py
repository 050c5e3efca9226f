"""A synthetic archive: what is planted is there, and nothing else is."""

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, UTCDateTime, read

from seisclf.datasets import FAULTS, make_archive
from seisclf.datasets._synthetic_continuous import draw_begins
from seisclf.datasets._synthetic_propagation import TimeGrid

RATE = 50.0


def _files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _read(path, **options):
    return read(str(path), format="MSEED", **options)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    return make_archive(
        tmp_path_factory.mktemp("faulty"),
        duration=3 * 1800, file_length=1800, sampling_rate=RATE, event_rate=20, random_state=3,
    )  # fmt: skip


def _the(archive, fault):
    return archive.faults[archive.faults["fault"] == fault].iloc[0]


def test_an_archive_without_faults_is_one_record(tmp_path):
    made = make_archive(
        tmp_path / "a", duration=1500, file_length=600, sampling_rate=RATE, n_stations=2,
        start="2023-06-01T23:52", event_rate=20, faults=None, random_state=0,
    )  # fmt: skip
    assert made.faults.empty
    files = _files(made.folder)
    assert len(files) == 6 * 3  # from 23:52 on, and at 0:00 and 0:10
    stream = Stream()
    for file in files:
        stream += _read(file)
    stream.merge()
    assert len(stream) == 6
    for trace in stream:
        assert trace.stats.starttime == UTCDateTime("2023-06-01T23:52")
        assert trace.stats.npts == 1500 * RATE and not np.ma.is_masked(trace.data)
    # Events are in the record: where the catalogue says, it is louder than elsewhere.
    x = np.abs(stream.select(component="Z")[0].data.astype(float))
    first = pd.Timestamp("2023-06-01T23:52Z")
    inside = np.zeros(len(x), dtype=bool)
    for event in made.catalog.itertuples():
        a, b = ((t - first).total_seconds() * RATE for t in (event.onset, event.end))
        inside[int(a) : int(b)] = True
    assert x[inside].mean() > 1.5 * np.median(x[~inside])


def test_blocks_join_without_a_step(tmp_path):
    made = make_archive(
        tmp_path / "a", duration=9000, file_length=9000, sampling_rate=RATE, n_stations=1,
        n_components=1, faults=None, event_rate=0, random_state=1,
    )  # fmt: skip
    x = np.concatenate([_read(file)[0].data for file in _files(made.folder)]).astype(float)
    steps = np.abs(np.diff(x))
    for seam in (round(3500 * RATE), round(7000 * RATE)):
        assert steps[seam - 3 : seam + 3].max() < 6 * steps.std()


def test_a_short_last_block_holds_what_fits():
    rest, window = TimeGrid(1300, 10.0), TimeGrid(600, 10.0)
    rng = np.random.default_rng(0)
    assert len(draw_begins(1000.0, rest, window, rng, crowded=True)) == 2
    with pytest.raises(ValueError, match="lower event_rate"):
        draw_begins(1000.0, rest, window, rng)


def test_every_fault_is_planted_where_the_table_says(faulty):
    assert set(faulty.faults["fault"]) == set(FAULTS)
    for row in faulty.faults.itertuples():
        assert row.start < row.end
        path = faulty.folder / row.file
        assert path.exists() == (row.fault != "missing file"), row.fault
        assert row.station == ".".join(row.trace.split(".")[:2])


def test_a_gap_is_a_gap(faulty):
    gap = _the(faulty, "gap")
    pieces = [trace.stats for trace in _read(faulty.folder / gap["file"])]
    ends = [round(stats.endtime.ns + 1e9 / RATE) for stats in pieces]
    before = int(np.argmin(np.abs(np.array(ends) - gap["start"].value)))
    assert abs(ends[before] - gap["start"].value) < 1e6
    assert abs(pieces[before + 1].starttime.ns - gap["end"].value) < 1e6


def _samples(faulty, name):
    row = _the(faulty, name)
    start, end = (UTCDateTime(ns=row[key].value) for key in ("start", "end"))
    stream = _read(faulty.folder / row["file"], starttime=start, endtime=end - 1 / RATE)
    return np.concatenate([trace.data for trace in stream])


def test_lost_samples_are_what_they_are_called(faulty):
    assert (_samples(faulty, "sentinel") == -(2**31)).all()
    assert np.isnan(_samples(faulty, "not finite")).sum() == 5 * RATE
    assert (_samples(faulty, "zero-filled gap") == 0).all()
    clipped = np.abs(_samples(faulty, "clipped"))
    assert (clipped == clipped.max()).sum() > 3


def test_files_as_a_whole(faulty):
    assert (faulty.folder / _the(faulty, "empty file")["file"]).stat().st_size == 0
    truncated = faulty.folder / _the(faulty, "truncated file")["file"]
    assert truncated.stat().st_size % 512 == 256
    late = _the(faulty, "past midnight")
    assert abs(_read(faulty.folder / late["file"])[0].stats.starttime.ns - late["end"].value) < 1e6
    copy = faulty.folder / _the(faulty, "duplicate file")["file"]
    others = [path for path in _files(faulty.folder) if path.name == copy.name]
    assert len(others) == 2 and others[0].read_bytes() == others[1].read_bytes()


def test_random_state_fixes_every_byte(tmp_path):
    options = dict(duration=1200, file_length=1200, n_stations=1, sampling_rate=RATE,
                   faults=["gap", "corrupt records"], n_faults=2)  # fmt: skip
    one, same, other = (
        make_archive(tmp_path / name, random_state=seed, **options)
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    contents = [[path.read_bytes() for path in _files(m.folder)] for m in (one, same, other)]
    assert contents[0] == contents[1] != contents[2]
    pd.testing.assert_frame_equal(one.faults, same.faults)


@pytest.mark.parametrize(
    "options, words",
    [
        (dict(faults=["flood"]), "faults holds flood"),
        (dict(faults="some"), "faults must be"),
        (dict(n_faults=50), "do not fit into"),
        (dict(duration=10), "at least 60 s"),
        (dict(classes=["noise"]), "must not hold 'noise'"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, options, words):
    options = dict(duration=600, n_stations=1, sampling_rate=RATE) | options
    with pytest.raises(ValueError, match=words):
        make_archive(tmp_path / "a", **options)


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(FileExistsError, match="is not empty"):
        make_archive(tmp_path, duration=600)
