"""Windows in which only a part of an event has arrived."""

import numpy as np

from ._base import check_number
from ._mosaic_base import MosaicBase

_P, _S = 0, 1


class EarlyWarningAugmenter(MosaicBase):
    """Cut windows that begin or end between P and S: early-warning augmentation.

    Two windows are cut from each event, or mosaic of events: one ends between P and S of the
    last event, so that its P wave is all that can be seen of it, as in earthquake early warning;
    the other begins between P and S of the first. A network that scans a record sees both all the
    time. It is a variant of `MosaicAugmenter` [1]_, and is used in the same way.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        In Hz.
    n_events : int or tuple of int (smallest, largest), default=1
        Events in a mosaic; 1 takes single events.
    sampling_strategy : str, float, int, dict or callable, default="auto"
        As for `MosaicAugmenter`.
    margin : float, default=0.5
        Seconds that a window begins before S at the latest, or ends after P at the earliest.
        Events with a shorter time between P and S are rejected.
    edges : {"both", "begin", "end"}, default="both"
        Which windows are cut: those that begin, or end, within an event.
    mode : {"ps_res", "envelope"}, default="ps_res"
        As for `MosaicAugmenter`; P and S are needed in both.
    ps_residual : float, default=1.5
        As for `MosaicAugmenter`, and so all that follow.
    lead : float, default=0.5
        Seconds before P that belong to the event.
    amplitude : tuple of float (smallest, largest), optional
        Range of random factors for all events but the first.
    amplitude_per : {"component", "event"}, default="component"
        What gets its own factor.
    max_joint_ratio : float or None, default=3.0
        Largest step at a joint.
    joint_window : float, default=1.0
        Seconds on either side of a joint.
    min_p_snr : float or None, default=1.5
        Smallest step at the onset of an added event.
    snr_window : float, default=3.0
        Seconds on either side of the onset.
    highpass : float or None, default=2.0
        Corner in Hz for these two rules.
    taper : float, default=0.1
        Taper for these two rules.
    vertical : int, default=0
        Number of the vertical component.
    min_noise : float, default=1.0
        Seconds of noise before the first event's lead, if its record has to be made longer.
    fade : float, default=1.0
        Seconds over which a record fades into noise, or out, where it ends.
    normalize : bool, default=False
        Give each channel of a new window zero mean and unit variance.
    probability : float, default=0.5
        For ``augment``: share of the usable events that are replaced.
    max_attempts : int, default=200
        A class is given up after so many rejected mosaics in a row. In ``augment`` each event
        gets at most ten.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Fixes what ``fit_resample`` draws.

    Attributes
    ----------
    report_, sources_ : dict, ndarray
        As for `MosaicAugmenter`.
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape of X.

    Warns
    -----
    UserWarning
        As `MosaicAugmenter`.

    See Also
    --------
    MosaicAugmenter : Several events in one window.

    Notes
    -----
    In a window that begins after P, the time of P is negative; in one that ends before S, that of
    S lies beyond the end. A label over time from P to S is thus cut off at the edge.

    The authors' function adds the 0.5 s before P to a number of samples, so that windows begin
    from 0.47 s before P on and not from P on; here all times are in seconds. It also gives the
    centred window of the mosaic once more, which `MosaicAugmenter` does.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12, section III-E. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> from seisclf.augmentation import EarlyWarningAugmenter
    >>> from seisclf.datasets import make_seismic_events
    >>> events = make_seismic_events(10, classes=["earthquake"], random_state=0)
    >>> augmenter = EarlyWarningAugmenter(sampling_strategy=4, edges="end", random_state=0)
    >>> X, y = augmenter.fit_resample(events.data, events.target, arrivals=events.arrivals)
    >>> new = y[10:].arrivals
    >>> bool((new["P"] < 30).all()), bool((new["S"] > 30).all())
    (True, True)
    """

    _needs_s = True

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        n_events=1,
        sampling_strategy="auto",
        margin=0.5,
        edges="both",
        mode="ps_res",
        ps_residual=1.5,
        lead=0.5,
        amplitude=None,
        amplitude_per="component",
        max_joint_ratio=3.0,
        joint_window=1.0,
        min_p_snr=1.5,
        snr_window=3.0,
        highpass=2.0,
        taper=0.1,
        vertical=0,
        min_noise=1.0,
        fade=1.0,
        normalize=False,
        probability=0.5,
        max_attempts=200,
        random_state=None,
    ):
        self.sampling_rate = sampling_rate
        self.n_events = n_events
        self.sampling_strategy = sampling_strategy
        self.margin = margin
        self.edges = edges
        self.mode = mode
        self.ps_residual = ps_residual
        self.lead = lead
        self.amplitude = amplitude
        self.amplitude_per = amplitude_per
        self.max_joint_ratio = max_joint_ratio
        self.joint_window = joint_window
        self.min_p_snr = min_p_snr
        self.snr_window = snr_window
        self.highpass = highpass
        self.taper = taper
        self.vertical = vertical
        self.min_noise = min_noise
        self.fade = fade
        self.normalize = normalize
        self.probability = probability
        self.max_attempts = max_attempts
        self.random_state = random_state

    @classmethod
    def _get_test_params(cls):
        return [{"min_noise": 0.1, "fade": 0.1, "lead": 0.1, "margin": 0.02, "max_attempts": 20}]

    def _check_params(self):
        super()._check_params()
        check_number("margin", self.margin, 0)
        if self.edges not in ("both", "begin", "end"):
            raise ValueError(f'edges must be "both", "begin" or "end", got {self.edges!r}')

    def _draw_starts(self, times, centred_samples, rng):
        rate = self.sampling_rate
        starts = []
        if self.edges != "end":
            starts.append(_sample_between(times[0, _P], times[0, _S] - self.margin, rate, rng))
        if self.edges != "begin":
            stop = _sample_between(times[-1, _P] + self.margin, times[-1, _S], rate, rng)
            starts.append(None if stop is None else stop - centred_samples)
        return [] if None in starts else starts


def _sample_between(earliest, latest, rate, rng):
    """A sample strictly after one time and not after another, None if there is none."""
    low, high = int(np.floor(earliest * rate)) + 1, int(np.floor(latest * rate))
    return int(rng.integers(low, high + 1)) if low <= high else None
