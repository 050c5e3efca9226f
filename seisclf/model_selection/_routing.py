"""Make copies of estimators ready: who gets groups and weights, seeds, and how many jobs."""

from sklearn.base import clone, is_classifier
from sklearn.metrics import get_scorer
from sklearn.utils.metadata_routing import get_routing_for_object

from seisclf.utils import threads_per_worker

from ._base import MetadataSplitter

#: Name under which the whole metadata frame travels to our splitters in an inner search.
METADATA = "seisclf_metadata"


def prepare(estimator, available):
    """Copy an estimator so that `available` reaches whatever in it can use it.

    Must run with metadata routing enabled. Requests the user has made are kept; others are
    set on the copy: `groups` for every ``fit`` that takes them, the whole metadata for our own
    splitters, `sample_weight` for classifiers and regressors that take it.

    Parameters
    ----------
    estimator : estimator
        Left as it is.
    available : dict
        "groups", METADATA and "sample_weight", where there are any.

    Returns
    -------
    copy : estimator
        Unfitted.
    params : list of str
        Which of `available` its ``fit`` uses.
    """
    copy = clone(estimator)
    for part in _parts(copy):
        if isinstance(part, MetadataSplitter):
            if METADATA in available:
                _request_if_unset(part, "split", "groups", METADATA)
            continue
        _request_if_unset(part, "fit", "groups", True)
        if "sample_weight" in available:
            _request_if_unset(part, "fit", "sample_weight", hasattr(part, "predict"))
            _score_unweighted(part)
    try:
        used = get_routing_for_object(copy).consumes("fit", list(available))
    except NotImplementedError:  # a meta-estimator without routing: it fits without
        used = set()
    return copy, sorted(used)


def _request_if_unset(part, method, name, value):
    """Set a request that the user left open; class-level answers (True, False) stay."""
    setter = getattr(part, f"set_{method}_request", None)
    if setter is None:
        return
    try:
        requests = getattr(get_routing_for_object(part), method).requests
    except (AttributeError, NotImplementedError):
        return
    default = True if method == "split" else None
    if name in requests and requests[name] is default:
        setter(**{name: value})


def _score_unweighted(part):
    """Keep weights from the scorer of a search: weighted and plain scores do not compare."""
    if not (hasattr(part, "scoring") and hasattr(part, "refit")):
        return
    scoring = part.scoring
    if scoring is None:
        scoring = "accuracy" if is_classifier(part) else "r2"
    if isinstance(scoring, str):
        part.scoring = get_scorer(scoring).set_score_request(sample_weight=False)


def _parts(value, seen=None):
    """The estimator, everything in its parameters, and candidates in its search grids."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    if isinstance(value, dict):
        inner = list(value.values())
    elif isinstance(value, (list, tuple)):
        inner = list(value)
    elif hasattr(value, "get_params") and not isinstance(value, type):
        inner = list(value.get_params(deep=False).values())
    elif isinstance(value, MetadataSplitter):
        inner = []
    else:
        return
    seen.add(id(value))
    if not isinstance(value, (dict, list, tuple)):
        yield value
    for part in inner:
        yield from _parts(part, seen)


def seed_unset(estimator, seed):
    """Give a seed to every `random_state` that is None, in place."""
    unset = {
        name: seed
        for name, value in sorted(estimator.get_params(deep=True).items())
        if value is None and name.split("__")[-1] == "random_state"
    }
    return estimator.set_params(**unset)


def cap_jobs(estimator, n_threads):
    """Lower every `n_jobs` that asks for more than `n_threads`, in place."""
    lower = {
        name: n_threads
        for name, value in estimator.get_params(deep=True).items()
        if name.split("__")[-1] == "n_jobs"
        and isinstance(value, int)
        and _workers(value) > n_threads
    }
    return estimator.set_params(**lower)


def _workers(n_jobs):
    import joblib

    return n_jobs if n_jobs > 0 else joblib.cpu_count() // threads_per_worker(n_jobs)


def refuse_gpu(name, estimator, workers):
    """Refuse several processes on one GPU; `workers` are those of this machine."""
    for part in _parts(estimator):
        if hasattr(part, "get_params") and _on_gpu(part):
            raise ValueError(
                f"{workers} would train {name!r} ({type(part).__name__} with "
                f"device={part.get_params(deep=False)['device']!r}, a GPU here) in several "
                f"processes at once: each holds its own copy of CUDA and of the data, and they "
                f"fight for the memory of one GPU. Use n_jobs=1, device='cpu', or dask with "
                f"a worker for each GPU."
            )


def _on_gpu(part):
    device = part.get_params(deep=False).get("device")
    if device is None:
        return False
    if str(device) == "auto":
        import torch

        return torch.cuda.is_available()
    return str(device).startswith("cuda")


def check_weights_used(prepared, sample_weight):
    """Refuse weights that an estimator would leave aside in silence."""
    if sample_weight is None:
        return
    without = [name for name, (_, used) in prepared.items() if "sample_weight" not in used]
    if without:
        raise ValueError(
            f"sample_weight was given, but fit of {', '.join(map(repr, without))} takes none. "
            f"Leave them out of the comparison, or compare without weights."
        )


def all_classifiers(estimators):
    """Whether all are classifiers; a mixture is refused."""
    kinds = {name: is_classifier(estimator) for name, estimator in estimators.items()}
    if len(set(kinds.values())) > 1:
        wrong = [name for name, yes in kinds.items() if not yes]
        raise ValueError(
            f"estimators must be all classifiers or all regressors; {wrong} are not classifiers."
        )
    return all(kinds.values())
