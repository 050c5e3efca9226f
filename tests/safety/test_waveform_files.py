"""Hostile waveform files: an error in the report, and the other files are read."""

import gzip
import io
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.io import Limits, read_archive

FORMATS = ("MSEED", "SAC", "GSE2", "SLIST", "SEGY")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """One trace in every format that ObsPy writes."""
    files, path = {}, tmp_path_factory.mktemp("sound") / "file"
    for format in FORMATS:
        trace = obspy.read()[2].slice(endtime=obspy.read()[2].stats.starttime + 5)
        if format == "GSE2":
            trace.data = trace.data.astype(np.int32)
        if format == "SEGY":
            trace.data = trace.data.astype(np.float32)
        trace.write(str(path), format=format)
        files[format] = path.read_bytes()
    return files


@pytest.fixture
def folder(sound, tmp_path):
    (tmp_path / "good.mseed").write_bytes(sound["MSEED"])
    return tmp_path


def read_beside(folder, name):
    """Row of a bad file, after a look that the good one beside it was read."""
    recordings = read_archive(folder)
    files = recordings.report.files
    assert list(recordings) == ["BW.RJOB..EHE"]
    assert len(files) == 2
    bad = files[files["file"].map(lambda file: Path(file).name) == name].iloc[0]
    assert bad["status"] == "skipped"
    assert bad["reason"]
    return bad


class Bang:
    def __reduce__(self):
        return os.mkdir, (os.environ["SEISCLF_TEST_VICTIM"],)


def test_a_pickle_is_never_loaded(folder, tmp_path_factory, monkeypatch):
    victim = tmp_path_factory.mktemp("victim") / "made"
    monkeypatch.setenv("SEISCLF_TEST_VICTIM", str(victim))
    (folder / "bad.mseed").write_bytes(pickle.dumps(Bang()))
    assert "pickle" in read_beside(folder, "bad.mseed")["reason"]
    assert not victim.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 5000, b"\xff" * 5000, b"<html>", b"PK\x03\x04" + bytes(500), b"x" * 47],
    ids=["empty", "zeros", "ones", "html", "zip", "short"],
)
def test_what_is_no_waveform_is_skipped(content, folder):
    (folder / "bad.mseed").write_bytes(content)
    read_beside(folder, "bad.mseed")


def test_a_bomb_is_refused(folder):
    with gzip.open(folder / "bad.gz", "wb", compresslevel=1) as file:
        file.write(b"TIMESERIES XX_BOMB__HHZ_D, 10 samples, 100 sps, SLIST\n")
        for _ in range(300):
            file.write(bytes(2**20))
    assert "max_expansion" in read_beside(folder, "bad.gz")["reason"]


def test_a_pipe_does_not_hang(folder):
    os.mkfifo(folder / "bad.mseed")
    read_beside(folder, "bad.mseed")


def test_a_device_does_not_fill_the_memory(folder):
    (folder / "bad.mseed").symlink_to("/dev/zero")
    read_beside(folder, "bad.mseed")


def test_sac_that_claims_a_terabyte(folder, sound):
    content = bytearray(sound["SAC"])
    struct.pack_into("<i", content, 316, 2**31 - 1)
    (folder / "bad.sac").write_bytes(content)
    read_beside(folder, "bad.sac")


def test_gse_lines_over_the_decoders_buffer(folder, sound):
    # ObsPy's decoder copies each line into 83 bytes: this one ended the process.
    head, _, data = sound["GSE2"].partition(b"DAT2\n")
    for n in (100, 10**6):
        (folder / "bad.gse").write_bytes(head + b"DAT2\n" + b"k" * n + b"\n" + data)
        assert "data lines have 80" in read_beside(folder, "bad.gse")["reason"]
    (folder / "bad.gse").write_bytes(head + b"DAT2\n" + b"\x90" * 60 + b"\n" + data)
    assert "no text" in read_beside(folder, "bad.gse")["reason"]


@pytest.mark.parametrize("place", ["before the data", "in place of its beginning", "at its end"])
def test_gse_lines_beside_the_data_are_copied_too(place, folder, sound):
    text, long = sound["GSE2"], b"9" * 400 + b"\n"
    begin, end = text.index(b"DAT2\n"), text.rindex(b"CHK2")
    whole = {
        "before the data": text[:begin] + long + text[begin:],
        "in place of its beginning": text[:begin] + long + text[begin + 5 :],
        "at its end": text[:end] + b"CHK2 " + long,
    }[place]
    (folder / "bad.gse").write_bytes(whole)
    assert "data lines have 80" in read_beside(folder, "bad.gse")["reason"]


def test_gse_without_an_end_before_the_next_header(folder, sound):
    text = sound["GSE2"]
    (folder / "bad.gse").write_bytes(text[: text.index(b"DAT2\n")] + text)
    assert "before the data before it" in read_beside(folder, "bad.gse")["reason"]


def test_gse_that_claims_more_than_it_holds(folder, sound):
    (folder / "bad.gse").write_bytes(sound["GSE2"].replace(b"     501", b"99999999", 1))
    read_beside(folder, "bad.gse")


def test_limits_are_in_the_report(folder, sound):
    (folder / "bad.sac").write_bytes(sound["SAC"])
    recordings = read_archive(folder / "bad.sac", limits=Limits(max_file_bytes=100))
    assert len(recordings) == 0
    assert "max_file_bytes=100" in recordings.report.files["reason"].iloc[0]


def test_two_records_a_century_apart_fill_no_memory(folder, sound):
    stream = obspy.read(io.BytesIO(sound["MSEED"]), format="MSEED")
    stream[0].stats.starttime += 20 * 366 * 86400
    stream.write(str(folder / "later.mseed"), format="MSEED")
    recordings = read_archive(folder)
    assert recordings.report.files["status"].tolist() == ["read", "read"]
    with pytest.raises(ValueError, match="max_samples"):
        recordings["BW.RJOB..EHE"]
    assert [len(part.data) for part in recordings.pieces("BW.RJOB..EHE")] == [501, 501]


@pytest.mark.parametrize("format", ["SAC", "MSEED", "SLIST"])
def test_codes_with_dots_keep_to_their_place(format, folder):
    trace = obspy.read()[2]
    trace.stats.station = "../.."
    trace.stats.location = "."
    trace.write(str(folder / "bad"), format=format)
    recordings = read_archive(folder)
    assert len(recordings.report.files) == 2
    assert all(id.count(".") == 3 for id in recordings)
    recordings.to_stream()
    assert not recordings.report.findings.empty


def test_names_are_no_addresses():
    with pytest.raises(FileNotFoundError):
        read_archive("http://127.0.0.1:9/x.mseed")


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_broken_files_are_read_or_skipped(data, sound, tmp_path_factory):
    content = bytearray(sound[data.draw(st.sampled_from(FORMATS))])
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 400))
        new = data.draw(st.binary(min_size=1, max_size=6))
        content[at : at + len(new)] = new
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path_factory.getbasetemp() / "broken"
    path.write_bytes(content)
    files = read_archive(path).report.files
    assert len(files) == 1
    assert files["status"].iloc[0] in ("read", "partly", "skipped")


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_broken_recordings_are_read_or_skipped(data, data_dir, tmp_path_factory):
    real = sorted((data_dir / "esec" / "waveforms").rglob("*"))
    real = [file for file in real if file.is_file()][::200]
    content = bytearray(data.draw(st.sampled_from(real)).read_bytes()[: 16 * 512])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "broken.mseed"
    path.write_bytes(content)
    assert len(read_archive(path).report.files) == 1
