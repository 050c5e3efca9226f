"""WaveformDisplay draws what the truth says."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from seisclf.datasets import WaveformDisplay, make_seismic_events


@pytest.fixture(scope="module")
def events():
    return make_seismic_events(8, n_samples=1000, random_state=0)


def test_default_is_one_panel_a_class_with_picks_and_extent(events):
    display = WaveformDisplay.from_bunch(events)
    assert len(display.axes_) == 4
    for ax, label in zip(display.axes_, events.target_names, strict=True):
        assert ax.get_title(loc="left").startswith(label)
        assert len(ax.lines) == 3
        row = np.flatnonzero(events.target == label)[0]
        picks = [c for c in ax.collections if hasattr(c, "get_segments")]
        drawn = {round(float(c.get_segments()[0][0, 0]), 6) for c in picks}
        wanted = {round(t, 6) for t in events.arrivals.loc[row, ["P", "S"]].dropna()}
        assert drawn == wanted
        assert len(ax.collections) - len(picks) == (0 if label == "noise" else 3)
    display.figure_.canvas.draw()


def test_spectrogram_doubles_the_axes_and_covers_the_window(events):
    display = WaveformDisplay.from_bunch(events, rows=[0, 1], spectrogram=True)
    assert len(display.axes_) == 4
    assert display.axes_[1].get_xlim() == display.axes_[0].get_xlim() == (0, 9.99)
    assert display.axes_[1].get_ylim()[1] == pytest.approx(50, abs=1)


def test_network_shows_stations_and_says_which_are_missing():
    network = make_seismic_events(
        6, n_stations=3, n_samples=500, missing_station_probability=0.5, random_state=0
    )
    row = np.flatnonzero(np.isnan(network.data).any(axis=(1, 2, 3)))[0]
    (ax,) = WaveformDisplay.from_bunch(network, rows=[row], component="E").axes_
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == list(network.arrivals.loc[row].index)
    missing = np.isnan(network.data[row]).any(axis=(1, 2)).sum()
    assert [text.get_text() for text in ax.texts] == ["not recorded"] * missing


def test_given_axes_are_used_and_counted(events):
    fig, ax = plt.subplots()
    assert WaveformDisplay.from_bunch(events, rows=[3], ax=ax).axes_[0] is ax
    with pytest.raises(ValueError, match="ax must hold 2 axes"):
        WaveformDisplay.from_bunch(events, rows=[3, 4], ax=ax)
    with pytest.raises(ValueError, match="component must be one of"):
        WaveformDisplay.from_bunch(events, component="X")


def test_one_component_alone(events):
    (ax,) = WaveformDisplay.from_bunch(events, rows=[0], component="N").axes_
    assert [label.get_text() for label in ax.get_yticklabels()] == ["N"]
