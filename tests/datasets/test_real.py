"""Sets of real recordings: found where they are, and a clear word where they are not."""

import numpy as np
import pytest

from seisclf.datasets import load_gujarat, load_kachchh, write_seisbench
from seisclf.io import LazyWaveforms


def test_gujarat(data_dir):
    events = load_gujarat(data_dir)
    assert events.data.shape == (665, 3, 3000)
    names, counts = np.unique(events.target, return_counts=True)
    assert dict(zip(names, counts, strict=True)) == {"blast": 327, "earthquake": 338}
    assert events.sampling_rate == 50.0
    assert "327 blast, 338 earthquake" in events.DESCR
    assert "MIT" in events.DESCR
    assert set(events.metadata["station"]) == {"SR.SUR"}
    assert events.metadata["start_time"].dt.year.between(2012, 2015).all()
    X, y = load_gujarat(data_dir, return_X_y=True)
    assert len(X) == len(y) == 665


def test_kachchh_lazy(data_dir):
    events = load_kachchh(data_dir, lazy=True)
    assert isinstance(events.data, LazyWaveforms)
    assert events.data.shape == (1057, 3, 3000)
    assert events.metadata["event_id"].nunique() == 383
    assert len(events.stations) == 5
    geometry = events.metadata[["distance", "back_azimuth", "magnitude", "station_latitude"]]
    assert geometry.notna().all(axis=None)


@pytest.mark.parametrize("load", [load_gujarat, load_kachchh])
def test_error_says_what_to_set(load, tmp_path, monkeypatch):
    monkeypatch.delenv("SEISCLF_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="SEISCLF_DATA"):
        load()
    with pytest.raises(FileNotFoundError, match="data_home must be the folder that holds"):
        load(tmp_path)


def test_environment_variable_or_the_folder_itself(tmp_path, monkeypatch):
    write_seisbench(
        tmp_path / "gujarat", np.ones((2, 3, 9)), sampling_rate=50.0, target=["blast"] * 2
    )
    monkeypatch.setenv("SEISCLF_DATA", str(tmp_path))
    assert load_gujarat().data.shape == (2, 3, 9)
    assert load_gujarat(tmp_path / "gujarat").data.shape == (2, 3, 9)
    with pytest.raises(FileNotFoundError, match="kachchh"):
        load_kachchh()
