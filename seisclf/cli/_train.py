"""``seisclf train``."""

import time

import numpy as np

from ._data import describe_events, load_events
from ._errors import BadInput
from ._estimators import build
from ._terminal import console, say


def run_train(data, out, *, estimator, window, noise, label, components, quick, seed):
    """Fit one estimator on all events and save it; see ``seisclf train --help``."""
    from .. import save

    build(estimator, sampling_rate=100.0)  # a wrong name is known before anything is read
    bunch = load_events(data, window=window, noise=noise, label=label, tell=say)
    X, letters = bunch.data, bunch.components
    if components is not None:
        letters = components.upper()
        X = np.asarray(X)[:, _channels(bunch.components, letters)]
    console.print(describe_events(bunch))
    begin = time.perf_counter()
    model = build(
        estimator, sampling_rate=bunch.sampling_rate, components=letters, seed=seed, quick=quick
    )
    model.fit(X, bunch.target)
    console.print(f"{estimator} fitted in {time.perf_counter() - begin:.1f} s")
    out.parent.mkdir(parents=True, exist_ok=True)
    path = save(model, out)
    console.print(f"Model: [bold]{path}[/] (no test score: `seisclf compare` gives one)")


def _channels(available, wanted):
    missing = [letter for letter in wanted if letter not in available]
    if missing or not wanted:
        raise BadInput(f"--components {wanted}: the data have {available}")
    return [available.index(letter) for letter in wanted]
