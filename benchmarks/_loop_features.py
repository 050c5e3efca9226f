"""The features of SeismicFeatures written plainly: SciPy, one trace after the other.

This is what one would write from the formulas. The tests take it as the truth, the benchmark as
the competitor. It shares no code with the package.
"""

from functools import cache

import numpy as np
from scipy import fft, ndimage, signal

BANDS = ((0.1, 1.0), (1.0, 3.0), (3.0, 10.0), (10.0, 20.0), (20.0, 50.0))


def event_features(event, rate, bands=BANDS):
    """Features of one event at a station.

    Parameters
    ----------
    event : ndarray of shape (n_channels, n_samples)
        Channels Z, N, E if there are three.
    rate : float
        Sampling rate in Hz.
    bands : tuple of (float, float)
        Frequency bands in Hz.

    Returns
    -------
    features : list of dict of str to float
        One for each channel, then for three channels one of polarity.
    """
    channels = [trace_features(trace, rate, bands) for trace in event]
    return [*channels, polarity_features(event, rate)] if len(event) == 3 else channels


def trace_features(trace, rate, bands=BANDS):
    """Waveform, spectral and spectrogram features of one trace."""
    s = signal.detrend(trace)
    return waveform(s, rate, bands) | spectrum(s, rate) | spectrogram(s, rate)


def waveform(s, rate, bands):
    n, dt = len(s), 1 / rate
    n_fft = fft.next_fast_len(n, real=True)
    envelope = np.abs(signal.hilbert(s, n_fft))[:n]
    e = smooth(envelope / envelope.max(), odd(0.03 * rate))
    es = smooth(envelope, odd(1.0 * rate))
    tm = int(es.argmax())
    decay = es[tm:] / es[tm]
    line = np.linspace(1, 0, len(decay))

    spectrum = fft.rfft(s, 2 * n_fft)
    acf = fft.irfft(np.abs(spectrum) ** 2, 2 * n_fft)
    acf_envelope = smooth(np.abs(signal.hilbert(acf / acf[0]))[:n], odd(rate), "mirror")
    third = round(n / 3)
    twice = smooth(acf_envelope, odd(rate), "mirror")

    features = {
        "duration_s": n * dt,
        "env_max_over_mean": 1 / e.mean(),
        "env_max_over_median": 1 / np.median(e),
        "asc_desc_ratio": tm / (n - 1 - tm) if tm < n - 1 else np.nan,
        "kurt_sig": moment(s, 4),
        "kurt_env": moment(e, 4),
        "skew_sig": moment(s, 3),
        "skew_env": moment(e, 3),
        "acf_n_peaks": n_peaks(twice / twice.max(), 0.4),
        "acf_energy_first_third": acf_envelope[:third].sum() * dt,
        "acf_energy_last_two_thirds": acf_envelope[third:].sum() * dt,
        "acf_energy_ratio": acf_envelope[:third].sum() / acf_envelope[third:].sum(),
        "decay_line_rms": np.sqrt(np.mean((decay - line) ** 2)),
    }
    plain = fft.rfft(s, n_fft)
    for k, (low, high) in enumerate(bands, 1):
        band = fft.irfft(plain * butterworth(n_fft, rate, low, high).astype(s.dtype), n_fft)
        features[f"band_energy_{k}"] = np.log10(np.abs(signal.hilbert(band))[:n].sum() * dt)
        features[f"band_kurt_{k}"] = moment(band[:n], 4)
    return features


@cache
def butterworth(n_fft, rate, low, high):
    """Magnitude response of SciPy's analogue filter of order 2."""
    f = fft.rfftfreq(n_fft, 1 / rate)
    kind, corner = ("highpass", low) if high >= rate / 2 else ("bandpass", (low, high))
    b, a = signal.butter(2, 2 * np.pi * np.asarray(corner), kind, analog=True)
    return np.abs(signal.freqs(b, a, 2 * np.pi * f)[1])


def spectrum(s, rate):
    n_fft = fft.next_fast_len(len(s), real=True)
    f = fft.rfftfreq(n_fft, 1 / rate)
    spacing = rate / n_fft
    amplitude = np.abs(fft.rfft(s, n_fft)) / rate
    for _ in range(2):
        amplitude = smooth(amplitude, odd(0.5 / spacing), "mirror")
    relative = amplitude / amplitude.max()
    centroid, below, above = centroids(relative, f)
    m0, m1, m2 = (np.sum(f**j * relative**2) for j in range(3))
    gamma1, gamma2 = m1 / m0, np.sqrt(m2 / m0)
    peaks = signal.find_peaks(relative, height=0.75, distance=round(1.0 / spacing))[0]
    features = {
        "fft_mean": relative.mean(),
        "fft_max": amplitude.max(),
        "fft_freq_max": f[relative.argmax()],
        "fft_centroid": centroid,
        "fft_quartile1": below,
        "fft_quartile3": above,
        "fft_median": np.median(relative),
        "fft_var": relative.var(ddof=1),
        "fft_n_peaks": len(peaks),
        "fft_peaks_mean": relative[peaks].mean() if len(peaks) else 0.0,
        "gamma1": gamma1,
        "gamma2": gamma2,
        "gammas": np.sqrt(abs(gamma1**2 - gamma2**2)),
    }
    for k in range(4):
        quarter = (f >= f[-1] * k / 4) & ((f < f[-1] * (k + 1) / 4) | (k == 3))
        features[f"fft_energy_q{k + 1}"] = relative[quarter].sum() * spacing
    return features


