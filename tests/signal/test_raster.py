"""The rasteriser: where ink lies, and how much of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt, uniform_filter

from seisclf.signal._raster import RowCells, draw_strips, draw_wiggles

COLUMNS = 40


def draw(curves, n_rows, *, linewidth=1.0, fill=None, base=None, picture=None, n_pictures=1):
    """Pictures of curves (n_traces, n_samples) that are in columns already."""
    curves = np.atleast_2d(np.asarray(curves, dtype=float))
    low, high, travel = RowCells(curves.shape[1], n_rows).extremes(curves)
    return draw_wiggles(
        low,
        high,
        travel,
        np.zeros(len(curves), int) if picture is None else picture,
        n_pictures=n_pictures,
        n_columns=COLUMNS,
        linewidth=linewidth,
        base=np.zeros(len(curves)) if base is None else np.asarray(base, float),
        fill=fill,
    )


@settings(max_examples=30, deadline=None)
@given(
    n_samples=st.integers(2, 90),
    n_rows=st.integers(1, 40),
    seed=st.integers(0, 1000),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_extremes_are_those_of_the_straight_lines_between_samples(n_samples, n_rows, seed, dtype):
    traces = np.random.default_rng(seed).normal(size=(3, n_samples)).astype(dtype)
    low, high, travel = RowCells(n_samples, n_rows).extremes(traces)
    edges = np.arange(n_rows + 1) * (n_samples - 1) / n_rows
    for row in range(n_rows):
        first, last = edges[row], edges[row + 1]
        inside = np.arange(n_samples)
        inside = inside[(inside > first) & (inside < last)]
        at = np.concatenate([[first], inside, [last]])
        for trace in range(3):
            values = np.interp(at, np.arange(n_samples), traces[trace])
            np.testing.assert_allclose(low[trace, row], values.min(), atol=2e-5)
            np.testing.assert_allclose(high[trace, row], values.max(), atol=2e-5)
            # The way through both extremes is at least the distance, at most all the way.
            assert travel[trace, row] >= np.ptp(values) - 2e-5
            assert travel[trace, row] <= np.abs(np.diff(values)).sum() + 2e-5
    assert low.dtype == dtype


def test_a_trace_of_nan_stays_nan_and_leaves_others_alone():
    traces = np.ones((2, 30))
    traces[0] = np.nan
    low, high, _ = RowCells(30, 7).extremes(traces)
    assert np.isnan(low[0]).all() and np.isnan(high[0]).all()
    assert (low[1] == 1).all() and (high[1] == 1).all()


@settings(max_examples=30, deadline=None)
@given(place=st.floats(3, COLUMNS - 3), linewidth=st.floats(0.3, 4))
def test_a_line_at_rest_covers_its_width_at_its_place(place, linewidth):
    picture = draw(np.full(50, place), 9, linewidth=linewidth)[0]
    pixels = np.arange(COLUMNS)
    covered = np.minimum(pixels + 1, place + linewidth / 2)
    covered = np.clip(covered - np.maximum(pixels, place - linewidth / 2), 0, 1)
    np.testing.assert_allclose(picture, np.tile(covered, (9, 1)), atol=1e-3)
    # Paper without ink is exactly 0, not nearly.
    far = np.abs(np.arange(COLUMNS) + 0.5 - place) > linewidth / 2 + 1
    assert (picture[:, far] == 0).all()


@pytest.mark.parametrize("slope", [0.1, 0.5, 1.0, 2.0, 5.0])
def test_a_slanting_line_has_the_ink_of_its_length(slope):
    n_rows = 6
    picture = draw(np.linspace(3, 3 + slope * n_rows, 200), n_rows)[0]
    wanted = np.hypot(1, slope)
    np.testing.assert_allclose(picture.sum(axis=1), wanted, rtol=0.02)
    centre = picture @ (np.arange(COLUMNS) + 0.5) / picture.sum(axis=1)
    # Within a pixel ink has no place.
    np.testing.assert_allclose(centre, 3 + slope * (np.arange(n_rows) + 0.5), atol=0.25)


def test_pictures_are_those_of_brute_force():
    """Against a line of points drawn 24 times as fine, up to the flat profile within a row."""
    n_rows, fine = 30, 24
    times = np.linspace(0, 1, 2000)
    curve = 20 + 9 * np.sin(2 * np.pi * 2 * times) + 3 * np.sin(2 * np.pi * 5 * times)
    dense = np.interp(np.linspace(0, 1, n_rows * fine * 4), times, curve)
    canvas = np.zeros((n_rows * fine, COLUMNS * fine))
    rows = np.minimum(np.arange(len(dense)) // 4, len(canvas) - 1)
    canvas[rows, (dense * fine).astype(int)] = 1
    canvas = distance_transform_edt(canvas == 0) <= fine / 2
    wanted = canvas.reshape(n_rows, fine, COLUMNS, fine).mean(axis=(1, 3))
    found = np.minimum(draw(curve, n_rows)[0], 1)
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.95
    ink = uniform_filter(found, 3), uniform_filter(wanted, 3)
    assert np.corrcoef(ink[0].ravel(), ink[1].ravel())[0, 1] > 0.99


@settings(max_examples=30, deadline=None)
@given(sample=st.integers(0, 999), n_rows=st.integers(3, 60))
def test_no_sample_is_skipped(sample, n_rows):
    trace = np.full(1000, 10.0)
    trace[sample] = 30.0
    picture = draw(trace, n_rows)[0]
    reached = np.flatnonzero(picture[:, 29] > 0.3)
    # On an edge between two rows both have it.
    assert 1 <= len(reached) <= 2
    assert abs(reached.mean() + 0.5 - sample / 999 * n_rows) <= 1


def test_an_oscillation_within_a_row_is_solid():
    curve = 20 + 8 * np.sin(np.linspace(0, 400, 4000))
    picture = draw(curve, 20)[0]
    assert (np.minimum(picture, 1)[:, 13:27] > 0.99).all()
    assert (picture[:, :11] == 0).all() and (picture[:, 29:] == 0).all()


def test_curves_cut_off_at_the_edges_and_fewer_samples_than_rows():
    picture = draw([-30.0, 70.0], 50)[0]
    assert np.isfinite(picture).all() and picture.min() >= 0
    assert (picture[:10] == 0).all() and (picture[-10:] == 0).all()
    assert (picture.sum(axis=1)[16:34] > 2).all()


@pytest.mark.parametrize("side", ["positive", "negative", "both"])
def test_fill_is_between_curve_and_base(side):
    curve = np.concatenate([np.full(100, 30.0), np.full(100, 10.0)])
    picture = np.minimum(draw(curve, 20, base=[20.0], fill=side)[0], 1)
    upper, lower = picture[:9], picture[11:]
    right, left = (20, 30), (10, 20)
    assert (upper[:, slice(*right)] == 1).all() == (side != "negative")
    assert (lower[:, slice(*left)] == 1).all() == (side != "positive")
    assert (upper[:, :19] == 0).all() and (lower[:, 21:] == 0).all()


def test_each_curve_goes_on_its_picture_and_ink_adds_up():
    curves = np.repeat([[10.0], [10.0], [25.0]], 40, axis=1)
    pictures = draw(curves, 5, picture=np.array([1, 1, 2]), n_pictures=4)
    assert pictures.shape == (4, 5, COLUMNS)
    assert (pictures[[0, 3]] == 0).all()
    np.testing.assert_allclose(pictures[1], 2 * draw(curves[:1], 5)[0])
    np.testing.assert_allclose(pictures[2], draw(curves[2:], 5)[0])


def test_strips_have_their_grey_between_their_edges():
    values = np.array([[0.25, 1.0, 0.0]])
    picture = draw_strips(
        values, np.array([4.5]), np.array([8.0]), np.array([0]), n_pictures=1, n_columns=12
    )[0]
    np.testing.assert_allclose(picture[:, 5:8], np.repeat(values.T, 3, axis=1), atol=1e-3)
    np.testing.assert_allclose(picture[:, 4], values[0] / 2, atol=1e-3)
    assert (picture[:, :4] == 0).all() and (picture[:, 8:] == 0).all()
