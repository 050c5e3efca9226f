"""Maps of located events."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from seisclf.location import LocationDisplay, locate_source
from seisclf.location._geodesy import direct, inverse_many

STATIONS = [[60.0, 10.0], [60.3, 11.0], [59.6, 10.9]]


@pytest.fixture
def found():
    distances = inverse_many(STATIONS, (59.8, 10.6))[0]
    return locate_source([distances, [*distances[:2], np.nan]], STATIONS, std=2.0)


def labels(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_a_kilometre_is_a_kilometre_at_any_latitude(found):
    display = LocationDisplay.from_locations(found, y_true=(59.8, 10.6)).plot()
    ax = display.ax_
    assert ax.get_aspect() == 1.0
    stations = next(line for line in ax.lines if line.get_label() == "station").get_xydata()
    # Twice as long in degrees of longitude as in kilometres, at 60 degrees north.
    expected = inverse_many(STATIONS[1:2], STATIONS[0])[0][0]
    assert_allclose(np.hypot(*(stations[0] - stations[1])), expected, rtol=1e-3)
    circle = ax.lines[0].get_xydata()
    radius = found.residuals["predicted"][0]
    assert_allclose(np.hypot(*(circle - stations[0]).T), radius, rtol=1e-3)
    assert labels(display) == [
        "distance (offset) and its std",
        "station",
        "located",
        "ellipse, 90%",
        "known",
    ]
    assert "0.0 km off" in ax.get_title(loc="left")


def test_everything_but_circles_is_on_the_map(found):
    display = LocationDisplay.from_locations(found, event=1).plot()
    (west, east), (south, north) = display.ax_.get_xlim(), display.ax_.get_ylim()
    assert_allclose(east - west, north - south)
    for line in display.ax_.lines:
        if not (line.get_label().startswith("distance") or line.get_label().startswith("_")):
            points = line.get_xydata()
            assert (points >= (west, south)).all()
            assert (points <= (east, north)).all()
    assert any("second solution" in label for label in labels(display))


def test_over_the_antimeridian_and_directions():
    stations = [direct((0.0, 179.9), azimuth, 40.0) for azimuth in (0.0, 120.0, 240.0)]
    distance, azimuth, _, _ = inverse_many(stations, (0.1, -179.9))
    found = locate_source(distance, stations, std=1.0, back_azimuths=azimuth)
    display = found.plot(y_true=[[0.1, -179.9]])
    assert np.ptp(display.ax_.get_xlim()) < 150
    assert "back-azimuth" in labels(display)


def test_what_cannot_be_drawn(found):
    with pytest.raises(ValueError, match="event must be a row of the 2"):
        LocationDisplay.from_locations(found, event=2)
    nothing = locate_source([[1.0, np.nan, np.nan]], STATIONS, too_few="nan")
    with pytest.raises(ValueError, match="was not located: too few stations"):
        nothing.plot()


def test_known_epicentres_fit_the_events(found):
    with pytest.raises(ValueError, match=r"y_true must hold one epicentre"):
        LocationDisplay.from_locations(found, y_true=np.zeros((3, 2)))
    unknown = LocationDisplay.from_locations(found, y_true=np.full((2, 2), np.nan)).plot()
    assert "known" not in labels(unknown)
