"""Comparing: same folds, honest scores, nothing of the user's changed."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seisclf.model_selection import CalendarKFold, EventKFold, LeakageError, compare_estimators

SEEN = []


class Watcher(ClassifierMixin, BaseEstimator):
    """Predicts the commonest class; notes what its fit was given, and in which state."""

    def __init__(self, strength=1, n_jobs=None, device=None, fail=False):
        self.strength = strength
        self.n_jobs = n_jobs
        self.device = device
        self.fail = fail

    def fit(self, X, y, groups=None):
        if self.fail:
            raise ArithmeticError("diverged")
        self.classes_, counts = np.unique(y, return_counts=True)
        self.best_ = self.classes_[counts.argmax()]
        SEEN.append({"groups": groups, "n": len(X), "n_jobs": self.n_jobs})
        return self

    def predict(self, X):
        return np.full(len(X), self.best_)


@pytest.fixture(autouse=True)
def forget():
    SEEN.clear()


def test_scores_are_those_of_cross_validate(catalogue):
    X, y, metadata = catalogue
    cv = CalendarKFold(4)
    comparison = compare_estimators(
        {"bayes": GaussianNB(), "chance": DummyClassifier()}, X, y, cv=cv, metadata=metadata
    )
    own = cross_validate(GaussianNB(), X, y, cv=cv, groups=metadata, scoring="f1_macro")
    frame = comparison.to_frame()
    mine = frame[(frame["estimator"] == "bayes") & (frame["metric"] == "f1_macro")]
    np.testing.assert_allclose(mine["score"], own["test_score"])
    assert comparison.best_name_ == "bayes"
    assert list(frame.columns) == [
        "estimator", "fold", "metric", "score", "fit_time", "score_time", "n_train", "n_test",
    ]  # fmt: skip
    assert len(frame) == 2 * 4 * 3
    summary = comparison.summary()
    assert summary.index.tolist() == ["bayes", "chance"]
    assert summary.loc["bayes", ("f1_macro", "mean")] == pytest.approx(mine["score"].mean())
    assert summary.loc["bayes", ("f1_macro", "std")] == pytest.approx(mine["score"].std(ddof=1))


def test_predictions_are_out_of_fold_and_confusion_counts_events(catalogue):
    X, y, metadata = catalogue
    comparison = compare_estimators(
        {"neighbour": KNeighborsClassifier(1)}, X, y, cv=EventKFold(5), metadata=metadata
    )
    predictions = comparison.predictions_
    assert sorted(predictions["row"]) == list(range(len(y)))
    # A nearest neighbour knows every row it was trained on: leaked rows would be all right.
    assert (predictions["y_pred"] == predictions["y_true"]).mean() < 0.95
    assert comparison.confusion().to_numpy().sum() == 60
    assert comparison.confusion(by="row").to_numpy().sum() == 120
    assert comparison.report().loc["rockfall", "events"] == 20
    assert comparison.report(by="row").loc["rockfall", "rows"] == 40
    assert len(comparison.events()) == 60


def test_leaking_and_class_less_folds_are_refused_before_any_fit(catalogue):
    X, y, metadata = catalogue
    with pytest.raises(LeakageError, match="allow_leakage"):
        compare_estimators({"w": Watcher()}, X, y, cv=KFold(7, shuffle=True), metadata=metadata)
    order = np.argsort(y, kind="stable")
    with pytest.raises(ValueError, match="no train rows of class"):
        compare_estimators(
            {"w": Watcher()}, X[order], y[order], cv=KFold(3), metadata=metadata.iloc[order]
        )
    assert SEEN == []
    allowed = compare_estimators(
        {"w": Watcher()},
        X,
        y,
        cv=KFold(7, shuffle=True, random_state=0),
        metadata=metadata,
        allow_leakage=("event", "overlap"),
    )
    assert any("leak by event, as allowed" in note for note in allowed.notes_)


def test_without_metadata_it_says_that_nothing_was_checked(catalogue):
    X, y, _ = catalogue
    with pytest.warns(UserWarning, match="cannot see which rows belong together"):
        comparison = compare_estimators({"d": DummyClassifier()}, X, y, cv=3)
    assert "not checked" in repr(comparison)


@pytest.mark.parametrize("routing", [False, True])
def test_nested_grouped_search(catalogue, routing):
    X, y, metadata = catalogue
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    grouped = GridSearchCV(pipeline, {"logisticregression__C": [0.01, 1]}, cv=GroupKFold(3))
    ours = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-2]}, cv=CalendarKFold(3))
    before = [repr(grouped), repr(ours)]
    with sklearn.config_context(enable_metadata_routing=routing):
        comparison = compare_estimators(
            {"grouped": grouped, "ours": ours}, X, y, cv=CalendarKFold(4), metadata=metadata
        )
        assert sklearn.get_config()["enable_metadata_routing"] is routing
    assert [repr(grouped), repr(ours)] == before
    assert not hasattr(grouped, "best_params_")
    assert len(comparison.inner_) == 8
    assert comparison.inner_["inner_score"].between(0, 1).all()
    if not routing:  # the sum of its parts: what scikit-learn itself gives
        with sklearn.config_context(enable_metadata_routing=True):
            own = cross_validate(
                grouped,
                X,
                y,
                params={"groups": metadata["event_id"].to_numpy()},
                cv=list(CalendarKFold(4).split(X, y, metadata)),
                scoring="f1_macro",
            )
        scores = comparison.per_fold_.query("estimator == 'grouped' and metric == 'f1_macro'")
        np.testing.assert_allclose(scores["score"], own["test_score"])


def test_groups_reach_estimators_that_take_them_wherever_they_sit(catalogue):
    X, y, metadata = catalogue
    estimators = {
        "plain": Watcher(),
        "in a pipeline": make_pipeline(StandardScaler(), Watcher()),
        "in a search": GridSearchCV(Watcher(), {"strength": [1, 2]}, cv=2),
        "candidate": GridSearchCV(
            make_pipeline(StandardScaler(), Watcher()),
            {"watcher": [Watcher(2), Watcher(3)]},
            cv=2,
        ),
    }
    compare_estimators(estimators, X, y, cv=EventKFold(2), metadata=metadata)
    assert len(SEEN) >= 2 + 2 + 2 * 5 + 2 * 5
    for fit in SEEN:
        assert fit["groups"] is not None and len(fit["groups"]) == fit["n"]
        assert set(fit["groups"]) <= set(metadata["event_id"])
    assert estimators["plain"].get_metadata_routing().fit.requests["groups"] is None


def test_given_groups_are_what_estimators_get(catalogue):
    X, y, metadata = catalogue
    compare_estimators({"w": Watcher()}, X, y, cv=2, groups="site", metadata=metadata)
    assert [set(fit["groups"]) for fit in SEEN] in ([{"east"}, {"west"}], [{"west"}, {"east"}])


def test_users_requests_are_kept(catalogue):
    X, y, metadata = catalogue
    with sklearn.config_context(enable_metadata_routing=True):
        refuses = Watcher().set_fit_request(groups=False)
    compare_estimators({"w": refuses}, X, y, cv=2, metadata=metadata)
    assert all(fit["groups"] is None for fit in SEEN)


def test_sample_weight_trains_and_does_not_score(catalogue):
    X, y, metadata = catalogue
    weight = np.where(y == "rockfall", 50.0, 1.0)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), GaussianNB()), {"gaussiannb__priors": [None]}, cv=2
    )
    options = {"cv": EventKFold(3), "metadata": metadata}
    plain = compare_estimators({"a": GaussianNB(), "b": search}, X, y, **options)
    weighted = compare_estimators(
        {"a": GaussianNB(), "b": search}, X, y, sample_weight=weight, **options
    )
    for name in "ab":
        assert weighted.confusion(name)["rockfall"].sum() > plain.confusion(name)["rockfall"].sum()
    assert weighted.inner_["inner_score"].notna().all()
    with pytest.raises(ValueError, match="fit of 'knn' takes none"):
        compare_estimators({"knn": KNeighborsClassifier()}, X, y, sample_weight=weight, **options)


def test_two_processes_give_the_same(catalogue):
    X, y, metadata = catalogue
    estimators = {
        "forest": RandomForestClassifier(5, n_jobs=-1),
        "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=GroupKFold(2)),
    }
    options = {"cv": EventKFold(2), "metadata": metadata, "random_state": 3}
    one = compare_estimators(estimators, X, y, **options)
    two = compare_estimators(estimators, X, y, n_jobs=2, **options)
    pd.testing.assert_frame_equal(one.predictions_, two.predictions_)
    times = ["fit_time", "score_time"]
    pd.testing.assert_frame_equal(
        one.per_fold_.drop(columns=times), two.per_fold_.drop(columns=times)
    )


def test_random_state_fixes_what_is_left_open(catalogue):
    X, y, metadata = catalogue

    def predicted(random_state):
        forest = RandomForestClassifier(3, max_features=1)
        comparison = compare_estimators(
            {"forest": forest}, X, y, cv=3, metadata=metadata, random_state=random_state
        )
        assert forest.random_state is None
        return comparison.predictions_[["row", "y_pred"]].to_numpy().tolist()

    state = np.random.get_state()[1].copy()
    assert predicted(1) == predicted(1)
    assert predicted(1) != predicted(2)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_refit_gives_the_best_on_all_rows(catalogue):
    X, y, metadata = catalogue
    estimators = {"chance": Watcher(), "bayes": GaussianNB()}
    best = compare_estimators(estimators, X, y, metadata=metadata, refit="best")
    assert best.refit_name_ == "bayes"
    np.testing.assert_array_equal(
        best.best_estimator_.predict(X), GaussianNB().fit(X, y).predict(X)
    )
    assert not hasattr(estimators["bayes"], "classes_")
    SEEN.clear()
    named = compare_estimators(estimators, X, y, metadata=metadata, refit="chance")
    assert isinstance(named.best_estimator_, Watcher) and SEEN[-1]["n"] == len(y)
    assert len(SEEN[-1]["groups"]) == len(y)
    with pytest.raises(ValueError, match="refit must be 'best' or one of"):
        compare_estimators(estimators, X, y, metadata=metadata, refit="other")


def test_gpu_estimators_do_not_share_one_gpu(catalogue, monkeypatch):
    X, y, metadata = catalogue
    pipeline = make_pipeline(StandardScaler(), Watcher(device="cuda:0"))
    with pytest.raises(ValueError, match="would train 'net'.*Watcher with device='cuda:0"):
        compare_estimators({"net": pipeline}, X, y, cv=2, metadata=metadata, n_jobs=2)
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(ValueError, match="device='auto', a GPU here"):
        compare_estimators(
            {"net": Watcher(device="auto")}, X, y, cv=2, metadata=metadata, n_jobs=2
        )
    assert SEEN == []
    compare_estimators({"net": pipeline}, X, y, cv=2, metadata=metadata)
    assert len(SEEN) == 2


def test_string_labels_kept_as_objects_gaps_and_bools(catalogue):
    X, y, metadata = catalogue
    for labels in (y.astype(object), np.where(y == "noise", 7, 40), y == "rockfall"):
        comparison = compare_estimators(
            {"bayes": GaussianNB()}, X, labels, cv=2, metadata=metadata
        )
        kinds = comparison.predictions_["y_pred"].unique().tolist()
        assert set(kinds) <= set(np.unique(labels).tolist())
    with pytest.raises(ValueError, match="1 labels that are not strings, such as None"):
        broken = y.astype(object)
        broken[3] = None
        compare_estimators({"bayes": GaussianNB()}, X, broken, cv=2, metadata=metadata)


def test_waveforms_in_three_dimensions(catalogue):
    X, y, metadata = catalogue
    waveforms = np.repeat(X[:, np.newaxis], 3, axis=1)
    assert waveforms.ndim == 3
    compare_estimators({"w": Watcher()}, waveforms, y, cv=2, metadata=metadata)


def test_regressors_compare_too(catalogue):
    X, _, metadata = catalogue
    y = X[:, 0] * 2 + 0.1 * X[:, 1]
    comparison = compare_estimators(
        {"linear": LinearRegression(), "mean": DummyRegressor()},
        X,
        y,
        cv=EventKFold(3),
        metadata=metadata,
    )
    assert comparison.best_name_ == "linear"
    assert comparison.metrics_[0] == "r2"
    assert comparison.intervals(n_resamples=20).loc["linear", "low"] > 0.9
    with pytest.raises(ValueError, match="regressors"):
        comparison.confusion()
    with pytest.raises(ValueError, match="all classifiers or all regressors"):
        compare_estimators({"a": LinearRegression(), "b": GaussianNB()}, X, y)


def test_intervals_by_probability_and_by_class(catalogue):
    X, y, metadata = catalogue
    comparison = compare_estimators(
        {"bayes": GaussianNB(), "chance": DummyClassifier()},
        X,
        y,
        metadata=metadata,
        scoring=["f1_macro", "roc_auc_ovr", "neg_log_loss"],
    )
    own = comparison.predictions_.query("estimator == 'bayes'")
    interval = comparison.intervals()
    score = f1_score(own["y_true"], own["y_pred"], average="macro")
    assert interval.loc["bayes", "score"] == pytest.approx(score)
    for metric in comparison.metrics_:
        table = comparison.intervals(metric, n_resamples=30)
        assert (table["low"] <= table["score"]).all() and (table["score"] <= table["high"]).all()
    with pytest.raises(ValueError, match="metric must be one of"):
        comparison.intervals("accuracy")


def test_ttest_table(catalogue):
    X, y, metadata = catalogue
    estimators = {"bayes": GaussianNB(), "chance": DummyClassifier(), "w": Watcher()}
    tests = compare_estimators(estimators, X, y, metadata=metadata).ttest()
    assert len(tests) == 3
    first = tests.iloc[0]
    assert (first["a"], first["b"]) == ("bayes", "chance")
    assert first["p"] < 0.01 <= tests.iloc[2]["p"] and first["p_holm"] >= first["p"]


def test_it_says_which_number_is_the_test_score(catalogue):
    X, y, metadata = catalogue
    search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=2)
    comparison = compare_estimators(
        {"search": search, "chance": DummyClassifier()}, X, y, metadata=metadata
    )
    sentence = comparison.test_score()
    mean = comparison.summary().loc["search", ("f1_macro", "mean")]
    assert f"f1_macro = {mean:.3f} ±" in sentence
    assert "best_score_" in sentence and "chosen as best of 2" in sentence
    assert sentence in repr(comparison) and "<table" in comparison._repr_html_()
    assert "chosen" not in comparison.test_score("chance")
    with pytest.raises(ValueError, match="name must be one of"):
        comparison.test_score("forest")


def test_pictures(catalogue):
    import matplotlib

    matplotlib.use("Agg")
    X, y, metadata = catalogue
    comparison = compare_estimators(
        {"bayes": GaussianNB(), "chance": DummyClassifier()}, X, y, metadata=metadata
    )
    display = comparison.plot()
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == ["bayes", "chance"]
    assert display.ax_.get_xlabel() == "macro F1"
    confusion = comparison.plot_confusion("bayes")
    assert confusion.ax_.get_ylabel() == "true (events)"
    assert len(confusion.ax_.texts) == 9


def test_an_error_tells_which_fit_failed(catalogue):
    X, y, metadata = catalogue
    with pytest.raises(ArithmeticError) as caught:
        compare_estimators({"fails": Watcher(fail=True)}, X, y, cv=2, metadata=metadata)
    assert "'fails' on fold 0" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("estimators", "message"),
    [
        ([GaussianNB()], "must be a dictionary"),
        ({}, "must be a dictionary"),
        ({"bayes": GaussianNB}, "an instance, not a class"),
        ({1: GaussianNB()}, "names of estimators must be str"),
    ],
)
def test_wrong_estimators_are_refused(catalogue, estimators, message):
    X, y, metadata = catalogue
    with pytest.raises(TypeError, match=message):
        compare_estimators(estimators, X, y, metadata=metadata)


def test_lengths_must_agree(catalogue):
    X, y, metadata = catalogue
    with pytest.raises(ValueError, match="X has 120 rows and y has 119"):
        compare_estimators({"b": GaussianNB()}, X, y[1:], metadata=metadata)
    with pytest.raises(ValueError, match="metadata have 119 rows and X has 120"):
        compare_estimators({"b": GaussianNB()}, X, y, metadata=metadata[1:])
    with pytest.raises(ValueError, match=r"groups must have shape \(120,\)"):
        compare_estimators({"b": GaussianNB()}, X, y, groups=[1, 2], metadata=metadata)
