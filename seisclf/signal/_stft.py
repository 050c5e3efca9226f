"""Short-time Fourier transform."""

import numpy as np
from scipy.fft import rfft

from ._arrays import as_float, for_each_chunk
from ._frames import frame_settings

_OUTPUTS = ("complex", "magnitude", "power", "psd")


def stft(
    x,
    *,
    sampling_rate,
    window_length=None,
    hop=None,
    overlap=None,
    window="hann",
    n_fft=None,
    padding="zeros",
    detrend=None,
    output="complex",
    workers=None,
):
    """Short-time Fourier transform of every trace.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces.
    sampling_rate : float
        Samples per second (Hz).
    window_length : float
        Length of a frame in seconds, rounded to whole samples. May be left out if `window` is an
        array.
    hop : float, optional
        Seconds from one frame to the next. Give this or `overlap`; by default frames overlap by
        half.
    overlap : float, optional
        Part of the window shared by neighbouring frames, in [0, 1).
    window : str, tuple or array-like of shape (length,), default="hann"
        Window, by SciPy's name (periodic form, as for spectral analysis) or as an array.
    n_fft : int, optional
        Length of the Fourier transform in samples; zeros are appended to each frame. By default
        the length of the window.
    padding : {"zeros", "none"}, default="zeros"
        "zeros" puts half a window of zeros before and after the trace and completes the last
        frame with zeros: frame ``k`` is centred on time ``k * hop`` and every sample counts.
        "none" uses only frames that lie inside the trace; samples after the last complete frame
        are not used.
    detrend : {"constant", None}, default=None
        "constant" removes the mean of each frame before the window is applied.
    output : {"complex", "magnitude", "power", "psd"}, default="complex"
        "complex" is the transform of the windowed frame divided by the sum of the window, its
        phase counted from the first sample of the frame; "magnitude" and "power" are its modulus
        and squared modulus; "psd" is the one-sided power spectral density, in units of ``x**2``
        per Hz.
    workers : int, optional
        Threads. By default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Returns
    -------
    frequencies : ndarray of shape (n_frequencies,)
        Hz, ascending from 0.
    times : ndarray of shape (n_frames,)
        Centres of the frames, in seconds after the first sample.
    Z : ndarray of shape (..., n_frequencies, n_frames)
        Contiguous; single precision if `x` is float32, else double.

    Raises
    ------
    ValueError
        If a setting is impossible, or a trace is shorter than the window and not padded.

    Notes
    -----
    With ``padding="zeros"`` the result equals ``scipy.signal.stft(..., boundary="zeros",
    padded=True)``; with ``padding="none"``, ``detrend="constant"``, ``output="psd"`` and
    ``window=("tukey", 0.25)`` that of ``scipy.signal.spectrogram`` with its defaults.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import stft
    >>> sine = np.sin(2 * np.pi * 10 * np.arange(1000) / 100)
    >>> frequencies, times, Z = stft(
    ...     sine, sampling_rate=100, window_length=1.0, output="magnitude"
    ... )
    >>> Z.shape
    (51, 21)
    >>> frequencies[Z[:, 10].argmax()], times[10]
    (np.float64(10.0), np.float64(5.0))
    """
    settings = frame_settings(
        sampling_rate=sampling_rate,
        window_length=window_length,
        hop=hop,
        overlap=overlap,
        window=window,
        n_fft=n_fft,
        padding=padding,
    )
    x = as_float(x)
    transform = stft_of_rows(settings, x.shape[-1], x.dtype, detrend=detrend, output=output)
    rows = x.reshape(-1, x.shape[-1])
    shape = (settings.n_frequencies, settings.n_frames(x.shape[-1]))
    dtype = np.result_type(x.dtype, np.complex64) if output == "complex" else x.dtype
    Z = np.empty((len(rows), *shape), dtype=dtype)

    def run(start, stop):
        transform(rows[start:stop], Z[start:stop])

    bytes_per_row = 4 * settings.n_fft * shape[1] * x.itemsize
    for_each_chunk(run, len(rows), bytes_per_row, workers=workers)
    return settings.frequencies(), settings.times(x.shape[-1]), Z.reshape(x.shape[:-1] + shape)


def stft_of_rows(settings, n_samples, dtype, *, detrend, output):
    """Function ``(rows, out)`` that fills out (n_rows, n_frequencies, n_frames)."""
    if detrend not in (None, "constant"):
        raise ValueError(f'detrend must be "constant" or None, got {detrend!r}')
    if output not in _OUTPUTS:
        raise ValueError(f"output must be one of {_OUTPUTS}, got {output!r}")
    n_frames, length, hop = settings.n_frames(n_samples), settings.length, settings.hop
    window = (settings.window / _norm(settings, output)).astype(dtype)
    widths = ((0, 0), (settings.pad_left, settings.pad_right(n_samples)))

    def transform(rows, out):
        padded = np.pad(rows, widths) if any(widths[1]) else rows
        frames = np.lib.stride_tricks.sliding_window_view(padded, length, axis=-1)
        frames = frames[:, ::hop][:, :n_frames]
        if detrend == "constant":
            frames = frames - frames.mean(axis=-1, keepdims=True)
        spectra = rfft(frames * window, settings.n_fft, axis=-1, overwrite_x=True)
        spectra = np.swapaxes(spectra, -2, -1)
        if output == "complex":
            out[...] = spectra
        elif output == "magnitude":
            np.abs(spectra, out=out)
        else:
            np.add(spectra.real**2, spectra.imag**2, out=out)
            if output == "psd":
                out[:, 1 : (settings.n_fft + 1) // 2] *= 2

    return transform


def _norm(settings, output):
    window = settings.window
    norm = np.sqrt(settings.sampling_rate * (window**2).sum()) if output == "psd" else window.sum()
    if not norm:
        raise ValueError("the window sums to zero, so amplitudes cannot be scaled by it")
    return norm