def spectrogram(s, rate):
    length = round(rate)
    hop = round(0.2 * length)
    f, _, g = signal.spectrogram(
        s,
        rate,
        window="hann",
        nperseg=length,
        noverlap=length - hop,
        detrend=False,
        scaling="spectrum",
        mode="magnitude",
    )
    g = smooth(2 * g, odd(0.5 * rate / hop))
    largest, mean, median = g.max(axis=0), g.mean(axis=0), np.median(g, axis=0)
    centroid, below, above = centroids(g.T, f)
    n_max, n_mean, n_median, n_centroid, n_strongest = (
        n_peaks(curve / curve.max(), 0.75)
        for curve in (largest, mean, median, centroid, f[g.argmax(axis=0)])
    )
    return {
        "spg_kurt_max": moment(largest, 4),
        "spg_kurt_median": moment(median, 4),
        "spg_max_over_mean": np.mean(largest / mean),
        "spg_max_over_median": np.mean(largest / median),
        "spg_n_peaks_max": n_max,
        "spg_n_peaks_mean": n_mean,
        "spg_n_peaks_median": n_median,
        "spg_ratio_45_46": n_max / n_mean if n_mean else 0.0,
        "spg_ratio_45_47": n_max / n_median if n_median else 0.0,
        "spg_n_peaks_centroid_freq": n_centroid,
        "spg_n_peaks_max_freq": n_strongest,
        "spg_ratio_50_51": n_centroid / n_strongest if n_strongest else 0.0,
        "spg_dist_max_mean": np.mean(np.abs(largest - mean)),
        "spg_dist_max_median": np.mean(np.abs(largest - median)),
        "spg_dist_q2_q1": np.mean(np.abs(centroid - below)),
        "spg_dist_q3_q2": np.mean(np.abs(above - centroid)),
        "spg_dist_q3_q1": np.mean(np.abs(above - below)),
    }


def polarity_features(event, rate):
    """Polarity of one event with the components Z, N and E."""
    n = event.shape[-1]
    z, north, e = signal.detrend(event)
    n_fft = fft.next_fast_len(n, real=True)
    total = sum(np.abs(signal.hilbert(c, n_fft))[:n] ** 2 for c in (z, north, e))
    stop = int(smooth(np.sqrt(total), odd(rate)).argmax()) // 3
    if stop < 3:
        return dict.fromkeys(
            ("pol_rectilinearity", "pol_azimuth_deg", "pol_dip_deg", "pol_planarity"), np.nan
        )
    (l1, l2, l3), vectors = np.linalg.eigh(np.cov([e[:stop], north[:stop], z[:stop]]))
    east, north, up = vectors[:, 2] * (1 if vectors[0, 2] >= 0 else -1)
    return {
        "pol_rectilinearity": 1 - (l1 + l2) / (2 * l3),
        "pol_azimuth_deg": np.degrees(np.arctan(north / east)),
        "pol_dip_deg": np.degrees(np.arctan(up / np.hypot(east, north))),
        "pol_planarity": 1 - 2 * l1 / (l2 + l3),
    }


def smooth(x, length, mode="reflect"):
    return ndimage.uniform_filter1d(x, length, axis=-1, mode=mode)


def odd(length):
    return max(1, 2 * round((length - 1) / 2) + 1)


def moment(x, order):
    """Standardised central moment: scipy.stats gives the same, and checks its input at length."""
    deviation = x - x.mean()
    square = deviation * deviation
    power = square * (square if order == 4 else deviation)
    return power.mean() / square.mean() ** (order / 2)


def n_peaks(curve, threshold):
    # The height of find_peaks may be reached; a peak must lie above.
    return len(signal.find_peaks(curve, height=np.nextafter(threshold, 1))[0])


def centroids(amplitude, f):
    centroid = amplitude @ f / amplitude.sum(axis=-1)
    low = np.where(f <= np.expand_dims(centroid, -1), amplitude, 0)
    high = amplitude - low
    return centroid, low @ f / low.sum(axis=-1), high @ f / high.sum(axis=-1)
