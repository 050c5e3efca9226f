"""What a card says of a cluster, whoever found it."""

import numpy as np
import obspy
import pandas as pd
import pytest

from seisclf.cluster import ClusterCardDisplay, DeepCluster, cluster_card


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    t = np.arange(800) / 100
    X = 0.1 * rng.normal(size=(12, 2, 800))
    X[:6] += np.sin(2 * np.pi * 5 * t)
    X[6:] += np.sin(2 * np.pi * 30 * t)
    return X


LABELS = np.array([0] * 6 + [1] * 4 + [-1] * 2)


def test_sizes_shares_and_order(events):
    cards = cluster_card(events, LABELS)
    assert [card.label for card in cards] == [0, 1, -1]
    assert [card.size for card in cards] == [6, 4, 2]
    assert sum(card.share for card in cards) == pytest.approx(1)
    assert cards[2].title == "in no cluster: 2 events (17%)"
    assert np.isnan(cards[2].silhouette)
    assert cards[0].title.startswith("cluster 0: 6 events (50%), silhouette")


def test_examples_are_nearest_to_the_centre(events):
    vectors = np.arange(12.0)[:, None] ** 2
    first, second, _ = cluster_card(events, LABELS, vectors=vectors, n_examples=2)
    mean = vectors[:6].mean()
    expected = np.argsort(np.abs(vectors[:6, 0] - mean))[:2]
    np.testing.assert_array_equal(first.examples, expected)
    np.testing.assert_array_equal(first.waveforms, events[expected, 0])
    given = cluster_card(events, LABELS, vectors=vectors, centers=[[0.0], [81.0]], n_examples=2)
    np.testing.assert_array_equal(given[0].examples, [0, 1])
    assert given[1].examples[0] == 9
    assert len(second.examples) == 2


def test_mean_spectrogram_has_the_pitch(events):
    first, second, _ = cluster_card(events, LABELS)
    for card, pitch in ((first, 5), (second, 30)):
        loudest = card.frequencies[card.spectrogram.mean(axis=1).argmax()]
        assert abs(loudest - pitch) < 5
        assert card.spectrogram.max() <= 0
    again = cluster_card(1e-9 * events, LABELS)[0]  # no unit
    np.testing.assert_allclose(again.spectrogram, first.spectrogram, atol=1e-6)


def test_hours_are_those_of_the_time_zone(events):
    times = pd.to_datetime(["2024-01-01 23:30"] * 6 + ["2024-06-01 02:10"] * 6, utc=True)
    utc = cluster_card(events, LABELS, start_times=times)
    assert utc[0].hours[23] == 6
    assert utc[1].hours[2] == 4
    india = cluster_card(events, LABELS, start_times=pd.Series(times), time_zone="Asia/Kolkata")
    assert india[0].hours[5] == 6
    assert india[1].hours[7] == 4
    plain = cluster_card(events, LABELS, start_times=np.array(times.tz_localize(None)))
    np.testing.assert_array_equal(plain[0].hours, utc[0].hours)
    assert cluster_card(events, LABELS)[0].hours is None


def test_missing_channels_and_pictures(events):
    events[:, 1] = np.nan
    assert np.isfinite(cluster_card(events, LABELS)[0].spectrogram).all()
    pictures = np.random.default_rng(0).uniform(size=(12, 1, 6, 9))
    first = cluster_card(pictures, LABELS, representation="picture")[0]
    np.testing.assert_allclose(first.spectrogram, pictures[:6, 0].mean(axis=0))
    assert first.waveforms.shape == (3, 6, 9)


def test_cards_of_an_estimator(events):
    clusters = DeepCluster(
        n_clusters=2, n_components=2, width=2, size=16, window_length=0.32, log="db",
        max_epochs=0, device="cpu", random_state=0,
    ).fit(events)  # fmt: skip
    cards = clusters.cards(events, start_times=["2024-01-01"] * 12)
    np.testing.assert_array_equal([c.size for c in cards], np.bincount(clusters.labels_))
    nearest = clusters.transform(events)[:, 0]
    nearest[clusters.labels_ != 0] = np.inf
    assert cards[0].examples[0] == nearest.argmin()
    display = ClusterCardDisplay.from_estimator(clusters, events).plot()
    assert display.axes_.shape == (2, 2)


def test_display_draws_a_row_for_each_cluster(events):
    times = pd.date_range("2024-01-01", periods=12, freq="h", tz="UTC")
    display = ClusterCardDisplay.from_labels(events, LABELS, start_times=times).plot()
    assert display.axes_.shape == (3, 3)
    assert display.axes_[0, 0].get_title(loc="left").startswith("cluster 0: 6 events")
    bars = [bar.get_height() for bar in display.axes_[0, 2].patches[:24]]
    assert sum(bars) == 6
    assert "UTC" in display.axes_[-1, 2].get_xlabel()
    display.figure_.canvas.draw()


def test_labels_that_came_as_floats_are_the_same(events):
    titles = [card.title for card in cluster_card(events, LABELS.astype(float))]
    assert titles == [card.title for card in cluster_card(events, LABELS)]
    with pytest.raises(ValueError, match="labels"):
        cluster_card(events, np.where(LABELS < 0, np.nan, LABELS))


def test_times_of_obspy(events):
    times = pd.date_range("2024-01-01", periods=12, freq="h", tz="UTC")
    theirs = [obspy.UTCDateTime(time.isoformat()) for time in times]
    for ours, of_obspy in zip(
        cluster_card(events, LABELS, start_times=times),
        cluster_card(events, LABELS, start_times=theirs),
        strict=True,
    ):
        np.testing.assert_array_equal(ours.hours, of_obspy.hours)


def test_infinity_and_nothing_are_refused(events):
    with pytest.raises(ValueError, match="no events"):
        cluster_card(events[:0], [])
    with pytest.raises(ValueError, match="at least one card"):
        ClusterCardDisplay([])
    events[3] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        cluster_card(events, LABELS, vectors=np.arange(12.0)[:, None])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"representation": "sound"}, "representation must be"),
        ({"start_times": ["2024-01-01"] * 3}, "start_times"),
        ({"start_times": ["2024-01-01"] * 11 + [None]}, "1 of them missing"),
        ({"start_times": ["2024-01-01"] * 12, "time_zone": "Mars/Olympus"}, "time_zone"),
        (
            {"start_times": ["2024-01-01", "2024-01-02T10:00:00.5"] * 6},
            "start_times cannot be read",
        ),
        ({"start_times": np.arange(12) * 3600.0 + 1.7e9}, "start_times must be times"),
        ({"start_times": ["2024-01-01"] * 12, "time_zone": 5}, "time_zone"),
        ({"n_examples": -1}, "n_examples"),
        ({"channel": 2}, "channel=2 is none of the 2"),
        ({"sampling_rate": 0}, "sampling_rate"),
        ({"centers": np.zeros((2, 3))}, "centers has 3 columns"),
        ({"centers": np.zeros((1, 1))}, "centers has 1 rows"),
        ({"vectors": np.zeros((3, 1))}, "inconsistent"),
    ],
)
def test_errors_name_the_parameter(events, settings, message):
    settings = {"vectors": np.arange(12.0)[:, None], **settings}
    with pytest.raises(ValueError, match=message):
        cluster_card(events, LABELS, **settings)
