"""Models by path or by name."""

import zipfile
from pathlib import Path

from ._errors import BadInput

# Name on the command line: the estimator, and what its published weights are called.
PUBLISHED = {
    "rocknet": ("RockNetAssociator", "association"),
    "rocknet-luhu": ("RockNetAssociator", "association_luhu"),
    "rocknet-station": ("RockNetClassifier", "association"),
    "rocknet-waveform": ("RockNetClassifier", "waveform"),
}
# Stations in the order in which the published association was trained.
PUBLISHED_STATIONS = ("LH01", "LH02", "LH03", "LH04")


def load_model(model):
    """A fitted classifier, and whether its weights are RockNet's published ones.

    Parameters
    ----------
    model : str
        File that :func:`seisclf.save` wrote, HDF5 file of RockNet's authors, or a name of
        `PUBLISHED`.

    Returns
    -------
    classifier : object
        With ``predict_proba``.
    published : bool
        Whether records need the preparation of RockNet's authors.
    """
    path = Path(model)
    if model in PUBLISHED:
        from ..datasets import fetch_rocknet_weights

        estimator, weights = PUBLISHED[model]
        return _published(estimator, fetch_rocknet_weights(weights)), True
    if not path.is_file():
        raise BadInput(
            f"no such model: {model}; give a file, or one of the names {', '.join(PUBLISHED)}"
        )
    if zipfile.is_zipfile(path):
        from .. import load

        classifier = load(path)
        if not hasattr(classifier, "predict_proba"):
            raise BadInput(f"{path} holds a {type(classifier).__name__}, which is no classifier")
        return classifier, False
    import h5py

    if not h5py.is_hdf5(path):
        raise BadInput(f"{path} is neither a model file of seisclf nor an HDF5 file of RockNet")
    with h5py.File(path, "r") as file:
        of_network = "rfocc" in file.get("model_weights", ())
    return _published("RockNetAssociator" if of_network else "RockNetClassifier", path), True


def _published(estimator, path):
    from .. import neural_network

    return getattr(neural_network, estimator).from_published(path)
