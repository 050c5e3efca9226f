"""One look for every progress bar."""

import sys


def progress_bar(iterable=None, *, total=None, desc=None, disable=None):
    """A tqdm bar that is silent unless somebody is watching.

    Parameters
    ----------
    iterable : iterable, optional
        What to walk through; None gives a bar to move by hand with ``update``.
    total : int, optional
        Number of steps, where `iterable` does not tell.
    desc : str, optional
        Words before the bar.
    disable : bool, optional
        True: no bar. False: always. None: only on a terminal or in a notebook.

    Returns
    -------
    bar : tqdm.std.tqdm
        Iterable, with ``update`` and ``set_postfix``.

    Examples
    --------
    >>> from seisclf.utils import progress_bar
    >>> sum(progress_bar(range(4), desc="adding", disable=True))
    6
    """
    from tqdm.auto import tqdm

    if disable is None:
        disable = not (sys.stderr.isatty() or "ipykernel" in sys.modules)
    return tqdm(iterable, total=total, desc=desc, disable=disable, leave=False)
