"""The published hour in packets that come late and out of order."""

import numpy as np
from obspy import Stream, UTCDateTime, read

from seisclf.detection import EventDetector

from .test_streaming import assert_same, packets_of, shuffled, streamed

START = UTCDateTime(2020, 3, 28, 12, 59)


class Rise:
    """Windows whose middle is louder than their begin are rockfalls."""

    classes_ = np.array(["noise", "rockfall"])

    def predict_proba(self, X):
        X = np.diff(X.astype(float), axis=-1)
        third = X.shape[-1] // 3
        before, now = X[..., :third].std(axis=-1), X[..., third : 2 * third].std(axis=-1)
        rise = np.log2(now.mean(axis=1) / before.mean(axis=1))
        event = np.clip(rise / 4, 0.0, 1.0)
        return np.column_stack([1 - event, event])


def test_the_hour_in_packets_gives_the_events_of_the_hour(data_dir):
    whole = Stream()
    for path in sorted((data_dir / "luhu" / "sac_2020.088.13").glob("*.sac")):
        trace = read(str(path))
        if trace[0].stats.station == "LH01":
            whole += trace.slice(START, START + 3719.99)
    # One channel is gone for two minutes, another dead for one.
    last = whole[-1]
    whole.remove(last)
    whole += last.slice(endtime=START + 1000.004) + last.slice(starttime=START + 1120.004)
    whole[0].data[200_000:206_000] = 7
    detector = EventDetector(
        Rise(), window=12.0, step=3.0, sampling_rate=100.0, components="ZNE", threshold=0.1
    )
    rng = np.random.default_rng(0)
    packets = shuffled(packets_of(whole, rng, 300, 1500), rng, 14.0)
    detections = detector.detect(whole)
    table, picks, streaming = streamed(detector, packets)
    assert_same(table, picks, detections)
    assert len(table) > 10
    assert not set(streaming.report["kind"]) & {"late", "overlap"}
