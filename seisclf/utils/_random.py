"""One seed per run, without touching anybody's global generator."""

import numbers

import numpy as np

_SEEDS = 2**31 - 1


def check_seed(random_state=None):
    """Turn `random_state` into one integer that fixes a whole run.

    Unlike :func:`sklearn.utils.check_random_state`, None does not mean NumPy's global
    generator: it draws fresh entropy, so a fit never moves the state of the user's session.

    Parameters
    ----------
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        An integer is returned as it is; a generator is drawn from once; None draws from the
        operating system.

    Returns
    -------
    seed : int
        A seed in [0, 2**32).

    Raises
    ------
    ValueError
        If `random_state` is none of these.

    Examples
    --------
    >>> from seisclf.utils import check_seed
    >>> check_seed(7)
    7
    """
    if random_state is None or random_state is np.random:
        return int(np.random.default_rng().integers(_SEEDS))
    if isinstance(random_state, numbers.Integral) and 0 <= int(random_state) < 2**32:
        return int(random_state)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(_SEEDS))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(_SEEDS))
    raise ValueError(
        f"random_state must be None, an integer in [0, 2**32), a numpy.random.Generator or a "
        f"numpy.random.RandomState; got {random_state!r}"
    )
