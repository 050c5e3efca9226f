"""Trees from a file: scikit-learn's C code follows their node numbers without looking."""

import numpy as np
from sklearn.base import BaseEstimator

_LEAF = -1


def check_trees(model):
    """Refuse trees that would read outside their arrays, or walk in circles.

    In every tree that scikit-learn builds a node comes before its children.

    Parameters
    ----------
    model : object
        Whatever was loaded; searched for trees at any depth.

    Raises
    ------
    ValueError
        If a tree cannot have been built.
    """
    seen, waiting = set(), [(model, None)]
    while waiting:
        item, n_features = waiting.pop()
        if id(item) in seen or isinstance(item, str | bytes | int | float):
            continue
        seen.add(id(item))
        if _is(item, "Tree"):
            _check_tree(item, n_features)
        elif _is(item, "TreePredictor"):
            _check_predictor(item, n_features)
        elif _is(item, "KDTree", "BallTree"):
            _check_ball_tree(item)
        else:
            if isinstance(item, BaseEstimator) and _is_of_trees(item):
                own = getattr(item, "n_features_in_", n_features)
                if n_features is not None and own != n_features:
                    raise ValueError(f"a forest of {n_features} features has a tree of {own}")
                n_features = own
            waiting.extend((inside, n_features) for inside in _inside(item))


def _is(item, *names):
    kind = type(item)
    return kind.__name__ in names and kind.__module__.startswith("sklearn.")


def _is_of_trees(item):
    return type(item).__module__.startswith(
        ("sklearn.tree.", "sklearn.ensemble._forest", "sklearn.ensemble._gb",
         "sklearn.ensemble._hist_gradient_boosting.")
    )  # fmt: skip


def _inside(item):
    if isinstance(item, dict):
        return list(item.values())
    if isinstance(item, list | tuple | set):
        return list(item)
    if isinstance(item, np.ndarray):
        return list(item.flat) if item.dtype == object else []
    package = type(item).__module__.partition(".")[0]
    return list(vars(item).values()) if hasattr(item, "__dict__") and package != "torch" else []


def _check_tree(tree, n_features):
    n = tree.node_count
    if not 0 <= n <= tree.capacity or (n_features is not None and tree.n_features != n_features):
        raise ValueError(f"a tree of {n} nodes and {tree.n_features} features cannot be")
    number = np.arange(n)
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = left != _LEAF
    _check_children(number[inner], left[inner], right[inner], n)
    if ((feature[inner] < 0) | (feature[inner] >= tree.n_features)).any():
        raise ValueError("a tree asks for features that there are not")


def _check_predictor(predictor, n_features):
    nodes = predictor.nodes
    inner = ~nodes["is_leaf"].astype(bool)
    number = np.arange(len(nodes))[inner]
    _check_children(
        number, nodes["left"][inner].astype(np.int64), nodes["right"][inner].astype(np.int64),
        len(nodes),
    )  # fmt: skip
    feature = nodes["feature_idx"][inner]
    if n_features is not None and ((feature < 0) | (feature >= n_features)).any():
        raise ValueError("a tree asks for features that there are not")
    sets = nodes["bitset_idx"][inner & nodes["is_categorical"].astype(bool)]
    if len(sets) and sets.max() >= min(
        len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets)
    ):
        raise ValueError("a tree asks for categories that there are not")


def _check_children(number, left, right, n):
    bad = (left <= number) | (left >= n) | (right <= number) | (right >= n)
    if bad.any():
        raise ValueError(f"a tree of {n} nodes has a node with children elsewhere")


def _check_ball_tree(tree):
    data, index, nodes, _ = tree.get_arrays()
    n = len(data)
    inside = (
        (nodes["idx_start"] >= 0)
        & (nodes["idx_end"] <= n)
        & (nodes["idx_start"] <= nodes["idx_end"])
    )
    if not inside.all() or ((index < 0) | (index >= n)).any():
        raise ValueError("a tree of neighbors points outside its points")
