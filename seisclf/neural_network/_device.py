"""Which device to compute on, and random numbers that stay inside one fit."""

import multiprocessing
import threading
from contextlib import contextmanager

import torch

# PyTorch has one generator per device for the whole process. Threads that train at the same
# time would draw from it in turns, and no seed could fix either of them.
_GENERATOR_LOCK = threading.RLock()
_WORKER_NAMES = ("LokyProcess", "ForkPoolWorker", "SpawnPoolWorker", "ForkServerPoolWorker")


def resolve_device(device):
    """Turn the parameter `device` into one that exists here.

    Parameters
    ----------
    device : str or torch.device
        "auto" is the first CUDA GPU where there is one, else the CPU.

    Returns
    -------
    device : torch.device
        Where to compute.

    Raises
    ------
    ValueError
        If the device is not there.
    RuntimeError
        If several worker processes would share the GPU unasked.
    """
    auto = isinstance(device, str) and device == "auto"
    if auto:
        resolved = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    else:
        try:
            resolved = torch.device(device)
        except (RuntimeError, TypeError) as error:
            raise ValueError(
                f"device={device!r} is not a device of PyTorch: choose 'auto', 'cpu', 'cuda' or "
                f"e.g. 'cuda:1'"
            ) from error
    if resolved.type == "cuda":
        _check_cuda(device, resolved)
    return resolved


def _check_cuda(asked, resolved):
    if not torch.cuda.is_available():
        raise ValueError(
            f"device={asked!r}, but PyTorch finds no CUDA GPU here: choose device='auto' or 'cpu'"
        )
    if resolved.index is not None and resolved.index >= torch.cuda.device_count():
        raise ValueError(
            f"device={asked!r}, but there are only {torch.cuda.device_count()} GPUs, counted "
            f"from 0"
        )
    if resolved.index is None and in_worker_process():
        raise RuntimeError(
            f"a worker process (n_jobs > 1) was about to train on the GPU (device={asked!r}). "
            f"Every worker would keep its own copy of model and context in the memory of the same "
            f"GPU, and none would be faster. Use n_jobs=1, or device='cpu' in the workers; if the "
            f"GPU is large enough, name it: device='cuda:0'"
        )


def in_worker_process():
    """Whether this process was started by joblib or a process pool to share work."""
    return multiprocessing.current_process().name.startswith(_WORKER_NAMES)


@contextmanager
def private_generator(seed, device):
    """Seed PyTorch for the length of a ``with`` and put its generators back afterwards.

    Parameters
    ----------
    seed : int
        Seed of the generators of the CPU and of `device`.
    device : torch.device
        Where the work inside computes.
    """
    devices = []
    if device.type == "cuda":
        devices = [torch.cuda.current_device() if device.index is None else device.index]
    with _GENERATOR_LOCK, torch.random.fork_rng(devices=devices):
        # Not torch.manual_seed: it would also seed the devices that were not put aside.
        torch.default_generator.manual_seed(seed)
        for index in devices:
            with torch.cuda.device(index):
                torch.cuda.manual_seed(seed)
        yield
