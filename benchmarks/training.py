"""One epoch of training: NeuralEstimator against a loop written by hand, and plain skorch."""

import statistics
import time

import numpy as np
import torch
from skorch import NeuralNetClassifier

from seisclf.neural_network import STFTCNNClassifier

BATCH_SIZE = 64


def run(quick=False):
    """Time epochs of the same module on the same events, in turns.

    Parameters
    ----------
    quick : bool, default=False
        Fewer events and rounds.

    Returns
    -------
    figures : dict
        ``overhead`` is the time of a whole call ``partial_fit(X, y)``, one epoch with all its
        checks, over that of an epoch of the bare loop; ``overhead_skorch`` the same for
        skorch's own net with PyTorch's DataLoader. Seconds are medians.
    """
    n_events, rounds = (256, 5) if quick else (1024, 15)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_events, 3, 3000)).astype(np.float32)
    y = rng.integers(0, 4, size=n_events)

    ours = STFTCNNClassifier(
        batch_size=BATCH_SIZE, max_epochs=1, lr_schedule="constant", random_state=0, device="cpu"
    ).fit(X, y)
    seconds = _in_turns(
        {
            "neural_estimator": lambda: ours.partial_fit(X, y),
            "bare_loop": _bare_loop(_module_like(ours), X, y),
            "skorch": _plain_skorch(_module_like(ours), X, y),
        },
        rounds,
    )
    bare = seconds["bare_loop"]
    return {
        "overhead": _ratio(seconds["neural_estimator"], bare),
        "overhead_skorch": _ratio(seconds["skorch"], bare),
        **{f"{name}_s": statistics.median(times) for name, times in seconds.items()},
        "n_events": n_events,
        "batch_size": BATCH_SIZE,
        "rounds": rounds,
        "threads": torch.get_num_threads(),
    }


def _module_like(estimator):
    module, params = estimator._module()
    return module(**params).to(torch.float32)


def _bare_loop(module, X, y):
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    optimizer = torch.optim.Adam(module.parameters(), lr=7e-4)

    def epoch():
        module.train()
        for rows in torch.randperm(len(X)).split(BATCH_SIZE):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
            loss.item()

    return epoch


def _plain_skorch(module, X, y):
    net = NeuralNetClassifier(
        module,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=7e-4,
        batch_size=BATCH_SIZE,
        max_epochs=1,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    ).initialize()
    return lambda: net.partial_fit(X, y)


def _in_turns(functions, rounds):
    """Times of each function; neighbours in time see the same machine."""
    for function in functions.values():
        function()
    seconds = {name: [] for name in functions}
    for i in range(rounds):
        # The order changes, so that none always follows the same one.
        for name in sorted(functions, reverse=bool(i % 2)):
            start = time.perf_counter()
            functions[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def _ratio(ours, theirs):
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
