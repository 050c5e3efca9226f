"""A stream goes on after a restart as if nothing had happened."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from obspy import Stream

from seisclf.detection import EventDetector, StreamingDetector, stft_cnn_postprocessing

from .stubs import START, Loudness, NetworkStub, earthquake, rockfall, station, window_detector
from .test_streaming import packets_of, record, shuffled, streamed

NEW_PROCESS = """
import sys
from obspy import read
from tests.detection.stubs import window_detector
from seisclf.detection import StreamingDetector
streaming = StreamingDetector.load(sys.argv[1], window_detector())
found = [streaming.push(read(sys.argv[2])).to_frame(), streaming.flush().to_frame()]
print(sum(len(frame) for frame in found), *[t.value for f in found for t in f["onset"]])
"""


def network():
    whole = Stream()
    for i, code in enumerate("AB"):
        own = station(code, n=1000, seed=i, start=START + 2.5 * i)
        for k in range(2):
            (earthquake if k else rockfall)(own, 15.0 + 20 * k - 2.5 * i, 4.0)
        whole += own
    return whole


def of_network(**options):
    return EventDetector(NetworkStub(2), step=3.0, stations=["A", "B"], persistence=2, **options)


@pytest.mark.parametrize("kind", ["mean", "chain", "network"])
def test_saved_and_loaded_after_some_packets_it_finds_the_same(kind, tmp_path):
    rng = np.random.default_rng(3)
    if kind == "network":
        make, whole = of_network, network()
    else:
        chain = stft_cnn_postprocessing() if kind == "chain" else None
        whole = record(2)

        def make():
            return window_detector(postprocessing=chain)

    packets = shuffled(packets_of(whole, rng, 50, 150), rng, 20.0)
    expected, _, once = streamed(make(), packets)
    path = tmp_path / "stream.state"
    streaming, found = StreamingDetector(make(), state=path), []
    for i, packet in enumerate(packets):
        found.append(streaming.push(packet).to_frame())
        if i % 5 == 0:
            assert streaming.save() == path
            streaming = StreamingDetector(make(), state=path)
    found.append(streaming.flush().to_frame())
    table = pd.concat([frame for frame in found if len(frame)], ignore_index=True)
    assert len(table)
    pd.testing.assert_frame_equal(table, expected)
    pd.testing.assert_frame_equal(streaming.report, once.report)


def test_it_goes_on_in_a_new_process(tmp_path):
    whole = record(2)
    packets = packets_of(whole, np.random.default_rng(0), 100, 150)
    half = len(packets) // 2
    streaming = StreamingDetector(window_detector())
    before = sum(len(streaming.push(packet)) for packet in packets[:half])
    path, rest = streaming.save(tmp_path / "stream.state"), tmp_path / "rest.mseed"
    Stream(packets[half:]).write(str(rest), format="MSEED")
    command = [sys.executable, "-c", NEW_PROCESS, str(path), str(rest)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    n, *onsets = map(int, result.stdout.split())
    expected = window_detector().detect(whole).to_frame()
    assert before + n == len(expected) and n
    assert onsets == [onset.value for onset in expected["onset"]][before:]


def test_a_state_of_another_detector_is_refused(tmp_path):
    streaming = StreamingDetector(window_detector())
    streaming.push(record(1))
    path = streaming.save(tmp_path / "stream.state")

    class Louder(Loudness):
        def predict_proba(self, X):
            return super().predict_proba(X / 3)

    with pytest.raises(ValueError, match=r"another detector: threshold=0.4 \(there 0.5\)"):
        StreamingDetector(window_detector(threshold=0.4), state=path)
    with pytest.raises(ValueError, match="another model"):
        StreamingDetector.load(path, window_detector(Louder()))
    with pytest.raises(ValueError, match="max_delay=30"):
        StreamingDetector(window_detector(), state=path, max_delay=20.0)
    with pytest.raises(FileNotFoundError):
        StreamingDetector.load(tmp_path / "nothing", window_detector())


def test_a_damaged_state_is_refused(tmp_path):
    streaming = StreamingDetector(window_detector())
    streaming.push(record(1))
    path = streaming.save(tmp_path / "stream.state")
    sound = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for k in range(30):
        damaged = bytearray(sound if k % 3 else sound[: int(rng.integers(len(sound)))])
        for at in rng.integers(0, min(len(damaged), 4000) or 1, 3):
            if len(damaged):
                damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            StreamingDetector(window_detector(), state=path)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused >= 10
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="remove it"):
        StreamingDetector(window_detector(), state=path)
