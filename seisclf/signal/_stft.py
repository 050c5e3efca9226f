"""Short-time Fourier transform."""

import functools

import numpy as np
from scipy.fft import rfft

from ._arrays import as_float, for_each_chunk
from ._frames import frame_settings

OUTPUTS = ("complex", "magnitude", "power", "psd")


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
    n_samples = x.shape[-1]
    make_transform = stft_of_rows(settings, n_samples, x.dtype, detrend=detrend, output=output)
    rows = x.reshape(-1, n_samples)
    shape = (settings.n_frequencies, settings.n_frames(n_samples))
    dtype = np.result_type(x.dtype, np.complex64) if output == "complex" else x.dtype
    Z = np.empty((len(rows), *shape), dtype=dtype)

    def make_worker(size):
        transform = make_transform(size)
        return lambda start, stop: transform(rows[start:stop], Z[start:stop])

    for_each_chunk(
        make_worker, len(rows), stft_bytes(settings, n_samples, x.itemsize), workers=workers
    )
    return settings.frequencies(), settings.times(n_samples), Z.reshape(x.shape[:-1] + shape)


def stft_bytes(settings, n_samples, itemsize):
    """Memory that the transform of one trace touches."""
    per_frame = settings.length + 3 * settings.n_frequencies
    return itemsize * (2 * n_samples + per_frame * settings.n_frames(n_samples))


def stft_of_rows(settings, n_samples, dtype, *, detrend, output):
    """Prepare a transform of traces of one length.

    The result is a function ``make(size)``, to be called once per thread. What that returns
    fills ``out`` (n_rows, n_frequencies, n_frames) from ``rows`` (n_rows, n_samples), for up to
    `size` rows.
    """
    if detrend not in (None, "constant"):
        raise ValueError(f'detrend must be "constant" or None, got {detrend!r}')
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {OUTPUTS}, got {output!r}")
    make = _matrix_transform if _matrix_is_faster(settings, dtype) else _fft_transform
    return functools.partial(
        make, settings, n_samples, np.dtype(dtype), detrend == "constant", output
    )


def _matrix_is_faster(settings, dtype):
    """Whether multiplying by the DFT matrix beats the fast transform, for short frames it does."""
    # Measured with OpenBLAS and AVX-512: both take equally long at frames of about 128 samples in
    # single and 80 in double precision.
    products = settings.length * settings.n_frequencies
    return products <= (8500 if dtype == np.float32 else 3500)


def _matrix_transform(settings, n_samples, dtype, demean, output, size):
    n_frames, n_frequencies = settings.n_frames(n_samples), settings.n_frequencies
    matrix = _dft_matrix(settings, output).astype(dtype)
    cut = _frame_cutter(settings, n_samples, dtype, size)
    frames_of = np.empty((size, settings.length, n_frames), dtype)
    parts_of = np.empty((size, 2 * n_frequencies, n_frames), dtype)

    def transform(rows, out):
        n_rows = len(rows)
        frames, parts = frames_of[:n_rows], parts_of[:n_rows]
        # Frequency by frame is the layout of the result, so frames go into columns.
        np.copyto(frames, cut(rows).swapaxes(1, 2))
        if demean:
            frames -= frames.mean(axis=1, keepdims=True)
        np.matmul(matrix, frames, out=parts)
        real, imag = parts[:, :n_frequencies], parts[:, n_frequencies:]
        if output == "complex":
            out.real, out.imag = real, imag
            return
        np.multiply(parts, parts, out=parts)
        np.add(real, imag, out=out)
        if output == "magnitude":
            np.sqrt(out, out=out)

    return transform


def _fft_transform(settings, n_samples, dtype, demean, output, size):
    window = (settings.window / _norm(settings, output)).astype(dtype)
    cut = _frame_cutter(settings, n_samples, dtype, size)
    frames_of = np.empty((size, settings.n_frames(n_samples), settings.length), dtype)

    def transform(rows, out):
        frames = frames_of[: len(rows)]
        np.copyto(frames, cut(rows))
        if demean:
            frames -= frames.mean(axis=-1, keepdims=True)
        frames *= window
        spectra = rfft(frames, settings.n_fft, axis=-1)
        if output == "complex":
            np.copyto(out, spectra.swapaxes(1, 2))
        elif output == "magnitude":
            np.copyto(out, np.abs(spectra).swapaxes(1, 2))
        else:
            parts = spectra.view(dtype)
            np.multiply(parts, parts, out=parts)
            np.add(parts[..., 0::2].swapaxes(1, 2), parts[..., 1::2].swapaxes(1, 2), out=out)
            if output == "psd":
                out[:, _doubled(settings)] *= 2

    return transform


def _frame_cutter(settings, n_samples, dtype, size):
    """Function that gives a view (n_rows, n_frames, length) of the frames of some rows."""
    left, right = settings.pad_left, settings.pad_right(n_samples)
    padded = np.zeros((size, left + n_samples + right), dtype)
    shape = (settings.n_frames(n_samples), settings.length)

    def cut(rows):
        if left or right:
            target = padded[: len(rows)]
            target[:, left : left + n_samples] = rows
            rows = target
        else:
            rows = np.ascontiguousarray(rows)
        # As sliding_window_view, at a tenth of its cost; no frame ends behind the padded trace.
        return np.ndarray(
            (len(rows), *shape),
            dtype,
            buffer=rows,
            strides=(rows.strides[0], settings.hop * rows.itemsize, rows.itemsize),
        )

    return cut


def _dft_matrix(settings, output):
    """Rows of the windowed Fourier transform, real parts above imaginary parts."""
    n = np.arange(settings.length)
    k = np.arange(settings.n_frequencies)[:, np.newaxis]
    # Reducing the product first keeps the angle exact for long transforms.
    angle = 2 * np.pi / settings.n_fft * (n * k % settings.n_fft)
    window = settings.window / _norm(settings, output)
    if output == "psd":
        factor = np.ones_like(k, dtype=float)
        factor[_doubled(settings)] = np.sqrt(2)
        window = window * factor
    return np.concatenate([np.cos(angle) * window, -np.sin(angle) * window])


def _doubled(settings):
    """Frequencies whose negative twin counts too: all but zero and Nyquist."""
    return slice(1, (settings.n_fft + 1) // 2)


def _norm(settings, output):
    window = settings.window
    norm = np.sqrt(settings.sampling_rate * (window**2).sum()) if output == "psd" else window.sum()
    if not norm:
        raise ValueError("the window sums to zero, so amplitudes cannot be scaled by it")
    return norm
