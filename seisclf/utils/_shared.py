"""One object for many tasks: it is sent to each worker once, not with each task."""

import threading
from collections import OrderedDict
from hashlib import blake2b

import numpy as np

_KEPT = 4
_values: OrderedDict = OrderedDict()
_lock = threading.Lock()


class Shared:
    """An object, such as a fitted classifier, that all tasks of a run need.

    Threads use the object itself. A process gets it as bytes that joblib knows how to send once:
    in an array, which its own processes read from a memory map, and of a size that it can see,
    upon which dask brings it to each worker and leaves it there. Unpacked it is kept, so that
    only the first task in a process takes the time.

    Parameters
    ----------
    value : object
        Anything that :mod:`cloudpickle` packs.
    """

    def __init__(self, value):
        self._value = value
        self._packed = None
        self._key = None

    def get(self):
        """Give the object: in the process that made it the very one, elsewhere a copy."""
        if self._packed is None or self._value is not None:
            return self._value
        with _lock:
            if self._key not in _values:
                _values[self._key] = _cloudpickle().loads(self._packed.tobytes())
            _values.move_to_end(self._key)
            while len(_values) > _KEPT:
                _values.popitem(last=False)
            return _values[self._key]

    def pack(self):
        """Make the bytes that are sent, before anybody asks for their number."""
        if self._packed is None:
            packed = _cloudpickle().dumps(self._value)
            self._key = blake2b(packed, digest_size=16).hexdigest()
            self._packed = np.frombuffer(packed, dtype=np.uint8)
        return self

    def __sizeof__(self):
        return object.__sizeof__(self) + (0 if self._packed is None else self._packed.nbytes)

    def __getstate__(self):
        return {"_value": None, "_packed": self.pack()._packed, "_key": self._key}


def _cloudpickle():
    """joblib brings it along, or depends on it, by version."""
    try:
        import cloudpickle
    except ImportError:
        from joblib.externals import cloudpickle
    return cloudpickle
