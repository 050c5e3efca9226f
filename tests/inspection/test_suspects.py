"""Which labels are doubted: worked out by hand, against cleanlab, and on planted errors."""

import numpy as np
import pytest

from seisclf.inspection._suspects import (
    confident_joint,
    doubt_of,
    find_suspects,
    reason,
    resolve_method,
    self_confidence,
)

# Three events labelled 0, three labelled 1; the third of each belongs to the other class.
CODES = np.array([0, 0, 0, 1, 1, 1])
P = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.7, 0.3]])


def test_self_confidence_by_hand():
    np.testing.assert_allclose(self_confidence(CODES, P), [1.8 / 3, 1.8 / 3])


def test_confident_joint_by_hand():
    np.testing.assert_allclose(confident_joint(CODES, P), [[2, 1], [1, 2]])


def test_joint_is_scaled_to_the_number_of_labels():
    # The second event reaches no threshold: two counted events stand for three.
    p = P.copy()
    p[1] = [0.45, 0.55]
    joint = confident_joint(CODES, p)
    np.testing.assert_allclose(joint.sum(axis=1), [3, 3])
    np.testing.assert_allclose(joint[0], [1.5, 1.5])


def test_less_sure_classes_are_judged_by_their_own_measure():
    # Class 1 never gets more than 0.45: events that reach that are its own, argmax or not.
    codes = np.array([0] * 4 + [1] * 4)
    p0 = np.array([0.95, 0.9, 0.92, 0.56, 0.58, 0.6, 0.57, 0.59])
    p = np.column_stack([p0, 1 - p0])
    assert confident_joint(codes, p)[0, 1] == 1
    assert not find_suspects(codes, p, "confident_learning")[4:].any()
    assert find_suspects(codes, p, "margin")[4:].all()


def test_doubt_by_hand():
    p = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(doubt_of(np.array([0, 0]), p), [0.25, 1.0])


@pytest.mark.parametrize("method", ["margin", "confident_learning"])
def test_events_that_no_fold_tested_are_not_suspect(method):
    p = np.vstack([P, [np.nan, np.nan]])
    mask = find_suspects(np.append(CODES, 0), p, method)
    np.testing.assert_array_equal(np.flatnonzero(mask), [2, 5])
    assert np.isnan(doubt_of(np.append(CODES, 0), p)[-1])


@pytest.mark.parametrize("method", ["margin", "confident_learning", "cleanlab"])
def test_methods_agree_on_the_obvious(method):
    if method == "cleanlab":
        pytest.importorskip("cleanlab")
    codes, p = np.tile(CODES, 10), np.tile(P, (10, 1))
    mask = find_suspects(codes, p, method)
    np.testing.assert_array_equal(mask, np.tile([False, False, True] * 2, 10))


def test_confident_joint_is_that_of_cleanlab():
    count = pytest.importorskip("cleanlab.count")
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 300)
    p = rng.dirichlet(np.ones(3), 300) + 1.0 * np.eye(3)[np.where(rng.random(300) < 0.8, codes, 0)]
    p /= p.sum(axis=1, keepdims=True)
    theirs = count.compute_confident_joint(codes, p, calibrate=False)
    theirs = theirs / theirs.sum(axis=1, keepdims=True) * np.bincount(codes)[:, None]
    np.testing.assert_allclose(confident_joint(codes, p), theirs, rtol=1e-12)


def test_cleanlab_takes_classes_that_only_exist_elsewhere():
    pytest.importorskip("cleanlab")
    codes, p = np.tile(CODES, 10), np.tile(P, (10, 1))
    wider = np.insert(p, 1, 0.0, axis=1)  # class 1 of three has no labels
    mask = find_suspects(np.where(codes == 1, 2, 0), wider, "cleanlab")
    np.testing.assert_array_equal(mask, find_suspects(codes, p, "cleanlab"))


def test_auto_names_what_it_uses(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert resolve_method("auto") == "margin"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert resolve_method("auto") == "cleanlab"
    with pytest.raises(ValueError, match="method must be one of"):
        resolve_method("guess")


def test_reasons_are_sentences():
    text = reason("quake", "rockfall", 0.02, 0.93, 0.71, True)
    assert text == (
        "the classifier says rockfall with 0.93, quake with 0.02; events labelled quake get 0.71 "
        "on average"
    )
    assert "agrees" in reason("quake", "quake", 0.9, 0.9, 0.71, False)
    assert "not unusual enough" in reason("quake", "noise", 0.4, 0.5, 0.41, False)
    assert "not judged" in reason("quake", "quake", np.nan, np.nan, 0.7, False)
