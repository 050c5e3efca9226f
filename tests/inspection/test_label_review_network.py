"""Label review with a network: relevance beside the event, embedding, second session."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from seisclf.datasets import make_seismic_events
from seisclf.inspection import LabelReview
from seisclf.neural_network import STFTCNNClassifier
from seisclf.preprocessing import Bandpass

RATE = 50.0


@pytest.fixture(scope="module")
def reviewed():
    events = make_seismic_events(
        40, classes=("noise", "rockfall"), n_samples=256, sampling_rate=RATE, random_state=0
    )
    model = make_pipeline(
        Bandpass(sampling_rate=RATE, low=1.0, high=20.0),
        STFTCNNClassifier(
            sampling_rate=RATE, window_length=0.64, max_epochs=2, batch_size=8, random_state=0
        ),
    )
    review = LabelReview(model, cv=2, method="margin", random_state=0)
    return events, review.fit(events.data, events.target, events.metadata)


def test_relevance_for_both_classes_on_the_map_of_the_network(reviewed):
    _, review = reviewed
    shown = list(review.events())
    assert shown, "an untrained network doubts nothing?"
    for event in shown:
        assert set(event.relevance) == {event.label, event.predicted} == {"noise", "rockfall"}
        assert event.relevance_note == ""
        for values in event.relevance.values():
            assert values.shape == event.spectrogram.shape == (
                3, len(event.frequencies), len(event.times)
            )  # fmt: skip
            assert np.isfinite(values).all() and np.abs(values).max() > 0
        assert set(event.conservation_error) == set(event.relevance)
    one, other = shown[0].relevance.values()
    assert not np.allclose(one, other)


def test_rows_and_their_relevance_stay_together(reviewed):
    from seisclf.inspection import layerwise_relevance

    events, review = reviewed
    rows = [7, 3, 20]
    for row, event in zip(rows, review.events(rows=rows), strict=True):
        judge = review.estimators_[review.fold_[row]]
        direct = layerwise_relevance(
            judge, events.data[row : row + 1], target=review.labels_[[row]]
        )
        np.testing.assert_allclose(
            event.relevance[event.label], direct.relevance[0], rtol=1e-3, atol=1e-6
        )
        np.testing.assert_allclose(
            event.conservation_error[event.label], direct.conservation_error[0], atol=1e-3
        )


def test_neighbors_live_in_the_embedding(reviewed):
    events, review = reviewed
    assert review.neighbor_space_ == "embedding"
    judge = review.estimators_[review.fold_[4]]
    inside = judge[-1].embed(judge[:-1].transform(events.data))
    distances = np.linalg.norm(inside - inside[4], axis=1)
    distances[4] = np.inf
    assert review.neighbors_[4, 0] == distances.argmin()


def test_relevance_enters_the_provenance(reviewed):
    _, review = reviewed
    row = int(review.suspects_["row"][0])
    old, new = review.labels_[row], review.predicted_[row]
    decision = {"event_id": review.event_ids_[row], "old_label": old, "new_label": new}
    correction = review.apply_decisions([decision], relevance=True, bands=[(1, 5), (5, 25)])
    text = correction.changes["relevance"][0]
    assert text.startswith("1-5 Hz 0.") and "5-25 Hz" in text
    assert correction.changes["model"][0] == "STFTCNNClassifier"


def test_the_network_goes_on(reviewed):
    events, review = reviewed
    decisions = [
        {"event_id": review.event_ids_[row], "old_label": label, "new_label": label}
        for row, label in enumerate(review.labels_)
    ]
    correction = review.apply_decisions(decisions, noise_distance=None)
    before = review.predict_proba(events.data)
    n_epochs = len(review.estimator_[-1].history_)
    review.continue_fit(correction, max_epochs=2)
    assert len(review.estimator_[-1].history_) > n_epochs
    assert not np.allclose(review.predict_proba(events.data), before)


def test_a_class_that_the_network_does_not_know_is_named(reviewed):
    _, review = reviewed
    line = {"event_id": review.event_ids_[0], "old_label": review.labels_[0]}
    correction = review.apply_decisions([line | {"new_label": "blast"}], noise_distance=None)
    with pytest.raises(ValueError, match=r"classes \['blast'\].*fit a new one"):
        review.continue_fit(correction)
