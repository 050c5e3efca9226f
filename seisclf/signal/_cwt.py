"""Continuous wavelet transform."""

import numpy as np
from scipy.fft import ifft, next_fast_len, rfft

from ._arrays import as_float, check_positive, for_each_chunk

_OUTPUTS = ("complex", "magnitude", "power")


def cwt(x, *, sampling_rate, frequencies, w0=6.0, output="magnitude", workers=None):
    """Continuous wavelet transform with the analytic Morlet wavelet.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces.
    sampling_rate : float
        Samples per second (Hz).
    frequencies : array-like of shape (n_frequencies,)
        Centre frequencies (Hz), above 0 and not above the Nyquist frequency.
    w0 : float, default=6.0
        Oscillations in the wavelet: its standard deviation in time is ``w0 / (2 pi f)`` seconds,
        in frequency ``f / w0``. More oscillations resolve frequency better and time worse.
    output : {"magnitude", "power", "complex"}, default="magnitude"
        What to return of each coefficient.
    workers : int, optional
        Threads. By default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Returns
    -------
    W : ndarray of shape (..., n_frequencies, n_samples)
        Coefficients; single precision if `x` is float32, else double.

    Raises
    ------
    ValueError
        If a frequency lies outside (0, sampling_rate / 2], or `output` is unknown.

    Notes
    -----
    Amplitudes are kept: a sine of amplitude ``a`` and frequency ``f`` has magnitude ``a`` at
    ``f``. Traces are continued by zeros; within ``w0 / (pi f)`` seconds of either end (two
    standard deviations of the wavelet) magnitudes are too small.

    References
    ----------
    .. [1] Torrence and Compo (1998), "A practical guide to wavelet analysis", Bulletin of the
       American Meteorological Society 79(1), 61-78.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import cwt
    >>> sine = 2 * np.sin(2 * np.pi * 10 * np.arange(1000) / 100)
    >>> W = cwt(sine, sampling_rate=100, frequencies=[5, 10, 20])
    >>> W.shape
    (3, 1000)
    >>> W[:, 500].round(3)
    array([0.   , 2.   , 0.022])
    """
    x = as_float(x)
    sampling_rate = check_positive(sampling_rate, "sampling_rate")
    frequencies = check_frequencies(frequencies, sampling_rate)
    w0 = check_positive(w0, "w0")
    if output not in _OUTPUTS:
        raise ValueError(f"output must be one of {_OUTPUTS}, got {output!r}")
    transform = cwt_of_rows(x.shape[-1], x.dtype, sampling_rate, frequencies, w0, output)
    rows = x.reshape(-1, x.shape[-1])
    dtype = np.result_type(x.dtype, np.complex64) if output == "complex" else x.dtype
    W = np.empty((len(rows), len(frequencies), x.shape[-1]), dtype=dtype)

    def run(start, stop):
        transform(rows[start:stop], W[start:stop])

    for_each_chunk(
        lambda size: run, len(rows), 8 * len(frequencies) * x.shape[-1], workers=workers
    )
    return W.reshape(x.shape[:-1] + W.shape[1:])


def check_frequencies(frequencies, sampling_rate):
    """Array of frequencies, all inside (0, Nyquist]."""
    frequencies = np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
    if frequencies.ndim != 1 or not len(frequencies):
        raise ValueError("frequencies must be a non-empty one-dimensional sequence in Hz")
    nyquist = sampling_rate / 2
    if not ((frequencies > 0) & (frequencies <= nyquist)).all():
        raise ValueError(
            f"frequencies must lie in (0, {nyquist:g}] Hz, the Nyquist frequency at "
            f"sampling_rate={sampling_rate:g} Hz; got {frequencies.min():g} to "
            f"{frequencies.max():g} Hz"
        )
    return frequencies


def cwt_of_rows(n_samples, dtype, sampling_rate, frequencies, w0, output):
    """Function ``(rows, out)`` that fills out (n_rows, n_frequencies, n_samples)."""
    # Zeros for four standard deviations of the longest wavelet, at most the trace itself, keep
    # one end from leaking into the other.
    reach = 4 * w0 / (2 * np.pi * frequencies.min()) * sampling_rate
    n_fft = next_fast_len(n_samples + int(np.ceil(min(reach, n_samples))))
    bins = np.fft.rfftfreq(n_fft, 1 / sampling_rate)
    # Twice the Gaussian on positive frequencies: the analytic signal of each band.
    wavelets = 2 * np.exp(-0.5 * (w0 * (bins / frequencies[:, None] - 1)) ** 2)
    wavelets[:, 0] = 0
    wavelets = wavelets.astype(dtype)

    def transform(rows, out):
        spectra = rfft(rows, n_fft, axis=-1)
        for row, spectrum in enumerate(spectra):
            bands = ifft(spectrum * wavelets, n_fft, axis=-1, overwrite_x=True)[:, :n_samples]
            if output == "complex":
                out[row] = bands
            elif output == "magnitude":
                np.abs(bands, out=out[row])
            else:
                np.add(bands.real**2, bands.imag**2, out=out[row])

    return transform
