"""Marching mosaics: several events in one window, shifted."""

import numpy as np

from ._base import check_range
from ._mosaic_base import MosaicBase


class MosaicAugmenter(MosaicBase):
    """Superpose events of a class in one window, and shift it: marching mosaic augmentation.

    From k events of one class a longer trace is made [1]_: the first is its base, the others are
    added at random distances behind each other, and three windows are cut, one centred, one
    shifted forward, one backward. The windows have the length of those in X, and know where each
    of their events lies. Mosaics that would show how they were made are rejected.

    As a step of :class:`imblearn.pipeline.Pipeline` it adds such windows to a training set, by
    default until all classes have equally many; as ``augmenter`` of a network it replaces events
    of each batch by windows of mosaics that contain them.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        In Hz.
    n_events : int or tuple of int (smallest, largest), default=2
        Events in a mosaic. The authors' number is not published.
    sampling_strategy : str, float, int, dict or callable, default="auto"
        How many rows ``fit_resample`` adds. "auto", "balance", "not majority" or "all": as many
        as bring each class to the size of the largest; "minority": the same for the smallest
        class only; a float in (0, 1]: bring each class to at least this part of the largest; an
        int: so many new rows for each class; a dictionary: the number of rows of each class
        afterwards, as in imbalanced-learn; or a function of y that gives such a dictionary.
    mode : {"ps_res", "envelope"}, default="ps_res"
        How long an event is. "ps_res" takes rows that have P and S, from `lead` before P to
        `ps_residual` (S - P) after it. "envelope" takes rows that have P, or else a start (such
        as rockfalls), until their end, which is measured from the envelope where it is unknown.
    ps_residual : float, default=1.5
        See `mode`; at least 1.
    lead : float, default=0.5
        Seconds before P that belong to the event. An added event fades in over the first half of
        them. (The slack of 0.5 s per event in the authors' sum of lengths is this same lead.)
    shift : tuple of float (smallest, largest), default=(1.0, 6.0)
        Range in seconds from which the shifts forward and backward are drawn.
    marching : bool, default=True
        Whether to cut the two shifted windows, too.
    amplitude : tuple of float (smallest, largest), optional
        Range of random factors for all events but the first. None leaves amplitudes alone.
    amplitude_per : {"component", "event"}, default="component"
        What gets its own factor. "event" keeps the polarization of an event.
    max_joint_ratio : float or None, default=3.0
        Reject a mosaic if on any channel the standard deviation after a joint is more than this
        many times the one before it. None switches the rule off, and so below.
    joint_window : float, default=1.0
        Seconds on either side of a joint that are compared.
    min_p_snr : float or None, default=1.5
        Reject a mosaic if the standard deviation after the onset of an added event, on the
        vertical component, is less than this many times the one before it.
    snr_window : float, default=3.0
        Seconds on either side of the onset that are compared.
    highpass : float or None, default=2.0
        Corner in Hz of the causal high-pass through which these two rules look.
    taper : float, default=0.1
        Part of the window inside the cosine of the Tukey window that follows it.
    vertical : int, default=0
        Number of the vertical component (the last channel, if there are fewer).
    min_noise : float, default=1.0
        Seconds of noise that the first event must have before its lead, if its record has to
        be made longer: the noise goes on there.
    fade : float, default=1.0
        Seconds over which a record fades into noise, or out, where it ends.
    normalize : bool, default=False
        Give each channel of a new window zero mean and unit variance, as the authors do. Wanted
        only if X is so already: networks normalize for themselves.
    probability : float, default=0.5
        For ``augment``: share of the usable events that are replaced.
    max_attempts : int, default=200
        A class is given up after so many rejected mosaics in a row; with the authors' rules
        seven to nine of ten were rejected in our trials. In ``augment`` each event gets at most
        ten.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Fixes what ``fit_resample`` draws.

    Attributes
    ----------
    report_ : dict
        What ``fit_resample`` did: rows ``"wanted"`` and ``"made"`` by class, ``"rows_left_out"``
        and ``"mosaics_rejected"`` by reason, and the number of ``"mosaics_tried"``.
    sources_ : ndarray of int, shape (n_added, n_events)
        Rows of X of which each added row is made, in their order in time; -1 where there are
        fewer. Use it to give added rows the group of an event.
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape of X.

    Warns
    -----
    UserWarning
        If fewer rows could be made than were wanted, with the reasons; if no arrivals are given
        to ``fit_resample``: they are then estimated from the waveforms.

    See Also
    --------
    EarlyWarningAugmenter : Windows that begin or end between P and S.
    seisclf.utils.EventLabels : Labels that carry arrivals, as come back from ``fit_resample``.

    Notes
    -----
    Rows of X come first and are not changed. Rows that hold several events are not used: they
    are mosaics already. An event of which nothing lies inside a window is forgotten; one of which
    a part does keeps all its times, which may then be negative or beyond the end.

    Here the records are as long as the windows, where the authors cut from longer ones. Where the
    base would end, it goes on with its own noise, see `min_noise`. New windows have no offset:
    X should be filtered or detrended beforehand.

    The authors' functions have slips that are not copied: a joint or onset near the edge of the
    window is compared with an empty stretch, and the NaN passes; 100 Hz is fixed in the quality
    control, whatever the rate; with manual picks, S is written over P; a NaN of the normalization
    becomes 1e-4; and labels end one sample early. Their shifts are whole seconds, ours any; their
    added records begin with a step, ours fade in.

    References
    ----------
    .. [1] Liao, W.-Y., Lee, E.-J., Chen, D.-Y., Chen, P., Mu, D., Wu, Y.-M. (2022). RED-PAN:
       Real-Time Earthquake Detection and Phase-Picking With Multitask Attention Network. IEEE
       Transactions on Geoscience and Remote Sensing, 60, 2900111.
    .. [2] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12, section III-E. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> from seisclf.augmentation import MosaicAugmenter
    >>> from seisclf.datasets import make_seismic_events
    >>> events = make_seismic_events(
    ...     30, classes=["quake", "noise"], class_balance=[1, 2], random_state=0
    ... )
    >>> augmenter = MosaicAugmenter(random_state=0)
    >>> X, y = augmenter.fit_resample(events.data, events.target, arrivals=events.arrivals)
    >>> augmenter.report_["made"]
    {'noise': 0, 'quake': 10}
    >>> sorted(y.arrivals)
    ['P', 'P_1', 'S', 'S_1', 'end', 'end_1', 'start', 'start_1']
    """

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        n_events=2,
        sampling_strategy="auto",
        mode="ps_res",
        ps_residual=1.5,
        lead=0.5,
        shift=(1.0, 6.0),
        marching=True,
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
        self.mode = mode
        self.ps_residual = ps_residual
        self.lead = lead
        self.shift = shift
        self.marching = marching
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
        return [
            {"min_noise": 0.1, "fade": 0.1, "lead": 0.1, "shift": (0.1, 0.3), "max_attempts": 20}
        ]

    def _check_params(self):
        super()._check_params()
        check_range("shift", self.shift, 0)

    def _draw_starts(self, times, centred_samples, rng):
        if not self.marching:
            return [0]
        forward, backward = np.round(rng.uniform(*self.shift, 2) * self.sampling_rate)
        return [int(forward), 0, -int(backward)]
