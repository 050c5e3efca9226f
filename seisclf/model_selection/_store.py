"""Finished fits on disk, so that a stopped comparison continues."""

import json
import os
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np


class FitStore:
    """One ``.npz`` file for each estimator and fold, named by what the fit depends on.

    Files hold arrays and JSON only; reading them runs no code. Each is written beside its place
    and moved there, so a stopped run leaves no half files.

    Parameters
    ----------
    path : str or Path
        Folder; made if missing.
    """

    def __init__(self, path):
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"store must be a folder; {str(self.path)!r} is a file.")
        self.path.mkdir(parents=True, exist_ok=True)

    def load(self, key):
        """Result of a fit, or None if it is not there or unreadable (then it is done again)."""
        file = self.path / f"{key}.npz"
        if not file.is_file():
            return None
        try:
            with np.load(file, allow_pickle=False) as arrays:
                result = json.loads(str(arrays["info"]))
                result["y_pred"] = arrays["y_pred"]
                result["proba"] = arrays.get("proba")
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None
        return result

    def save(self, key, result):
        """Keep the result of a fit."""
        info = {k: v for k, v in result.items() if k not in ("y_pred", "proba")}
        arrays = {"info": np.array(json.dumps(info)), "y_pred": _plain(result["y_pred"])}
        if result["proba"] is not None:
            arrays["proba"] = result["proba"]
        handle, name = tempfile.mkstemp(dir=self.path, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez_compressed(file, **arrays)
            os.replace(name, self.path / f"{key}.npz")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _plain(values):
    """Object arrays of labels as strings, which need no pickle."""
    return values.astype(str) if values.dtype == object else values
