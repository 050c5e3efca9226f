"""The picture of a training."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline

from seisclf.neural_network import TrainingDisplay


def test_curves_are_the_history(Tiny, events):
    X, y, _ = events
    net = Tiny(early_stopping=3, max_epochs=20, random_state=0).fit(X, y)
    display = TrainingDisplay.from_estimator(make_pipeline(net).fit(X, y)).plot()
    assert [axis.get_ylabel() for axis in display.axes_] == ["loss", "accuracy", "learning rate"]
    loss = display.axes_[0].lines[0].get_ydata()
    np.testing.assert_allclose(loss, [row["train_loss"] for row in net.history_])
    assert f"epoch {net.best_epoch_}" in display.axes_[1].texts[0].get_text()


def test_one_axis_shows_the_losses(Tiny, events):
    net = Tiny(max_epochs=2).fit(*events[:2])
    figure, axis = plt.subplots()
    display = TrainingDisplay.from_estimator(net).plot(ax=axis)
    assert display.figure_ is figure
    assert len(axis.lines) == 1


def test_what_has_no_history_is_refused(events):
    with pytest.raises(TypeError, match="no history_"):
        TrainingDisplay.from_estimator(DummyClassifier().fit(*events[:2]))
