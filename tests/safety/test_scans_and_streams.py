"""Catalogues of scans and states of streams that somebody has changed."""

import shutil
import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks._fuzz_mutations import _json, mutate
from benchmarks._fuzz_streams import broken_state, detector, open_scan, write_scans, write_streams
from seisclf.detection import StreamingDetector, read_scan


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    write_scans(folder)
    write_streams(folder)
    return folder


def test_sound_ones_are_read(sound, tmp_path):
    shutil.copy(sound / "scan sqlite" / "catalogue.sqlite", tmp_path)
    open_scan(tmp_path / "catalogue.sqlite", tmp_path)
    states = sorted((sound / "stream state").iterdir())
    assert len(states) == 3
    assert sum(len(StreamingDetector.load(path, detector()).flush()) for path in states) > 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_broken_state_is_refused_before_it_is_used(seed, sound, tmp_path_factory):
    rng = np.random.default_rng(seed)
    states = sorted((sound / "stream state").iterdir())
    content = states[rng.integers(len(states))].read_bytes()
    path = tmp_path_factory.getbasetemp() / "broken.state"
    for broken in (mutate(content, rng, (content,)), broken_state(content, rng, mutate, _json)):
        path.write_bytes(broken)
        try:
            StreamingDetector.load(path, detector())
        except ValueError as error:
            assert str(error)


@pytest.mark.parametrize(
    "change, words",
    [
        ("UPDATE run SET value = '{'", "damaged"),
        ("UPDATE run SET value = '[5]' WHERE key = 'traces'", "damaged"),
        ("UPDATE detections SET more = '{'", "damaged"),
        ("UPDATE detections SET class = x'ff'", "damaged"),
        ("UPDATE spans SET start_ns = x'ff'", "damaged"),
        ("DELETE FROM run WHERE key = 'planned'", "damaged"),
        ("DROP TABLE picks", "no catalogue of a scan"),
    ],
)
def test_a_changed_catalogue_is_refused(change, words, sound, tmp_path):
    shutil.copy(sound / "scan sqlite" / "catalogue.sqlite", tmp_path)
    database = sqlite3.connect(tmp_path / "catalogue.sqlite")
    database.execute(change)
    database.commit()
    database.close()
    with pytest.raises(ValueError, match=words) as caught:
        read_scan(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_folder_or_pipe_is_no_state(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ValueError, match="it is no file"):
            StreamingDetector(detector(), state=path)
    for value in ("30", None, -1.0, np.nan):
        with pytest.raises(ValueError, match="max_delay must be a number of seconds"):
            StreamingDetector(detector(), max_delay=value)
