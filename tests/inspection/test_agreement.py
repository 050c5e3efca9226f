"""Agreement of experts, held to published and hand-made numbers."""

import numpy as np
import pytest

from seisclf.inspection import label_agreement
from seisclf.inspection._agreement import fleiss_kappa

# The worked example of Fleiss (1971) as printed in text books: ten subjects, fourteen raters,
# five categories, kappa 0.210.
FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)


def votes(**experts):
    """One letter of each expert for each event; "-" for no decision."""
    return [
        {"event_id": str(i), "row": i, "old_label": "q", "new_label": label, "expert": expert}
        for expert, labels in experts.items()
        for i, label in enumerate(labels)
        if label != "-"
    ]


def test_fleiss_kappa_of_the_worked_example():
    assert fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_is_that_of_statsmodels():
    irr = pytest.importorskip("statsmodels.stats.inter_rater")
    counts = np.random.default_rng(0).multinomial(6, [0.5, 0.3, 0.2], size=40)
    assert fleiss_kappa(counts) == pytest.approx(irr.fleiss_kappa(counts))


def test_fleiss_kappa_with_different_numbers_of_experts():
    counts = [[2, 0], [1, 2], [1, 0], [0, 3]]  # the third has one expert and does not count
    observed = (1 + 1 / 3 + 1) / 3
    shares = np.array([3, 5]) / 8
    expected = (shares**2).sum()
    assert fleiss_kappa(counts) == pytest.approx((observed - expected) / (1 - expected))


def test_cohen_kappa_by_hand():
    """Ten events: 8 agreed, both say q 6 times; kappa = (0.8 - 0.52) / (1 - 0.52)."""
    found = label_agreement(votes(ada="qqqqqqrrrr", ben="qqqqqrrrrq"))
    line = found.cohen_kappa.iloc[0]
    assert (line["expert_a"], line["expert_b"], line["n_events"]) == ("ada", "ben", 10)
    assert line["agreement"] == pytest.approx(0.8)
    assert line["kappa"] == pytest.approx((0.8 - 0.52) / 0.48)


def test_pairs_share_only_what_both_decided():
    found = label_agreement(votes(ada="qr-q", ben="qrr-", cyd="---q"))
    pairs = found.cohen_kappa.set_index(["expert_a", "expert_b"])
    assert pairs.loc[("ada", "ben"), "n_events"] == 2
    assert pairs.loc[("ada", "ben"), "kappa"] == pytest.approx(1)
    assert pairs.loc[("ben", "cyd"), "n_events"] == 0
    assert np.isnan(pairs.loc[("ben", "cyd"), "kappa"])
    assert np.isnan(pairs.loc[("ada", "cyd"), "kappa"])  # one label throughout


def test_consensus_weighs_by_confidence():
    decisions = votes(ada="qq", ben="rr", cyd="r-")
    for line in decisions:
        line["confidence"] = {"ada": 0.9, "ben": 0.4, "cyd": 0.4}[line["expert"]]
    consensus = label_agreement(decisions).consensus.set_index("event_id")
    assert consensus.loc["0", "label"] == "q"  # 0.9 against 0.8
    assert consensus.loc["0", "share"] == pytest.approx(0.9 / 1.7)
    assert consensus.loc["0", "n_experts"] == 3
    assert consensus.loc["1", "label"] == "q"


def test_ties_have_no_label():
    consensus = label_agreement(votes(ada="qr", ben="rr")).consensus
    assert consensus["tie"].tolist() == [True, False]
    assert consensus["label"].tolist() == ["", "r"]
    assert "ada: q (1.00)" in consensus["votes"][0]


def test_agreement_by_class():
    """q: votes 1+2, of the other expert's votes 0 and 2 the same: 2 of 3. r: 1+2, also 2 of 3."""
    found = label_agreement(votes(ada="qqr", ben="rqr")).by_class.set_index("label")
    assert found["n_votes"].tolist() == [3, 3]
    np.testing.assert_allclose(found["agreement"], 2 / 3)
    np.testing.assert_allclose(found["kappa"], (2 / 3 - 1 / 2) / (1 / 2))


def test_unsure_is_no_vote_and_drop_is_one():
    decisions = votes(ada="qq", ben="qq")
    decisions[0]["action"] = "unsure"
    decisions[1]["action"] = "drop"
    found = label_agreement(decisions)
    assert found.consensus["n_experts"].tolist() == [2, 1]
    assert "(drop)" in found.by_class["label"].tolist()
    assert found.cohen_kappa["n_events"].tolist() == [1]


def test_one_expert_agrees_with_nobody():
    found = label_agreement(votes(ada="qr"))
    assert found.cohen_kappa.empty and found.by_class.empty
    assert np.isnan(found.fleiss_kappa)
    assert "1 experts, 2 events" in str(found)


def test_an_event_is_the_same_whatever_its_row_on_the_page():
    decisions = votes(ada="qqr", ben="qrr")
    for i, decision in enumerate(decisions):
        decision["row"] = i if i < 3 else 100 + i  # ben's page was another one
    decisions[5].pop("row")
    found = label_agreement(decisions)
    assert found.cohen_kappa["n_events"].tolist() == [3]
    assert found.n_events == 3
    # Where an expert decides on two stations of an event, these are two.
    stations = [
        d | {"event_id": "a", "row": i % 3} for i, d in enumerate(votes(ada="qqr", ben="qrr"))
    ]
    assert label_agreement(stations).cohen_kappa["n_events"].tolist() == [3]
