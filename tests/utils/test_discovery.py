"""The list of estimators."""

import pytest

from seisclf.utils import all_estimators, import_optional


def test_filters_add_up():
    everything = dict(all_estimators())
    classifiers = dict(all_estimators("classifier"))
    assert "STFTCNNClassifier" in classifiers
    assert "Spectrogram" in dict(all_estimators("transformer"))
    assert classifiers.items() <= everything.items()
    assert "WaveformEstimator" not in everything


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="type_filter must be among"):
        all_estimators("picker")


def test_missing_library_names_the_extra():
    with pytest.raises(ImportError, match=r"pip install 'seisclf\[magic\]'"):
        import_optional("no_such_library", extra="magic", purpose="Magic")
