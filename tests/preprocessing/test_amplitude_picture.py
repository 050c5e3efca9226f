"""Pictures of single traces."""

import numpy as np
import pytest

from seisclf.preprocessing import AmplitudePicture


def make(n_samples=1000):
    """A trace that is a single spike up at 2.5 s, and one that is a spike down at 7.5 s."""
    X = np.zeros((1, 2, n_samples))
    X[0, 0, n_samples // 4] = 5.0
    X[0, 1, 3 * n_samples // 4] = -1.0
    return X


def test_time_goes_right_and_amplitude_up():
    picture = AmplitudePicture(size=(100, 200))
    up, down = picture.fit_transform(make())[0]
    # The line at rest is half way up; the spike takes nine tenths of the height.
    for image, sign, place in ((up, 1, 2.5), (down, -1, 7.5)):
        heights = 50 - (np.arange(100) + 0.5)
        reached = heights[image.max(axis=1) > 0.3]
        edge = reached.max() if sign > 0 else -reached.min()
        assert abs(edge - 45) <= 1.5
        column = np.abs(heights @ image / image.sum(axis=0)).argmax()
        assert abs(picture.times_[column] - place) < 0.1


@pytest.mark.parametrize("style", ["wiggle", "fill", "density"])
def test_scale_says_whose_amplitude_shows(style):
    X = np.random.default_rng(0).normal(size=(3, 2, 400))
    other = X * np.array([[[1.0], [4.0]]])
    louder = 10 * X
    for scale, by_trace, by_event in (
        ("trace", True, True),
        ("event", False, True),
        (None, False, False),
    ):
        draw = AmplitudePicture(size=32, style=style, scale=scale, limit=5.0).fit_transform
        assert np.allclose(draw(other), draw(X), atol=1e-3) == by_trace
        assert np.allclose(draw(louder), draw(X), atol=1e-3) == by_event


def test_limit_is_an_amplitude_in_all_events():
    X = np.zeros((2, 400))
    X[:, 100], X[0, 200], X[1, 200] = -1e-9, 0.5, 1.0
    half, full = AmplitudePicture(size=(100, 40), scale=None).fit_transform(X)[:, 0]
    top = [50 - np.flatnonzero(image.max(axis=1) > 0.3)[0] for image in (half, full)]
    assert abs(top[0] - 22.5) < 1.6 and abs(top[1] - 45) < 1.6


def test_fill_and_density():
    X = make()[:, :1]
    X[..., 100:900] += np.where(np.arange(800) % 2, 5.0, -5.0)
    solid = AmplitudePicture(size=(40, 20), style="fill").fit_transform(X)[0, 0]
    assert (solid[4:36, 3:17] > 0.99).all()
    dark = AmplitudePicture(size=(40, 20), style="density").fit_transform(X)[0, 0]
    assert (np.ptp(dark, axis=0) == 0).all()
    assert (dark[0, 3:17] > 0.45).all() and dark[0, 0] < 0.02


def test_shapes_dtype_and_missing_stations():
    X = np.random.default_rng(0).normal(size=(4, 3, 2, 300)).astype(np.float32)
    X[1, 2] = np.nan
    pictures = AmplitudePicture(size=(8, 12)).fit_transform(X)
    assert pictures.shape == (4, 3, 2, 8, 12) and pictures.dtype == np.float32
    assert np.isnan(pictures[1, 2]).all()
    pictures[1, 2] = 0
    assert pictures.min() == 0 and pictures.max() <= 1
    alone = AmplitudePicture(size=(8, 12)).fit_transform(X[:, 0])
    np.testing.assert_array_equal(alone, pictures[:, 0])
    flat = AmplitudePicture(size=(8, 12)).fit_transform(X[:, 0, 0])
    np.testing.assert_array_equal(flat, pictures[:, 0, :1])


def test_a_missing_station_does_not_set_the_scale_of_its_event():
    X = np.random.default_rng(0).normal(size=(2, 3, 1, 300))
    X[1, 2] = np.nan
    pictures = AmplitudePicture(size=16, scale="event").fit_transform(X)
    rest = AmplitudePicture(size=16, scale="event").fit_transform(X[:, :2])
    np.testing.assert_array_equal(pictures[1, :2], rest[1])


def test_threads_and_chunks_change_nothing():
    X = np.random.default_rng(0).normal(size=(40, 3, 500))
    one = AmplitudePicture(n_threads=1).fit_transform(X)
    np.testing.assert_array_equal(AmplitudePicture(n_threads=3).fit_transform(X), one)
    np.testing.assert_array_equal(AmplitudePicture().fit_transform(X[5:6]), one[5:6])


@pytest.mark.parametrize("value", [3.0, 1234.5678, 1e9 / 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_trace_is_a_straight_line(value, dtype):
    X = np.full((1, 303), value, dtype=dtype)
    picture = AmplitudePicture(size=(20, 10)).fit_transform(X)[0, 0]
    np.testing.assert_allclose(picture.sum(axis=0), 1, atol=1e-3)
    assert (picture[9:11] > 0.49).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"style": "line"}, "style must be one of"),
        ({"scale": "section"}, "scale must be one of"),
        ({"limit": -1.0}, "limit must be positive"),
        ({"size": (8, 0)}, "size must be an int or"),
        ({"limit": "1"}, "limit must be positive and finite, got '1'"),
        ({"n_threads": 0}, "n_threads must be None or an int"),
    ],
)
def test_wrong_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        AmplitudePicture(**params).fit(make())
