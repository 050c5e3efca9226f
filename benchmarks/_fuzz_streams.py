"""Scans, streams and SeedLink packets: sound files, and what is done with broken ones."""

import io
import json
import struct
import warnings

import numpy as np

_RATE = 20.0


class Loudness:
    """Calls loud windows an event."""

    classes_ = np.array(["noise", "rockfall"])

    def predict_proba(self, X):
        loud = np.clip(X.reshape(len(X), -1).std(axis=1), 0.0, 1.0)
        return np.column_stack([1 - loud, loud])


def detector():
    """Two components in windows of 4 s."""
    from seisclf.detection import EventDetector

    return EventDetector(Loudness(), window=4.0, step=1.0, sampling_rate=_RATE, components="ZN")


def write_scans(folder):
    """The catalogue of a scan with events and a gap, as the format ``scan sqlite``."""
    place = folder / "scan sqlite"
    place.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector().scan(_record(), output=folder / "scan", chunk=40.0)
    (folder / "scan" / "catalogue.sqlite").rename(place / "catalogue.sqlite")
    for path in sorted((folder / "scan").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "scan").rmdir()


def write_streams(folder):
    """States of streams, and packets, as the formats ``stream state`` and ``seedlink``."""
    from seisclf.detection import StreamingDetector

    record = _record()
    for name in ("stream state", "seedlink", "seedlink state"):
        (folder / name).mkdir(parents=True)
    streaming = StreamingDetector(detector(), max_delay=5.0)
    packets = list(record.slide(window_length=3.0, step=3.05))
    for number, packet in enumerate(packets):
        streaming.push(packet)
        if number in (8, 21):
            streaming.save(folder / "stream state" / f"{number}.state")
    late = packets[-1].copy()
    late[0].stats.starttime += 86400
    streaming.push(late[0])  # held back
    streaming.save(folder / "stream state" / "held.state")
    out = io.BytesIO()
    for trace in record:
        trace.data = (trace.data * 1000).astype(np.int32)
    record.write(out, format="MSEED", reclen=512)
    content = out.getvalue()
    raw = [content[i : i + 512] for i in range(0, len(content), 512)]
    raw = b"".join(b"SL%06X" % i + packet for i, packet in enumerate(raw[:6])) + b"END"
    (folder / "seedlink" / "packets.bin").write_bytes(raw)
    told = {"server": "localhost:1", "stations": {"XX.A": [17, 1585400000000000000]}}
    (folder / "seedlink state" / "packets.json").write_text(json.dumps(told))


def _record():
    """Two minutes of two components, one of which changes its name, with a gap and two events."""
    from obspy import Stream, Trace, UTCDateTime

    rng, stream = np.random.default_rng(0), Stream()
    x = rng.normal(size=(2, 2400)).astype(np.float32) * 0.01
    x[:, 400:560] *= 100
    x[:, 1700:1900] *= 80
    for channel, row, first, last in (
        ("HHZ", 0, 0, 2400), ("HH1", 1, 0, 900), ("HH1", 1, 1000, 1300), ("HHN", 1, 1300, 2400),
    ):  # fmt: skip
        header = {"network": "XX", "station": "A", "channel": channel, "sampling_rate": _RATE,
                  "starttime": UTCDateTime(2020, 3, 28) + first / _RATE}  # fmt: skip
        stream.append(Trace(x[row, first:last].copy(), header))
    return stream


def open_scan(path, folder):
    """Read the catalogue of a scan, and do with it what people do."""
    from seisclf.detection import read_scan

    place = folder / "scan"
    place.mkdir()
    path.rename(place / "catalogue.sqlite")
    found = read_scan(place)
    repr(found)
    found.coverage_report()
    found.to_csv(place / "events.csv")


def open_state(path, folder):
    """Go on with a stream. What makes no sense may say so as it likes, but must live."""
    from seisclf.detection import StreamingDetector

    streaming = StreamingDetector.load(path, detector())
    try:
        streaming.pending()
        streaming.push(_record()[:1])
        streaming.save(folder / "next.state")
        streaming.flush()
        repr(streaming.report)
    except MemoryError:
        raise
    except Exception:  # see above
        return "read"


def open_seedlink(path, folder):
    """Packets as a server might send them, in pieces of odd lengths."""
    from seisclf.io._seedlink import _Clock, _packets

    connection = _Connection(path.read_bytes())
    for _, number, trace in _packets(connection, _Clock(5.0, None), 5.0):
        assert 0 <= number < 2**24 and len(trace) < 10_000


def open_seedlink_state(path, folder):
    """Where a stream of packets stopped."""
    from seisclf.io._seedlink import _connection, _read_state

    known = _read_state(path, "localhost:1")
    _connection("localhost:1", {("XX", "A"): ["HHZ"]}, None, known, 1.0)


class _Connection:
    """A server that says so much and hangs up."""

    def __init__(self, content):
        self.socket, self.content = self, content
        self.streams = [type("Station", (), {"net": "XX", "station": "A"})]

    def recv(self, n):
        part, self.content = self.content[:777], self.content[777:]
        return part


def broken_state(content, rng, mutate, break_json):
    """A state of which the insides are broken and the sums fit.

    Parameters
    ----------
    content : bytes
        Sound file.
    rng : numpy.random.Generator
        Decides.
    mutate, break_json : callable
        Break bytes, and JSON.

    Returns
    -------
    content : bytes
        Broken.
    """
    from safetensors.numpy import load, save

    from seisclf.detection._stream_checks import checksum

    (n,) = struct.unpack("<Q", content[:8])
    text = json.loads(content[8 : 8 + n])["__metadata__"]["state"]
    arrays = load(content)
    if rng.random() < 0.7:
        text = break_json(text.encode(), rng, ()).decode()
    else:
        name = sorted(arrays)[rng.integers(len(arrays))]
        array = arrays[name]
        choice = rng.random()
        if choice < 0.4:
            values = bytearray(array.tobytes())
            values = bytes(mutate(values, rng, ()))[: len(values)].ljust(len(values), b"\0")
            arrays[name] = np.frombuffer(values, dtype=array.dtype).reshape(array.shape)
        elif choice < 0.6:
            arrays[name] = np.repeat(array, 2, axis=-1) if array.ndim else array
        elif choice < 0.8:
            arrays[name] = array.astype(str(rng.choice(["f8", "i8", "u1", "f2"])))
        else:
            del arrays[name]
    return save(arrays, metadata={"state": text, "checksum": checksum(text, arrays)})


DOORS = {
    "scan sqlite": open_scan,
    "stream state": open_state,
    "seedlink": open_seedlink,
    "seedlink state": open_seedlink_state,
}
