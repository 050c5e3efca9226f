"""The contract, over every public estimator: scikit-learn's battery and ours."""

import inspect
import re

import pytest
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils.estimator_checks import estimator_checks_generator

import seisclf
from seisclf.utils import all_estimators
from seisclf.utils.estimator_checks import yield_waveform_checks

INSTANCES = [cls(**params) for _, cls in all_estimators() for params in cls._get_test_params()]


def scikit_learn_checks():
    """What scikit-learn's `parametrize_with_checks` gives, but each estimator is printed once."""
    for estimator in INSTANCES:
        name = re.sub(r"\s", "", repr(estimator))
        for instance, check in estimator_checks_generator(estimator, legacy=True):
            settings = ",".join(f"{key}={value}" for key, value in check.keywords.items())
            title = f"{check.func.__name__}({settings})" if settings else check.func.__name__
            yield pytest.param(instance, check, id=f"{name}-{title}")


@pytest.mark.parametrize(("estimator", "check"), list(scikit_learn_checks()))
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{type(estimator).__name__}-{check.func.__name__}")
        for estimator in INSTANCES
        for check in yield_waveform_checks(estimator)
    ],
)
def test_waveform_contract(check):
    check()


@pytest.mark.parametrize("estimator", INSTANCES, ids=lambda e: type(e).__name__)
def test_battery_is_not_vacuous(estimator):
    """An estimator whose tags exclude tables gets one trivial check, and would pass broken."""
    checks = [check for _, check in estimator_checks_generator(clone(estimator), legacy=True)]
    assert len(checks) > 40, f"only {len(checks)} checks ran on {type(estimator).__name__}"


def test_every_estimator_is_listed():
    """Nothing public and fittable is hidden from `all_estimators`, or listed under two names."""
    listed = dict(all_estimators())
    assert listed, "no estimators"
    assert len(set(listed.values())) == len(listed)
    for package in seisclf._SUBPACKAGES:
        module = getattr(seisclf, package)
        for name in getattr(module, "__all__", ()):
            cls = getattr(module, name)
            if inspect.isclass(cls) and issubclass(cls, seisclf.base.WaveformEstimator):
                assert name in listed or vars(cls).get("_is_base"), name


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_constructor_takes_keywords_only(name, cls):
    parameters = dict(inspect.signature(cls).parameters)
    if issubclass(cls, MetaEstimatorMixin):
        parameters.pop("estimator")  # what it is about comes first, as in scikit-learn
    kinds = {parameter.kind for parameter in parameters.values()}
    assert kinds <= {inspect.Parameter.KEYWORD_ONLY}, name
