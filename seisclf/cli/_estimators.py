"""Estimators that the command line knows by name."""

from dataclasses import dataclass

from ._errors import BadInput


@dataclass(frozen=True)
class Named:
    """An entry of the registry.

    Attributes
    ----------
    build : callable
        ``build(sampling_rate, components, seed, quick)`` -> unfitted estimator.
    words : str
        What it is, for the user.
    """

    build: object
    words: str


def _forest(sampling_rate, components, seed, quick):
    from ..ensemble import FeatureForestClassifier

    return FeatureForestClassifier(
        sampling_rate=sampling_rate,
        components=components,
        n_estimators=50 if quick else 500,
        random_state=seed,
    )


def _boosting(sampling_rate, components, seed, quick):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline

    from ..feature_extraction import SeismicFeatures

    boosting = HistGradientBoostingClassifier(
        max_iter=30 if quick else 200,
        learning_rate=0.05,
        l2_regularization=1.0,
        class_weight="balanced",
        random_state=seed,
    )
    return Pipeline(
        [
            ("features", SeismicFeatures(sampling_rate=sampling_rate, components=components)),
            ("boosting", boosting),
        ]
    )


def _logistic(sampling_rate, components, seed, quick):
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import QuantileTransformer

    from ..feature_extraction import SeismicFeatures

    return Pipeline(
        [
            ("features", SeismicFeatures(sampling_rate=sampling_rate, components=components)),
            ("imputation", SimpleImputer(strategy="median", keep_empty_features=True)),
            # Amplitudes span many orders of magnitude: ranks are what a linear model can use.
            (
                "ranks",
                QuantileTransformer(
                    n_quantiles=20, output_distribution="normal", random_state=seed
                ),
            ),
            (
                "logistic",
                LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000),
            ),
        ]
    )


def _stft_cnn(sampling_rate, components, seed, quick):
    from ..neural_network import STFTCNNClassifier

    return STFTCNNClassifier(
        sampling_rate=sampling_rate,
        max_epochs=3 if quick else 30,
        batch_size=32,
        random_state=seed,
    )


def _cnn(sampling_rate, components, seed, quick):
    from ..neural_network import CNNClassifier

    return CNNClassifier(
        sampling_rate=sampling_rate,
        backbone="resnet18",
        width=8 if quick else 16,
        size=32 if quick else 64,
        log="db",
        max_epochs=3 if quick else 30,
        batch_size=32,
        random_state=seed,
    )


def _channel_forest(sampling_rate, components, seed, quick):
    from ..ensemble import ChannelEnsembleClassifier

    forest = _forest(sampling_rate, components, seed, quick)
    return ChannelEnsembleClassifier(forest, random_state=seed)


def _chance(sampling_rate, components, seed, quick):
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


REGISTRY = {
    "forest": Named(_forest, "random forest on seismic features"),
    "boosting": Named(_boosting, "gradient-boosted trees on seismic features"),
    "logistic": Named(_logistic, "logistic regression on ranked seismic features"),
    "stft-cnn": Named(_stft_cnn, "convolutional network on the short-time Fourier transform"),
    "cnn": Named(_cnn, "residual network on the logarithm of the spectrogram"),
    "channel-forest": Named(_channel_forest, "a forest of single channels, and all channels vote"),
    "chance": Named(_chance, "always the class frequencies of the training set"),
}


def build(name, *, sampling_rate, components="ZNE", seed=0, quick=False):
    """An unfitted estimator by name.

    Parameters
    ----------
    name : str
        Key of `REGISTRY`.
    sampling_rate : float
        Hertz of the waveforms.
    components : str, default="ZNE"
        Letters of the channels.
    seed : int, default=0
        Its ``random_state``.
    quick : bool, default=False
        Settings for a trial run: fewer trees, epochs and iterations.

    Returns
    -------
    estimator : estimator
        For waveforms (n_events, n_channels, n_samples).

    Raises
    ------
    BadInput
        If there is no such name.
    """
    if name not in REGISTRY:
        known = ", ".join(REGISTRY)
        raise BadInput(f"no estimator is called {name!r}; known are {known}")
    return REGISTRY[name].build(sampling_rate, components, seed, quick)


def build_all(names, *, sampling_rate, components="ZNE", seed=0, quick=False):
    """Several estimators from a comma-separated list.

    Parameters
    ----------
    names : str
        Such as ``"forest,stft-cnn"``.
    sampling_rate, components, seed, quick
        See :func:`build`.

    Returns
    -------
    estimators : dict of str to estimator
        In the order given.
    """
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    if not chosen:
        raise BadInput(f"--estimators is empty; known are {', '.join(REGISTRY)}")
    repeated = sorted({name for name in chosen if chosen.count(name) > 1})
    if repeated:
        raise BadInput(f"--estimators names {', '.join(repeated)} more than once")
    return {
        name: build(
            name, sampling_rate=sampling_rate, components=components, seed=seed, quick=quick
        )
        for name in chosen
    }
