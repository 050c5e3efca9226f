"""From waveforms of a network to the place of the source."""

import numbers

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ..base import validate_waveforms
from ..persistence import load, save
from ..utils import check_seed
from ._errors import Errors, fitted_clone, measured_errors, out_of_fold
from ._geodesy import LARGEST_DISTANCE, check_places, epicentral_error
from ._locate import Measured, check_stations, checked_settings, locate_all
from ._picks import opened, sp_times
from ._std import predict_with_std
from ._traces import geodesics_to, recorded_traces

_FEWEST_PICKS = 10
_SMALLEST_STD = 1e-3  # km or degrees
_FEWEST_EVENTS, _MOST_EVENTS = 20, 300


class SourceLocator(BaseEstimator):
    """Locate events from the distances that a regressor reads off single recordings.

    A regressor learns how far the source of each recording was. For a new event it says that of
    every station, and the epicentre is the place whose distances agree best
    (:func:`locate_source`). P and S picks and back-azimuths can be added.

    Parameters
    ----------
    offset_regressor : estimator, optional
        Predicts the distance in km of one trace, (n_traces, n_components, n_samples) to
        (n_traces,): any regressor of seisclf, or a Pipeline that begins with something that takes
        waveforms. If ``predict(X, return_std=True)`` works, its standard deviations are used.
        A :class:`sklearn.frozen.FrozenEstimator` is not trained. None: distances come from
        `picker` alone.
    back_azimuth_regressor : estimator, optional
        The same for the direction from the station to the source, in degrees.
    picker : estimator, optional
        Fitted, with ``pick``, e.g. :class:`seisclf.neural_network.RockNetClassifier`; or a
        Pipeline that ends with one and begins with the resampling and filtering it needs. Wrap it
        in a :class:`sklearn.frozen.FrozenEstimator`, or clones forget what it learned.
    sp_velocity : float or None, default=8.0
        Distance over the time from P to S, in km/s. None: the median of what the training events
        say.
    sp_std : float or None, default=None
        Standard deviation of such distances in km. None: from the training events, growing with
        distance.
    loss : {"soft_l1", "huber", "cauchy", "linear"}, default="soft_l1"
        Loss of a residual over its standard deviation.
    f_scale : float, default=1.5
        Standard deviations from which on a residual counts less.
    calibrate : int or None, default=5
        Number of folds, by event, from whose predictions the true spread of the errors is
        measured. None: what the regressors state is believed, and errors are independent.
    level : float, default=0.9
        Probability that an ellipse is to contain the epicentre.
    n_starts : int, default=6
        Places from which the search begins.
    too_few : {"raise", "nan"}, default="raise"
        What becomes of an event with distances at fewer than two stations (one, if there is a
        back-azimuth): an error, or a row of NaN.
    n_jobs : int, optional
        Folds that are trained at a time, in processes.
    random_state : int, RandomState, Generator or None, default=None
        Deals the events over the folds. Regressors have their own.

    Attributes
    ----------
    offset_regressor_, back_azimuth_regressor_ : estimator or None
        Trained copies.
    offset_errors_, back_azimuth_errors_, sp_errors_ : dict or None
        ``scale``, the factor of the standard deviations; ``correlation`` of the standardised
        errors within an event; ``constant`` and ``slope`` of the standard deviation, ``constant +
        slope * distance``, None where the regressor states its own; ``floor``, what a stated one
        counts at least.
    std_factor_ : float
        Further factor of all standard deviations, with which the ellipses hold what they say.
    sp_velocity_ : float or None
        As used, in km/s.
    stations_ : ndarray of shape (n_stations, 2) or None
        Places that ``fit`` was given, if they are the same for all events: ``predict`` uses them
        where it is told no others.
    n_traces_ : int
        Recordings trained on.
    n_features_in_, n_channels_in_, n_samples_in_, n_stations_in_ : int
        Shape seen in ``fit``; another number of stations may come later.

    See Also
    --------
    locate_source : The search, from distances.
    seisclf.io.NetworkEvents : Events that know where their stations stand.

    Notes
    -----
    It has parameters, clones, searches, pickles and files as every estimator has, and works in
    :func:`sklearn.model_selection.cross_validate`. But scikit-learn's own checks feed tables,
    which have no stations: it is not among :func:`seisclf.utils.all_estimators`.

    *Standard deviations.* Residuals out of fold, divided by the standard deviations stated,
    are r. All standard deviations are multiplied by the quantile of abs(r) at `level` over that
    of the normal distribution, so that intervals of this level hold on events not seen. Where the
    regressor states none, the mean absolute residual times sqrt(pi / 2) is modelled as constant +
    slope times the distance predicted, neither negative. What the traces of an event share is the
    mean of r_i r_j over all pairs within events, over the mean of r²; it is taken out before the
    search, and widens the ellipses in the directions in which common errors push.

    *Ellipses.* The training events of at least three stations (300 of them at most) are then
    located from these distances out of fold. If the epicentres lie r times as far as the edge of
    the ellipse in their direction, the quantile of r at `level` is one more factor of all standard
    deviations, ``std_factor_``: what is not normal, and not the same everywhere, is in it. With
    fewer than 20 such events it is 1.

    Predicted distances below 0 count as 0, and those beyond the antipode as the antipode.
    Distances are epicentral: a deep source right below a station is near it. A time from P to S
    tells the distance to the hypocentre, which is larger; with ``sp_velocity=None`` the mean depth
    of the training events is absorbed in part.

    Examples
    --------
    >>> from sklearn.ensemble import ExtraTreesRegressor
    >>> from sklearn.pipeline import make_pipeline
    >>> from seisclf.datasets import make_seismic_events, to_network_events
    >>> from seisclf.feature_extraction import SeismicFeatures
    >>> from seisclf.location import SourceLocator
    >>> made = make_seismic_events(
    ...     16, classes=["earthquake"], n_stations=4, n_sites=1, network_radius=40.0,
    ...     sampling_rate=50.0, duration=10.0, random_state=0,
    ... )
    >>> events = to_network_events(made)
    >>> y = events.metadata[["source_latitude", "source_longitude"]].to_numpy()
    >>> regressor = make_pipeline(
    ...     SeismicFeatures(sampling_rate=50.0), ExtraTreesRegressor(10, random_state=0)
    ... )
    >>> locator = SourceLocator(regressor, calibrate=2, random_state=0)
    >>> locator.fit(events.data[:12], y[:12]).predict(events.data[12:]).shape
    (4, 2)
    """

    def __init__(
        self,
        offset_regressor=None,
        *,
        back_azimuth_regressor=None,
        picker=None,
        sp_velocity=8.0,
        sp_std=None,
        loss="soft_l1",
        f_scale=1.5,
        calibrate=5,
        level=0.9,
        n_starts=6,
        too_few="raise",
        n_jobs=None,
        random_state=None,
    ):
        self.offset_regressor = offset_regressor
        self.back_azimuth_regressor = back_azimuth_regressor
        self.picker = picker
        self.sp_velocity = sp_velocity
        self.sp_std = sp_std
        self.loss = loss
        self.f_scale = f_scale
        self.calibrate = calibrate
        self.level = level
        self.n_starts = n_starts
        self.too_few = too_few
        self.n_jobs = n_jobs
        self.random_state = random_state

    # Number of stations may change from fit to predict.
    _free_axes = ("stations",)

    def fit(self, X, y, stations=None):
        """Train the regressors on all recordings, and measure their errors.

        Parameters
        ----------
        X : NetworkEvents or array-like of shape (n_events, n_stations, n_components, n_samples)
            Waveforms; a missing station is NaN. Recordings with gaps are left out with a warning.
        y : array-like of shape (n_events, 2)
            Latitude and longitude of the epicentres in degrees. In a DataFrame, here and for
            `stations`, the columns that are called so or end in ``_latitude`` and ``_longitude``.
        stations : array-like of shape (n_stations, 2) or (n_events, n_stations, 2), optional
            Latitude and longitude of the stations; default: those of X.

        Returns
        -------
        self : object
            The fitted locator.

        Raises
        ------
        ValueError
            If X, y, stations or a parameter cannot be used, or no place of a station is known.
        """
        self._check_parameters()
        if self.picker is not None:
            opened(self.picker)
        waveforms = validate_waveforms(self, X, reset=True, ndim=(4,), allow_nan=True)
        y = _check_epicentres(y, len(waveforms))
        places = self._places(X, waveforms.shape[:2], stations)
        given = None if stations is None else check_places(stations, "stations")
        self.stations_ = given.copy() if given is not None and given.ndim == 2 else None
        traces = recorded_traces(waveforms, places)
        if len(traces.event) == 0:
            raise ValueError("SourceLocator found no complete recording at a station with a place")
        self.n_traces_ = len(traces.event)
        distance, azimuth = geodesics_to(places, traces, y)
        seed = check_seed(self.random_state)
        offset = self._trained("offset_regressor", traces, distance, seed)
        self.offset_regressor_, self.offset_errors_, offset = offset
        direction = self._trained("back_azimuth_regressor", traces, azimuth, seed, period=360.0)
        self.back_azimuth_regressor_, self.back_azimuth_errors_, direction = direction
        seconds = None if self.picker is None else sp_times(self.picker, traces.waveforms)
        self.sp_velocity_, self.sp_errors_ = self._learn_picks(seconds, distance, traces.event)
        self.std_factor_ = 1.0
        if self.calibrate is not None:
            tables = self._tables(traces, offset, direction, seconds)
            self.std_factor_ = self._calibrated(tables, places, y, seed)
        return self

    def predict(self, X, stations=None):
        """Locate events.

        Parameters
        ----------
        X : NetworkEvents or array-like of shape (n_events, n_stations, n_components, n_samples)
            Waveforms; the stations may be others than in ``fit``.
        stations : array-like of shape (n_stations, 2) or (n_events, n_stations, 2), optional
            Latitude and longitude of the stations; default: those of X, or those that ``fit`` was
            given for all events.

        Returns
        -------
        locations : Locations
            ``np.asarray(locations)`` are the epicentres, (n_events, 2). With ellipses, second
            solutions and residuals.

        Raises
        ------
        ValueError
            If X or stations cannot be used, or (by default) an event has too few stations; the
            message names it.
        """
        check_is_fitted(self)
        settings = self._check_parameters()
        waveforms = validate_waveforms(self, X, reset=False, ndim=(4,), allow_nan=True)
        places = self._places(X, waveforms.shape[:2], stations, known=self.stations_)
        traces = recorded_traces(waveforms, places)
        offset, direction = (
            predict_with_std(regressor, traces.waveforms)
            if regressor is not None and len(traces.event)
            else None
            for regressor in (self.offset_regressor_, self.back_azimuth_regressor_)
        )
        seconds = None if self.picker is None else sp_times(self.picker, traces.waveforms)
        tables = self._tables(traces, offset, direction, seconds)
        return locate_all(
            tables, places, settings, correlation=self._correlation(), too_few=self.too_few
        )

    def score(self, X, y, stations=None):
        """Minus the median epicentral error: greater is better, 0 is perfect.

        Parameters
        ----------
        X : NetworkEvents or array-like of shape (n_events, n_stations, n_components, n_samples)
            Waveforms.
        y : array-like of shape (n_events, 2)
            Latitude and longitude of the epicentres in degrees.
        stations : array-like of shape (n_stations, 2) or (n_events, n_stations, 2), optional
            As in :meth:`predict`.

        Returns
        -------
        score : float
            In km. Events that cannot be located (``too_few="nan"``) count as infinitely far.
        """
        error = epicentral_error(_check_epicentres(y, len(X)), self.predict(X, stations))
        return -float(np.median(np.where(np.isnan(error), np.inf, error)))

    def save(self, path):
        """Write this locator to one file, without pickle.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write; the suffix ``.seisclf`` is customary.

        Returns
        -------
        path : pathlib.Path
            The file written; read it with ``SourceLocator.load`` or ``seisclf.load``.
        """
        return save(self, path)

    @classmethod
    def load(cls, path):
        """Read a locator from a file that :meth:`save` wrote.

        Parameters
        ----------
        path : str or pathlib.Path
            File to read.

        Returns
        -------
        locator : SourceLocator
            As it was saved.

        Raises
        ------
        TypeError
            If the file holds something else.
        """
        locator = load(path)
        if not isinstance(locator, cls):
            raise TypeError(
                f"{path} holds a {type(locator).__name__}, not a {cls.__name__}: read it with "
                f"seisclf.load"
            )
        return locator

    def _check_parameters(self):
        settings = checked_settings(
            self.loss, self.f_scale, self.level, self.n_starts, too_few=self.too_few
        )
        if self.offset_regressor is None and self.picker is None:
            raise ValueError("SourceLocator needs an offset_regressor, a picker, or both")
        for name in ("sp_velocity", "sp_std"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, numbers.Real) and float(value) > 0):
                raise ValueError(f"{name} must be positive or None; got {value!r}")
        if self.calibrate is not None and not (
            isinstance(self.calibrate, numbers.Integral) and int(self.calibrate) >= 2
        ):
            raise ValueError(
                f"calibrate must be a number of folds, at least 2, or None; got {self.calibrate!r}"
            )
        return settings

    def _places(self, X, shape, stations, known=None):
        """Places of the stations, (n_events, n_stations, 2)."""
        if stations is None:
            stations = getattr(X, "stations", None)
        if stations is None:
            stations = known
        if stations is None:
            raise ValueError(
                "SourceLocator must know where the stations stand: give stations=, latitude and "
                "longitude of each, or X as seisclf.io.NetworkEvents(waveforms, stations=...)"
            )
        return check_stations(stations, shape, "X")

    def _trained(self, name, traces, target, seed, period=None):
        """A trained copy of a regressor, its errors, and predictions out of fold with std."""
        regressor = getattr(self, name)
        if regressor is None:
            return None, None, None
        trained = fitted_clone(regressor, traces.waveforms, target, traces.event)
        if self.calibrate is None:
            if predict_with_std(trained, traces.waveforms[:1])[1] is None:
                raise ValueError(
                    f"{name} states no standard deviation, so that they must be measured: "
                    f"calibrate=5, or take a regressor with predict(X, return_std=True)"
                )
            return trained, vars(Errors()), None
        n_events = len(np.unique(traces.event))
        if n_events < 2:
            raise ValueError(f"calibrate needs at least two events, or None; got {n_events}")
        predicted, std = out_of_fold(
            regressor,
            traces.waveforms,
            target,
            traces.event,
            n_folds=min(self.calibrate, n_events),
            random_state=seed,
            n_jobs=self.n_jobs,
        )
        errors = measured_errors(
            target,
            predicted,
            std,
            traces.event,
            level=self.level,
            period=period,
            grows=period is None,
        )
        return trained, vars(errors), (predicted, std)

    def _learn_picks(self, seconds, distance, event):
        """Velocity and errors of the distances from picks; None, None without a picker."""
        if seconds is None:
            return None, None
        velocity, std = self.sp_velocity, self.sp_std
        picked = np.isfinite(seconds)
        if (velocity is None or std is None) and picked.sum() < _FEWEST_PICKS:
            raise ValueError(
                f"picker found both P and S on {picked.sum()} of {len(seconds)} training traces, "
                f"where {_FEWEST_PICKS} are needed to measure their spread: give sp_velocity and "
                f"sp_std"
            )
        seconds, distance = seconds[picked], distance[picked]
        if velocity is None:
            velocity = np.median(distance / seconds)
        if std is not None:
            return float(velocity), vars(Errors(constant=float(std), slope=0.0))
        errors = measured_errors(
            distance, velocity * seconds, None, event[picked], level=self.level
        )
        return float(velocity), vars(errors)

    def _tables(self, traces, offset, direction, seconds):
        """What was said of the traces, as tables of events and stations for the search."""
        said = []
        if offset is not None:
            # What a regressor extrapolates to: no distance is negative or beyond the antipode.
            said.append(
                (0, np.clip(offset[0], 0, LARGEST_DISTANCE), offset[1], self.offset_errors_)
            )
        if seconds is not None:
            said.append((1, self.sp_velocity_ * seconds, None, self.sp_errors_))
        if direction is not None:
            said.append((2, *direction, self.back_azimuth_errors_))
        tables = []
        for kind, values, stated, errors in said:
            std = self.std_factor_ * Errors(**errors).std(values, stated)
            std = np.maximum(std, _SMALLEST_STD)
            tables.append(Measured(kind, traces.table(values), traces.table(std)))
        return tables or [Measured(0, *np.full((2, *traces.shape), np.nan))]

    def _correlation(self):
        return (self.offset_errors_ or {}).get("correlation", 0.0)

    def _calibrated(self, tables, places, y, seed):
        """Factor of all standard deviations with which the ellipses hold what they say."""
        n_stations = np.sum(np.any([np.isfinite(t.values) for t in tables if t.kind != 2], 0), 1)
        # With two stations a mirror image is always there, and makes the test an easy one.
        events = np.flatnonzero(n_stations >= 3)
        if len(events) < _FEWEST_EVENTS:
            return 1.0
        events = np.random.default_rng(seed).permutation(events)[:_MOST_EVENTS]
        parts = [Measured(t.kind, t.values[events], t.std[events]) for t in tables]
        settings = self._check_parameters()
        found = locate_all(
            parts, places[events], settings, correlation=self._correlation(), too_few="nan"
        )
        errors = np.sort(found.relative_errors(y[events]))
        rank = int(np.ceil(self.level * (len(errors) + 1)))
        return float(errors[min(rank, len(errors)) - 1])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.two_d_labels = True
        return tags


def _check_epicentres(y, n_events):
    y = check_places(y, "y")
    if y.shape != (n_events, 2):
        raise ValueError(
            f"y must hold latitude and longitude of each epicentre, shape ({n_events}, 2); got "
            f"{y.shape}"
        )
    if not np.isfinite(y).all():
        rows = np.flatnonzero(~np.isfinite(y).all(axis=1))
        raise ValueError(
            f"y has no epicentre for {len(rows)} events (row {rows[0]}, …): leave them out"
        )
    return y
