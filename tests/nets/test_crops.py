"""Where crops lie: in the picture, at the right distance, and as often as they should."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from seisclf.nets.crops import crop_columns, neighboring_crops, random_crops


def numbered(n, width, offset=0):
    """Pictures whose cells are the number of their column."""
    return torch.arange(width, dtype=torch.float64).repeat(n, 2, 3, 1) + offset


def starts(crops):
    for crop in crops:
        # A crop is a run of columns, the same in all rows and channels.
        assert (crop.diff(dim=3) == 1).all()
        assert (crop == crop[:, :1, :1]).all()
    return [crop[:, 0, 0, 0].numpy() for crop in crops]


@given(
    width=st.integers(4, 300),
    crop_width=st.floats(0.01, 0.25),
    seed=st.integers(0, 1000),
)
@settings(max_examples=30, deadline=None)
def test_relations_of_neighboring_crops(width, crop_width, seed):
    torch.manual_seed(seed)
    first, second = numbered(50, width), numbered(50, width, offset=1000)
    crops = neighboring_crops(first, second, crop_width)
    columns = crop_columns(width, crop_width)
    assert all(crop.shape == (50, 2, 3, columns) for crop in crops)
    t, near, far = starts(crops)
    near, far = near - 1000, far - 1000
    for start in (t, near, far):
        assert start.min() >= 0 and start.max() <= width - columns
    assert np.abs(near - t).max() <= columns / 4
    assert np.abs(far - t).min() >= 1.25 * columns


@given(width=st.integers(1, 60), crop_width=st.floats(0.01, 1), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_any_crop_of_any_picture_is_inside(width, crop_width, seed):
    """Also where there is no room for three crops."""
    torch.manual_seed(seed)
    picture = numbered(10, width)
    columns = crop_columns(width, crop_width)
    for crops in (
        neighboring_crops(picture, picture, crop_width),
        random_crops(picture, picture, crop_width),
    ):
        for start in starts(crops):
            assert start.min() >= 0 and start.max() <= width - columns


def test_published_geometry():
    """711 columns, a tenth of them, as in the authors' preprocessing (in parts of the width)."""
    torch.manual_seed(0)
    n, width, columns = 40_000, 711, 71
    picture = torch.arange(width).repeat(n, 1, 1, 1)
    t, near, far = starts(neighboring_crops(picture, picture, 0.1))
    # Centres of the reference: uniform in [0.125, 0.875] of the width.
    centre = (t + columns / 2) / width
    assert stats.kstest(centre, stats.uniform(0.125, 0.75).cdf).pvalue > 1e-4
    # Neighbours: normal with half of a quarter crop, cut at a quarter.
    shift = (near - t) / columns
    expected = stats.truncnorm(-2, 2, scale=0.125)
    assert shift.std() == pytest.approx(expected.std(), rel=0.05)
    assert abs(shift.mean()) < 0.002 and np.abs(shift).max() <= 0.25
    # Distant crops: uniform over what is left of the same range.
    reference = t == np.median(t)
    left = far[reference & (far < t)], far[reference & (far > t)]
    gap = 1.25 * columns / width
    share = (centre[reference][0] - gap - 0.125) / (0.75 - 2 * gap)
    assert len(left[0]) / (len(left[0]) + len(left[1])) == pytest.approx(share, abs=0.2)
    assert ((far + columns / 2) / width).min() == pytest.approx(0.125, abs=0.01)


def test_distant_crops_are_uniform_over_what_is_allowed():
    torch.manual_seed(1)
    picture = torch.arange(40).repeat(60_000, 1, 1, 1)
    t, _, far = starts(neighboring_crops(picture, picture, 0.1))
    for reference in np.unique(t):
        counts = np.unique(far[t == reference], return_counts=True)[1]
        allowed = [s for s in np.unique(t) if abs(s - reference) >= 5]
        assert len(counts) == len(allowed)
        assert stats.chisquare(counts).pvalue > 1e-5


def test_random_crops_have_nothing_to_do_with_each_other():
    torch.manual_seed(2)
    picture = torch.arange(200).repeat(20_000, 1, 1, 1)
    first, second = starts(random_crops(picture, picture, 0.1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    for start in (first, second):
        assert (start.min(), start.max()) == (10, 170)
        counts = np.bincount(start.astype(int) - 10)
        assert stats.chisquare(counts).pvalue > 1e-5


def test_generator_fixes_the_crops_and_gradients_reach_the_picture():
    picture = torch.randn(6, 1, 4, 50, requires_grad=True)
    torch.manual_seed(5)
    first = neighboring_crops(picture, picture)
    torch.manual_seed(5)
    again = neighboring_crops(picture, picture)
    torch.testing.assert_close(first, again)
    torch.cat([crop.flatten() for crop in first]).sum().backward()
    assert picture.grad.sum() == sum(crop.numel() for crop in first)


@pytest.mark.parametrize(
    ("width", "part", "columns"), [(100, 0.29, 29), (711, 0.1, 71), (3, 0.1, 1)]
)
def test_columns(width, part, columns):
    assert crop_columns(width, part) == columns
