"""A set of the form of the published one, written here."""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest


def write_seg2(path, data, *, interval=0.001, numbers=None, date="03/Feb/2007", time="06:22:35"):
    """Write traces as SEG2, revision 1, 32-bit floats, as Pullan (1990) describes it.

    ObsPy reads SEG2 but does not write it. `data` is a list of traces.
    """
    numbers = range(1, len(data) + 1) if numbers is None else numbers
    general = {"COMPANY": "Test", "UNITS": "METERS"}
    general |= {"ACQUISITION_DATE": date, "ACQUISITION_TIME": time} if date else {}
    blocks = []
    for number, trace in zip(numbers, data, strict=True):
        samples = np.asarray(trace, dtype="<f4").tobytes()
        strings = _strings(
            CHANNEL_NUMBER=number,
            DELAY="-3.000",
            DESCALING_FACTOR="4.270400E-005",
            SAMPLE_INTERVAL=interval,
            SHOT_SEQUENCE_NUMBER=117472,
        )
        size = 32 + len(strings)
        head = struct.pack("<HHIIB19x", 0x4422, size, len(samples), len(samples) // 4, 4)
        blocks.append(head + strings + samples)
    strings = _strings(**general)
    begin = 32 + 4 * len(blocks) + len(strings)
    pointers = begin + np.cumsum([0, *map(len, blocks)])[:-1]
    # Terminators of strings (a zero byte) and of lines (a line feed).
    head = struct.pack(
        "<HHHHBBBBBB18x", 0x3A55, 1, 4 * len(blocks), len(blocks), 1, 0, 0, 1, 10, 0
    )
    content = head + struct.pack(f"<{len(blocks)}I", *pointers) + strings + b"".join(blocks)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)


def _strings(**fields):
    """Each with the distance to the next one before it; a zero ends them."""
    out = b""
    for key, value in fields.items():
        text = f"{key} {value}".encode() + b"\0"
        out += struct.pack("<H", len(text) + 2) + text
    out += b"\0\0"
    return out + b"\0" * (-len(out) % 4)


class AknesFolder:
    """Writes events into ``dataset/AknesDataFiles/DataSamples/<class>``, and their list."""

    def __init__(self, home):
        self.home = home
        self.samples = home / "aknes" / "dataset" / "AknesDataFiles" / "DataSamples"
        self.samples.mkdir(parents=True)

    def write(self, event_id, label, data=None, **kwargs):
        """One event; without `data` channel c of a file is c plus noise that its name fixes."""
        if data is None:
            rng = np.random.default_rng(list(event_id.encode()))
            data = np.arange(1, 25)[:, None] + rng.normal(0, 0.1, (24, 16_000))
        year, day = event_id.split("_")[:2]
        date = np.datetime64(f"{year}-01-01") + int(day) - 1
        kwargs.setdefault("date", date.item().strftime("%d/%b/%Y"))
        path = self.samples / label / f"{event_id}.dat"
        write_seg2(path, data, **kwargs)
        return path

    def write_list(self, extra=(), labels=None):
        """The list of all files, with backslashes as it is published."""
        names = sorted(
            path.relative_to(self.home / "aknes") for path in self.samples.rglob("*.dat")
        )
        lines = [(name, name.parent.name) for name in map(Path, names)] + list(extra)
        labels = labels or {}
        text = "fname,event\n" + "".join(
            f"{str(name).replace('/', chr(92))},{labels.get(Path(name).stem, label)}\n"
            for name, label in lines
        )
        path = self.home / "aknes" / "data_dir.csv"
        path.write_text(text, encoding="utf-8")
        return path

    def zip(self, path, names=lambda name: name):
        """An archive of the folder DataSamples."""
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(self.samples.rglob("*.dat")):
                archive.write(file, names(f"DataSamples/{file.parent.name}/{file.name}"))
        return path


@pytest.fixture
def aknes(tmp_path):
    """Three labelled events and one without a class."""
    folder = AknesFolder(tmp_path / "home")
    folder.write("2021_001_01_4", "Unlabeled")
    folder.write("2016_060_36_3", "Noise")
    folder.write("2007_034_45_1", "Regional")
    folder.write("2010_027_54_2", "Slope_HF")
    return folder
