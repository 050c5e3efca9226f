"""Frames of what was predicted and scored, and predictions that can be scored again."""

import numpy as np
import pandas as pd


class Replay:
    """Gives stored predictions to a scorer, for rows that a resample has drawn."""

    def __init__(self, own, scorer, classes):
        self.y_true, self.y_pred = own["y_true"].to_numpy(), own["y_pred"].to_numpy()
        self.proba, self.scorer = probabilities(own, classes), scorer
        if classes is not None:
            self.classes_ = classes

    def __call__(self, rows, _):
        return self.scorer(self, rows, self.y_true[rows])

    def predict(self, rows):
        return self.y_pred[rows]

    def predict_proba(self, rows):
        return self.proba[rows]

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        classifier = hasattr(self, "classes_")
        return Tags(
            estimator_type="classifier" if classifier else "regressor",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if classifier else None,
            regressor_tags=None if classifier else RegressorTags(),
            input_tags=InputTags(),
        )


def probabilities(own, classes):
    """Columns of probabilities as an array, or None where an estimator gave none."""
    if classes is None:
        return None
    columns = [f"proba_{name}" for name in classes]
    if any(column not in own for column in columns):
        return None
    proba = own[columns].to_numpy()
    return None if np.isnan(proba).any() else proba


def per_fold(results):
    """A line for each estimator, fold and metric."""
    lines = [
        {
            "estimator": name,
            "fold": fold,
            "metric": metric,
            "score": score,
            **{k: result[k] for k in ("fit_time", "score_time", "n_train", "n_test")},
        }
        for name, fold, _, result in results
        for metric, score in result["scores"].items()
    ]
    return pd.DataFrame(lines)


def predictions(results, y, events, classes):
    """A line for each estimator, fold and tested row."""
    frames = []
    for name, fold, test, result in results:
        columns = {
            "estimator": name,
            "fold": fold,
            "row": test,
            "event_id": events[test],
            "y_true": y[test],
            "y_pred": result["y_pred"],
        }
        if result["proba"] is not None:
            columns.update({f"proba_{c}": p for c, p in zip(classes, result["proba"].T)})
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def inner(results):
    """A line for each fold of an estimator that searched."""
    lines = [
        {
            "estimator": name,
            "fold": fold,
            "inner_score": result["inner"]["best_score"],
            **result["inner"]["best_params"],
        }
        for name, fold, _, result in results
        if result["inner"] is not None
    ]
    return pd.DataFrame(lines, columns=None if lines else ["estimator", "fold", "inner_score"])
