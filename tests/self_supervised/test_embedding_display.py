"""Embeddings as a picture."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from sklearn.preprocessing import StandardScaler

from seisclf.self_supervised import EmbeddingDisplay

Z = np.random.default_rng(0).normal(size=(40, 6)) * [9, 4, 1, 1, 1, 1]
Y = np.array(["fall", "slide", "-1", "flow"] * 10)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def drawn(display):
    """Points and colour of each entry of the legend."""
    return {
        part.get_label(): (part.get_offsets(), to_hex(part.get_facecolor()[0]), part.get_zorder())
        for part in display.ax_.collections
    }


def test_classes_have_colours_and_unlabelled_rows_lie_behind():
    display = EmbeddingDisplay.from_embedding(Z, Y, name="VNIbCReg").plot()
    parts = drawn(display)
    assert set(parts) == {"fall", "slide", "flow", "unlabelled"}
    np.testing.assert_allclose(parts["slide"][0], display.points[Y == "slide"])
    np.testing.assert_allclose(parts["unlabelled"][0], display.points[Y == "-1"])
    assert len({colour for _, colour, _ in parts.values()}) == 4
    assert all(parts["unlabelled"][2] < parts[name][2] for name in ("fall", "slide", "flow"))
    assert display.ax_.get_title(loc="left") == "VNIbCReg"
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["fall", "flow", "slide", "unlabelled"]


def test_axes_name_the_variance_they_explain():
    display = EmbeddingDisplay.from_embedding(Z).plot()
    share = np.sort(np.linalg.eigvalsh(np.cov(Z.T)))[::-1] / np.trace(np.cov(Z.T))
    assert display.ax_.get_xlabel() == f"PC 1 ({share[0]:.0%} of the variance)"
    assert display.ax_.get_ylabel() == f"PC 2 ({share[1]:.0%} of the variance)"
    assert display.ax_.get_legend() is None and len(display.ax_.collections) == 1


@pytest.mark.parametrize("y", [np.arange(40) % 3 - 1, (np.arange(40) % 3 - 1).astype(object)])
def test_numbers_may_be_labels(y):
    assert set(drawn(EmbeddingDisplay.from_embedding(Z, y).plot())) == {"0", "1", "unlabelled"}


def test_given_axis_and_estimator():
    _, ax = plt.subplots()
    display = EmbeddingDisplay.from_estimator(StandardScaler().fit(Z), Z, Y).plot(ax)
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert ax.get_title(loc="left") == "StandardScaler"
    again = EmbeddingDisplay.from_embedding(StandardScaler().fit_transform(Z))
    np.testing.assert_allclose(display.points, again.points)


@pytest.mark.slow
def test_umap_keeps_neighbors_together():
    pytest.importorskip("umap")
    far = np.repeat([0, 50], 20)
    display = EmbeddingDisplay.from_embedding(Z + far[:, np.newaxis], far, method="umap").plot()
    assert display.ax_.get_xlabel() == "UMAP 1"
    left, right = (display.points[far == side] for side in (0, 50))
    spread = np.linalg.norm(left - left.mean(axis=0), axis=1).max()
    assert np.linalg.norm(left.mean(axis=0) - right.mean(axis=0)) > spread


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match="method must be one of"):
        EmbeddingDisplay.from_embedding(Z, method="tsne")
    with pytest.raises(ValueError, match="inconsistent numbers"):
        EmbeddingDisplay.from_embedding(Z, Y[:3])
    with pytest.raises(ValueError, match="minimum of 2"):
        EmbeddingDisplay.from_embedding(Z[:, :1])
