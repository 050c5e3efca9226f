"""The published hour as an archive: a scan of its files finds what is found in the hour."""

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, UTCDateTime, read

from seisclf.detection import EventDetector
from seisclf.detection._prepare import RocknetPreparation
from seisclf.neural_network import RockNetAssociator, RockNetClassifier

from .test_streaming_luhu import Rise

START = UTCDateTime(2020, 3, 28, 12, 59)
# With a rockfall and an earthquake.
EXCERPT = (2475, 2655)


def record(data_dir, stations, first=0, last=3720):
    stream = Stream()
    for path in sorted((data_dir / "luhu" / "sac_2020.088.13").glob("*.sac")):
        trace = read(str(path))[0]
        if trace.stats.station in stations:
            stream += trace.slice(START + first, START + last - 0.01)
    return stream


def write_sds(stream, folder, rng, n_files):
    """Each channel in files that are cut anywhere, in the folders of an SDS archive."""
    for trace in stream:
        n = trace.stats.npts
        cuts = np.sort(rng.choice(np.arange(1, n), n_files - 1, replace=False))
        s = trace.stats
        place = folder / str(s.starttime.year) / s.network / s.station / f"{s.channel}.D"
        place.mkdir(parents=True, exist_ok=True)
        for first, last in zip([0, *cuts], [*cuts, n], strict=True):
            piece = trace.copy()
            piece.data = trace.data[first:last]
            piece.stats.starttime = s.starttime + first / s.sampling_rate
            name = f"{trace.id}.D.{piece.stats.starttime.strftime('%Y.%j.%H%M%S')}"
            assert not (place / name).exists()
            piece.write(str(place / name), format="MSEED")
    return folder


def assert_same(found, expected):
    names = ["class", "onset", "end", "stations"]
    a, b = found.to_frame(), expected.to_frame()
    pd.testing.assert_frame_equal(a[names], b[names])
    pd.testing.assert_frame_equal(a, b, check_dtype=False, rtol=0, atol=1e-6)
    pd.testing.assert_frame_equal(found.picks, expected.picks, rtol=0, atol=1e-6)
    a, b = found.coverage_spans(), expected.coverage_spans()
    pd.testing.assert_frame_equal(a, b, rtol=0, atol=1e-9)
    assert found.complete


def test_windows_of_the_hour(data_dir, tmp_path):
    stream = record(data_dir, ["LH01", "LH04"])
    # One channel is gone for two minutes, another dead for one.
    last = stream.pop()
    stream.append(last.slice(endtime=START + 1000.004))
    stream.append(last.slice(starttime=START + 1120.004))
    stream[0].data[200_000:206_000] = 7
    detector = EventDetector(
        Rise(), window=12.0, step=3.0, sampling_rate=100.0, components="ZNE", threshold=0.1
    )
    expected = detector.detect(stream)
    assert len(expected) > 10
    folder = write_sds(stream, tmp_path, np.random.default_rng(0), 5)
    assert_same(detector.scan(folder, chunk=500.0), expected)


@pytest.mark.parametrize(
    ("model", "stations", "span", "chunk", "step"),
    [
        (RockNetClassifier, ["LH01"], EXCERPT, 100.0, 10),
        pytest.param(
            RockNetAssociator, ["LH01", "LH02", "LH03", "LH04"], (2400, 2760), 200.0, 10,
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_published_weights_on_what_is_prepared_task_by_task(
    data_dir, tmp_path, model, stations, span, chunk, step
):
    weights = data_dir / "rocknet" / "net_fusion_RF_60s" / "train.hdf5"
    stream = record(data_dir, stations, *span)
    chosen = stations if model is RockNetAssociator else None
    detector = EventDetector(model.from_published(weights), step=step, stations=chosen)
    expected = detector.detect(RocknetPreparation()(stream))
    assert {"rockfall", "earthquake"} <= set(expected.to_frame()["class"])
    folder = write_sds(stream, tmp_path, np.random.default_rng(0), 4)
    found = detector.scan(folder, chunk=chunk, prepare="rocknet")
    assert len(found.tasks) > 1
    assert_same(found, expected)
