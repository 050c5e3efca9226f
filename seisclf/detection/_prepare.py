"""Preparation of records within a scan."""

import numpy as np

from ..signal import bandpass


class RocknetPreparation:
    """The band-pass of RockNet's authors, stretch by stretch.

    Each unbroken stretch is freed from the mean of its first second and filtered by the causal
    Butterworth band-pass of :func:`rocknet_record`, in double precision and from a state of rest.
    Unlike the mean of a whole record, the level at which a stretch begins does not depend on how
    much of it is read at once.

    Parameters
    ----------
    freq_min, freq_max : float, default=5.0, 45.0
        Corners of the filter in Hz.
    corners : int, default=4
        Order of the Butterworth prototype.

    Attributes
    ----------
    warm_up : float
        Seconds before a record that the filter needs to forget where it began.
    """

    def __init__(self, *, freq_min=5.0, freq_max=45.0, corners=4):
        self.freq_min, self.freq_max, self.corners = freq_min, freq_max, corners

    @property
    def warm_up(self):
        """Seconds; 150 periods of the lower corner."""
        return 150.0 / self.freq_min

    def __repr__(self):
        return (
            f"RocknetPreparation(freq_min={self.freq_min!r}, freq_max={self.freq_max!r}, "
            f"corners={self.corners!r})"
        )

    def __call__(self, stream):
        """Filter a stream of unbroken traces; it is left unchanged."""
        from obspy import Stream, Trace

        out = Stream()
        for trace in stream:
            rate = trace.stats.sampling_rate
            if rate / 2 <= self.freq_max:
                raise ValueError(
                    f"freq_max={self.freq_max:g} Hz is not below half the sampling rate of "
                    f"{trace.id} ({rate:g} Hz)"
                )
            data = np.asarray(trace.data, dtype=np.float64)
            data = data - data[: max(1, round(rate))].mean()
            filtered = bandpass(
                data, sampling_rate=rate, low=self.freq_min, high=self.freq_max,
                order=self.corners, zero_phase=False,
            )  # fmt: skip
            out.append(Trace(filtered, trace.stats.copy()))
        return out


def preparation(prepare):
    """What `prepare` of a scan means: a callable or None.

    Raises
    ------
    ValueError, TypeError
        If it means nothing.
    """
    if isinstance(prepare, str):
        if prepare != "rocknet":
            raise ValueError(f"prepare must be 'rocknet', a callable or None; got {prepare!r}")
        return RocknetPreparation()
    if prepare is not None and not callable(prepare):
        raise TypeError(
            f"prepare must be a callable from Stream to Stream, 'rocknet' or None; got "
            f"{type(prepare).__name__}"
        )
    return prepare
