"""The record section for people."""

import matplotlib
import numpy as np
import pytest

from seisclf.io import NetworkEvents
from seisclf.preprocessing import RecordSection, RecordSectionDisplay

matplotlib.use("Agg")
OFFSETS = np.array([[10.0, 40.0, 25.0], [5.0, 8.0, 20.0]])


@pytest.fixture(autouse=True)
def _close():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def make():
    waveforms = np.random.default_rng(0).normal(size=(2, 3, 2, 200))
    return NetworkEvents(waveforms, offsets=OFFSETS)


def test_curves_lie_about_their_offsets_as_in_the_picture():
    events = make()
    display = RecordSectionDisplay.from_events(events, row=1, component=1, sampling_rate=20.0)
    lines = display.ax_.lines
    assert len(lines) == 3
    for line, offset in zip(lines, OFFSETS[1], strict=True):
        assert abs(line.get_xdata().mean() - offset) < 1e-6
        np.testing.assert_allclose(line.get_ydata(), np.arange(200) / 20)
    picture = RecordSection(component=1, components="ZN").fit(events)
    np.testing.assert_allclose(display.ax_.get_xlim(), picture.offset_limits(events)[1])
    assert display.ax_.get_ylim() == (0.0, 199 / 20)
    assert display.ax_.get_xlabel() == "offset (km)" and display.ax_.get_ylabel() == "time (s)"


def test_horizontal_time_down_and_start_times():
    display = RecordSectionDisplay.from_events(
        make(), orientation="horizontal", start_times=[2.0, 1.0, 3.0], fill="both"
    )
    assert display.ax_.get_xlim() == (1.0, 3.0 + 1.99)
    assert display.ax_.get_ylabel() == "offset (km)"
    assert display.ax_.lines[0].get_xdata()[0] == 2.0
    down = RecordSectionDisplay.from_events(make(), time_down=True)
    assert down.ax_.get_ylim() == (1.99, 0.0)


def test_names_picks_and_predictions():
    predicted = np.array([12.0, 80.0, np.nan])
    display = RecordSectionDisplay.from_events(
        make(),
        names=["A", "B", "C"],
        picks={"P": [0.5, np.nan, 0.7], "S": OFFSETS / 100},
        predicted_offsets=predicted,
        title="event",
    )
    labels = display.ax_.get_legend_handles_labels()[1]
    assert labels == ["P", "S", "offset", "predicted offset"]
    low, high = display.ax_.get_xlim()
    assert low < 10 and high > 80
    assert display.ax_.get_title(loc="left") == "event"
    (names,) = display.ax_.child_axes
    assert [text.get_text() for text in names.get_xticklabels()] == ["A", "B", "C"]
    display.figure_.canvas.draw()


@pytest.mark.parametrize(("orientation", "joined"), [("vertical", "A\nC"), ("horizontal", "A, C")])
def test_names_of_stations_at_one_distance_stand_side_by_side(orientation, joined):
    events = NetworkEvents(np.asarray(make()), offsets=[10.0, 40.0, 10.2])
    display = RecordSectionDisplay.from_events(events, names=list("ABC"), orientation=orientation)
    (names,) = display.ax_.child_axes
    axis = names.xaxis if orientation == "vertical" else names.yaxis
    assert [text.get_text() for text in axis.get_ticklabels()] == [joined, "B"]


def test_no_pick_is_lost():
    picks = {name: [0.5, 0.6, 0.7] for name in ("Pg", "Pn", "Sg", "Sn", "Lg")}
    display = RecordSectionDisplay.from_events(make(), picks=picks)
    assert display.ax_.get_legend_handles_labels()[1] == list(picks)


def test_without_offsets_traces_are_in_order():
    display = RecordSectionDisplay.from_events(np.asarray(make())[:, :, 0])
    assert "order" in display.ax_.get_xlabel()
    assert abs(display.ax_.lines[2].get_xdata().mean() - 2) < 1e-6


def test_what_is_not_drawn():
    waveforms = np.asarray(make())
    waveforms[0, 1], waveforms[1] = np.nan, 3.0
    events = NetworkEvents(waveforms, offsets=OFFSETS)
    display = RecordSectionDisplay.from_events(events, names=["A", "B", "C"])
    assert display.not_drawn_ == [(1, "missing")] and len(display.ax_.lines) == 2
    with pytest.raises(ValueError, match="no trace can be drawn: 0 dead, 1 dead, 2 dead"):
        RecordSectionDisplay.from_events(events, row=1)


def test_wrong_input():
    with pytest.raises(ValueError, match="one value for each of 3 traces"):
        RecordSectionDisplay.from_events(make(), predicted_offsets=[1.0, 2.0])
    with pytest.raises(ValueError, match="scale must be one of"):
        RecordSectionDisplay.from_events(make(), scale="event")
    with pytest.raises(ValueError, match="events must have the shape"):
        RecordSectionDisplay.from_events(np.ones((3, 100)))
    with pytest.raises(ValueError, match="component must be an index below 2.*got 'Z'"):
        RecordSectionDisplay.from_events(make(), component="Z")
    with pytest.raises(ValueError, match="component must be an index below 2.*got -3"):
        RecordSectionDisplay.from_events(make(), component=-3)
    with pytest.raises(ValueError, match="picks must be a dict"):
        RecordSectionDisplay.from_events(make(), picks=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="offsets must be numbers; got 'distance'"):
        RecordSectionDisplay.from_events(make(), offsets="distance")
    with pytest.raises(ValueError, match=r"start_times are not known of the traces \[1\]"):
        RecordSectionDisplay.from_events(make(), start_times=[0.0, np.nan, 1.0])
    with pytest.raises(ValueError, match="one name for each of 3 traces; got 2"):
        RecordSectionDisplay.from_events(make(), names=["A", "B"])
    with pytest.raises(ValueError, match="sampling_rate must be positive and finite, got 0"):
        RecordSectionDisplay.from_events(make(), sampling_rate=0)
    with pytest.raises(ValueError, match="give offsets as well"):
        RecordSectionDisplay.from_events(np.asarray(make()), predicted_offsets=[1.0, 2.0, 3.0])
