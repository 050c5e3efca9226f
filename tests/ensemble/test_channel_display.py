"""ChannelVotesDisplay: one event, every channel's answer, and the mean."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from seisclf.ensemble import ChannelEnsembleClassifier, ChannelVotesDisplay
from seisclf.preprocessing import WaveformScaler

CLASSES = ["rockfall", "slope HF", "slope LF", "multi", "tremor", "regional", "spikes", "noise"]


@pytest.fixture(scope="module")
def votes():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(8), size=24)
    probabilities[[3, 20]] = np.nan
    return probabilities


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4, 60)), np.repeat(["quake", "rockfall"], 10)
    X[0, 1] = np.nan
    return ChannelEnsembleClassifier(LogisticRegression()).fit(X, y), X, y


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_every_number_can_be_read(votes):
    names = [f"G{g}{c}" for g in range(1, 9) for c in "ZNE"]
    display = ChannelVotesDisplay(votes, CLASSES, y_true="multi", channel_names=names).plot()
    display.figure_.canvas.draw()
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == names
    shown = texts(display.ax_)
    assert shown.count("no vote") == 2
    numbers = [text for text in shown if text.replace(".", "").isdigit()]
    assert numbers == [f"{v:.2f}" for v in votes[~np.isnan(votes)].ravel()]
    assert texts(display.mean_ax_) == [f"{v:.2f}" for v in np.nanmean(votes, axis=0)]
    renderer = display.figure_.canvas.get_renderer()
    boxes = [t.get_window_extent(renderer) for t in display.ax_.texts if t.get_text() in numbers]
    first, below = boxes[0], boxes[8]
    assert boxes[0].x1 < boxes[1].x0 and below.y1 < first.y0, "numbers overlap"
    classes = display.mean_ax_.get_xticklabels()
    assert [label.get_fontweight() for label in classes].count("bold") == 1
    assert classes[3].get_fontweight() == "bold"
    assert "true: multi" in display.ax_.get_title(loc="left")


@pytest.mark.parametrize("show", [None, "waveform", "spectrogram"])
def test_from_an_ensemble(fitted, show):
    ensemble, X, y = fitted
    display = ChannelVotesDisplay.from_estimator(
        ensemble, X[0], y_true=y[0], show=show, sampling_rate=20.0
    )
    np.testing.assert_array_equal(display.probabilities, ensemble.predict_proba_channels(X[:1])[0])
    np.testing.assert_array_equal(display.combined, ensemble.predict_proba(X[:1])[0])
    assert display.predicted == ensemble.predict(X[:1])[0]
    assert (display.waveform_ax_ is None) == (show is None)
    if show == "waveform":
        assert len(display.waveform_ax_.lines) == 3  # one is missing
        assert display.waveform_ax_.get_xlim() == (0, 3)
    display.figure_.canvas.draw()


def test_pipelines_stations_and_axes(fitted):
    from matplotlib import pyplot as plt

    ensemble, X, y = fitted
    X = np.nan_to_num(X)
    X[0, 1] = np.random.default_rng(0).normal(size=60)
    pipeline = make_pipeline(WaveformScaler(), ChannelEnsembleClassifier(LogisticRegression()))
    pipeline.fit(X, y)
    _, ax = plt.subplots()
    display = ChannelVotesDisplay.from_estimator(pipeline, X[:1], ax=ax)
    assert display.ax_ is ax and display.mean_ax_ is ax
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["1", "2", "3", "4", "mean"]
    np.testing.assert_allclose(display.combined, pipeline.predict_proba(X[:1])[0])
    stations = X.reshape(20, 2, 2, 60)
    of_network = ChannelEnsembleClassifier(LogisticRegression(), voting="hard").fit(stations, y)
    display = ChannelVotesDisplay.from_estimator(of_network, stations[0])
    assert display.channel_names == ["1.1", "1.2", "2.1", "2.2"]
    assert display.mean_name == "share of votes"


def test_refusals(fitted, votes):
    ensemble, X, _ = fitted
    with pytest.raises(ValueError, match="event must be one event"):
        ChannelVotesDisplay.from_estimator(ensemble, X.reshape(5, 4, 4, 60))
    with pytest.raises(TypeError, match="must be a ChannelEnsembleClassifier"):
        ChannelVotesDisplay.from_estimator(LogisticRegression(), X[0])
    with pytest.raises(ValueError, match="channel_names has 2 of 4"):
        ChannelVotesDisplay.from_estimator(ensemble, X[0], channel_names=["a", "b"])
    with pytest.raises(ValueError, match="needs waveform="):
        ChannelVotesDisplay(votes, CLASSES).plot(show="waveform")
    with pytest.raises(ValueError, match="show must be"):
        ChannelVotesDisplay(votes, CLASSES).plot(show="sound")
    with pytest.raises(ValueError, match=r"n_channels, 3"):
        ChannelVotesDisplay(votes, ["a", "b", "c"])
