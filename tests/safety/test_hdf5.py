"""Sets in SeisBench's format: nothing of other files, no claims beyond what is stored."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.datasets import read_seisbench, write_seisbench
from seisclf.io import LazyWaveforms

SOUND = np.random.default_rng(0).normal(size=(4, 3, 50)).astype(np.float32)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    rows = pd.DataFrame({"event_id": list("abcd"), "p_onset": 0.1})
    return write_seisbench(
        tmp_path_factory.mktemp("sets") / "sound", SOUND, rows, sampling_rate=100.0,
        target=list("xyxy"),
    )  # fmt: skip


@pytest.fixture
def folder(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "set")


def replace(folder, make):
    with h5py.File(folder / "waveforms.hdf5", "r+") as file:
        del file["data/bucket0"]
        make(file)


def external_link(file):
    other = file.filename.replace("waveforms", "other")
    with h5py.File(other, "w") as elsewhere:
        elsewhere["secret"] = SOUND
    file["data/bucket0"] = h5py.ExternalLink(other, "/secret")


def soft_link(file):
    file["secret"] = SOUND
    file["data/bucket0"] = h5py.SoftLink("/secret")


def external_values(file):
    other = file.filename + ".raw"
    SOUND.tofile(other)
    file.create_dataset("data/bucket0", SOUND.shape, "f4", external=[(other, 0, SOUND.nbytes)])


def virtual(file):
    layout = h5py.VirtualLayout(SOUND.shape, "f4")
    layout[:] = h5py.VirtualSource(file.filename.replace("waveforms", "other"), "x", SOUND.shape)
    file.create_virtual_dataset("data/bucket0", layout)


@pytest.mark.parametrize("make", [external_link, soft_link, external_values, virtual])
@pytest.mark.parametrize("lazy", [True, False])
def test_nothing_of_another_file(make, lazy, folder):
    replace(folder, make)
    with pytest.raises(ValueError, match=r"another file"):
        read_seisbench(folder, lazy=lazy)
    with pytest.raises(ValueError, match=r"another file"):
        LazyWaveforms.from_hdf5(folder / "waveforms.hdf5", "data/bucket0")


@pytest.mark.parametrize("shape", [(4, 3, 10**9), (4, 3, 2**60), (10**12, 3, 50)])
def test_no_claims_beyond_what_is_stored(shape, folder):
    replace(folder, lambda file: file.create_dataset(
        "data/bucket0", shape, "f4", chunks=(1, 3, 50), fillvalue=1.0
    ))  # fmt: skip
    for lazy in (True, False):
        with pytest.raises(ValueError, match=r"max_expansion|cannot be"):
            read_seisbench(folder, lazy=lazy)


@pytest.mark.parametrize("dtype", [h5py.string_dtype(), "S10", [("a", "f4")]])
def test_only_numbers(dtype, folder):
    replace(folder, lambda file: file.create_dataset("data/bucket0", (4, 3, 50), dtype))
    with pytest.raises(ValueError, match="numbers are needed"):
        read_seisbench(folder)


def test_a_million_rows_of_one_trace_are_no_terabyte(folder):
    table = pd.read_csv(folder / "metadata.csv")
    replace(
        folder, lambda file: file.create_dataset("data/bucket0", data=np.ones((1, 3, 10**5), "f4"))
    )
    table = pd.concat([table.iloc[:1].assign(trace_name="bucket0$0,:3,:100000")] * 800)
    table.to_csv(folder / "metadata.csv", index=False)
    with pytest.raises(ValueError, match="max_expansion"):
        read_seisbench(folder)


@pytest.mark.parametrize("name", ["../../etc", "/etc/x", "a/b", "..", "-rf/", "\u202e"])
def test_chunks_stay_in_their_folder(name, folder):
    (folder / "chunks").write_text(name, encoding="utf-8")
    with pytest.raises(ValueError, match="names of chunks"):
        read_seisbench(folder)


def test_descriptions_are_small(folder):
    with h5py.File(folder / "waveforms.hdf5", "r+") as file:
        del file["data_format/dimension_order"]
        file.create_dataset("data_format/dimension_order", (10**9,), "f8", chunks=True)
    with pytest.raises(ValueError, match="one value or a few"):
        read_seisbench(folder)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_flipped_bytes_give_a_sentence(data, sound, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "flipped"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sound, folder)
    file = folder / data.draw(st.sampled_from(["metadata.csv", "waveforms.hdf5"]))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    try:
        read_seisbench(folder)
    except (ValueError, OSError) as error:
        assert str(error)
