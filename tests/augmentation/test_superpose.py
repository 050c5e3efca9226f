"""The arithmetic of mosaics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.augmentation._superpose import (
    draw_begins,
    extend_with_noise,
    like_noise,
    shift_arrivals,
    superpose,
)

SEEDS = st.integers(0, 1000)
quick = settings(max_examples=30, deadline=None)


@quick
@given(lengths=st.lists(st.integers(1, 200), min_size=1, max_size=5), seed=SEEDS)
def test_pieces_follow_each_other_inside_the_window(lengths, seed):
    n_samples = sum(lengths) + 100
    begins = draw_begins(lengths, n_samples, np.random.default_rng(seed))
    ends = begins + lengths
    assert begins[0] >= 0 and ends[-1] <= n_samples
    assert (begins[1:] >= ends[:-1]).all()


def test_free_samples_go_everywhere():
    rng = np.random.default_rng(0)
    begins = np.array([draw_begins([100, 100], 1000, rng) for _ in range(300)])
    gaps = np.c_[begins[:, 0], begins[:, 1] - begins[:, 0] - 100, 900 - begins[:, 1]]
    np.testing.assert_allclose(gaps.mean(axis=0), 800 / 3, rtol=0.15)
    assert (gaps.max(axis=0) > 600).all()


def mosaic_of(records, seed=0, span=(-150, 650)):
    return superpose(
        records,
        [20, 180],
        [260],
        span,
        noise_length=60,
        lead=20,
        fade=10,
        rng=np.random.default_rng(seed),
    )


@quick
@given(a=st.floats(-3, 3), b=st.floats(-3, 3), seed=SEEDS)
def test_superposition_is_linear(a, b, seed):
    rng = np.random.default_rng(seed)
    first, second, other = rng.normal(size=(3, 2, 500))
    zero = np.zeros_like(first)
    together = mosaic_of([a * first + b * other, second], seed)
    parts = (
        a * mosaic_of([first, zero], seed)
        + b * mosaic_of([other, zero], seed)
        + mosaic_of([zero, second], seed)
    )
    np.testing.assert_allclose(together, parts, atol=1e-12)


def test_added_record_is_itself_from_its_onset_to_its_end():
    second = np.random.default_rng(1).normal(size=(2, 500))
    mosaic = mosaic_of([np.zeros_like(second), second])
    # The record begins at sample 180 of the time line, whose sample 0 stands at 150; it sets in
    # at 260 and fades in over 10 samples; the mosaic ends before its fading out does.
    np.testing.assert_allclose(mosaic[:, 150 + 270 :], second[:, 90 : 90 + 380])
    assert not mosaic[:, : 150 + 260].any()


def test_record_sets_in_without_a_step():
    second = np.full((1, 500), 5.0)
    added = mosaic_of([np.zeros_like(second), second])[0]
    assert np.abs(np.diff(added)).max() < 5 * np.pi / 2 / 10 * 1.01


def test_base_is_itself_in_the_middle():
    first = np.random.default_rng(2).normal(size=(2, 500))
    mosaic = mosaic_of([first, np.zeros_like(first)])
    np.testing.assert_allclose(mosaic[:, 170 + 10 : 170 + 490], first[:, 10:490])
    assert (mosaic[:, [0, 160, 700, 799]] != 0).all()


@quick
@given(before=st.integers(-50, 300), after=st.integers(-50, 300), seed=SEEDS)
def test_extension_has_the_length_asked_for(before, after, seed):
    record = np.random.default_rng(seed).normal(size=(2, 200)).astype(np.float32)
    original = record.copy()
    extended = extend_with_noise(
        record,
        before=before,
        after=after,
        noise_length=40,
        fade=10,
        rng=np.random.default_rng(seed),
    )
    assert extended.shape == (2, before + 200 + after) and extended.dtype == np.float32
    kept = slice(max(-before, 0) + 10, 190 + min(after, 0))
    np.testing.assert_array_equal(
        extended[:, before + kept.start : before + kept.stop], record[:, kept]
    )
    np.testing.assert_array_equal(record, original)


def test_made_noise_is_like_its_model():
    rng = np.random.default_rng(3)
    # Noise with a colour, and two channels that share most of it.
    common = np.convolve(rng.normal(size=2003), [1, 2, 1], "valid")
    noise = np.stack([common, 0.5 * common + 0.3 * rng.normal(size=2001)])
    made = like_noise(noise, 40_000, rng)
    np.testing.assert_allclose(made.std(axis=1), noise.std(axis=1), rtol=0.05)
    assert np.corrcoef(made)[0, 1] == pytest.approx(np.corrcoef(noise)[0, 1], abs=0.03)
    neighbours = [np.corrcoef(x[0, :-1], x[0, 1:])[0, 1] for x in (made, noise)]
    assert neighbours[0] == pytest.approx(neighbours[1], abs=0.03)
    # Nowhere a hole or a bump: the power is the same all along.
    power = np.square(made).reshape(2, 40, -1).mean(axis=2)
    assert (power.max(axis=1) / power.min(axis=1) < 2).all()


def test_events_wholly_outside_are_forgotten():
    nan = np.nan
    arrivals = np.array(
        [
            [1.0, 3.0, 1.0, 9.0],  # only the coda is inside
            [4.0, 8.0, 4.0, 9.0],  # begins before: P turns negative, S stays
            [14.0, 17.0, nan, nan],  # ends after
            [16.0, 18.0, 16.0, 20.0],  # wholly after
            [nan, 9.0, 9.0, nan],  # single times
        ]
    )
    shifted = shift_arrivals(arrivals, -5.0, 10.0)
    expected = [
        [-4.0, -2.0, -4.0, 4.0],
        [-1.0, 3.0, -1.0, 4.0],
        [9.0, 12.0, nan, nan],
        [nan, nan, nan, nan],
        [nan, 4.0, 4.0, nan],
    ]
    np.testing.assert_array_equal(shifted, expected)
