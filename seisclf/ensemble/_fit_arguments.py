"""What the fit of somebody else's estimator takes, under which name, and in which shape."""

import warnings

import sklearn
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter


def takes_argument(estimator, name):
    """Whether ``fit`` takes `name`, through pipelines and searches.

    Parameters
    ----------
    estimator : estimator
        Of ours or scikit-learn's.
    name : {"sample_weight", "groups"}
        The argument.

    Returns
    -------
    takes : bool
        For a pipeline, whether its last step does.
    """
    if isinstance(estimator, Pipeline):
        return takes_argument(estimator.steps[-1][1], name)
    if isinstance(estimator, BaseSearchCV):
        return name == "groups" or takes_argument(estimator.estimator, name)
    return has_fit_parameter(estimator, name)


def fit_arguments(estimator, **available):
    """Those of `available` that ``fit`` takes, under the names it knows them by.

    Parameters
    ----------
    estimator : estimator
        A clone: with metadata routing, requests are set on its parts.
    **available : object
        ``sample_weight`` and ``groups``; None where there are none.

    Returns
    -------
    arguments : dict
        For ``estimator.fit(X, y, **arguments)``.
    """
    routing = sklearn.get_config()["enable_metadata_routing"]
    arguments = {}
    for name, value in available.items():
        if value is None or not takes_argument(estimator, name):
            continue
        if routing:
            _request(estimator, name)
        arguments[name if routing else _name_of(estimator, name)] = value
    return arguments


def takes_channels(estimator):
    """Whether rows may have a channel axis: whoever sees them first says so in its tags."""
    steps = getattr(estimator, "steps", None)
    if steps:
        first = next((step for _, step in steps if step not in (None, "passthrough")), None)
        return first is not None and takes_channels(first)
    if get_tags(estimator).input_tags.three_d_array:
        return True
    inner = getattr(estimator, "estimator", None)
    return hasattr(inner, "fit") and takes_channels(inner)


def warn_of_inner_folds(estimator):
    """Folds made inside see rows, and know nothing of the events they belong to."""
    cv = getattr(estimator, "cv", "none")
    if cv == "none" or cv == "prefit" or "Group" in type(cv).__name__:
        return
    name = type(estimator).__name__
    warnings.warn(
        f"{name}(cv={cv!r}) inside the ensemble divides rows, and channels of one event may fall "
        f"into training and test: put it outside, {name}(ChannelEnsembleClassifier(...)), or give "
        f"it a splitter by groups, which are the events, e.g. cv=GroupKFold(5)",
        UserWarning,
        stacklevel=3,
    )


def _name_of(estimator, name):
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        return f"{step}__{_name_of(last, name)}"
    if isinstance(estimator, BaseSearchCV) and name != "groups":
        return _name_of(estimator.estimator, name)
    return name


def _request(estimator, name):
    if isinstance(estimator, Pipeline):
        _request(estimator.steps[-1][1], name)
    elif isinstance(estimator, BaseSearchCV):
        if takes_argument(estimator.estimator, name):
            _request(estimator.estimator, name)
    elif hasattr(estimator, "set_fit_request"):
        estimator.set_fit_request(**{name: True})
