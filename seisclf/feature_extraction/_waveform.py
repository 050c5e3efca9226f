"""The 23 features of the waveform, its envelope, its autocorrelation and its frequency bands."""

import numpy as np

from ._kernels import (
    boxcar,
    interquartile_range,
    kurtosis,
    median,
    row_sum_of_products,
    skewness_and_kurtosis,
)
from ._peaks import count_peaks

ACF_PEAK_THRESHOLD = 0.4


def waveform_features(traces, wanted):
    """Waveform features of a block of traces.

    Parameters
    ----------
    traces : Traces
        Prepared traces.
    wanted : set of str
        Names of the features that are needed; parts that serve none of them are left out.

    Returns
    -------
    features : dict of str to ndarray of shape (n_traces,)
        At least the wanted ones that belong here.
    """
    features = {}
    for names, part in (
        (_SHAPE, _shape),
        (_ENVELOPE, _envelope),
        (_ACF, _autocorrelation),
        (_DECAY, _decay),
        (_EXTRA, _extra),
    ):
        if wanted & names:
            features |= part(traces)
    features |= _bands(traces, wanted)
    return features


_SHAPE = frozenset({"duration_s", "kurt_sig", "skew_sig"})


def _shape(traces):
    n_traces, n_samples = traces.signal.shape
    skewness, kurt = skewness_and_kurtosis(traces.signal)
    duration = np.full(n_traces, n_samples * traces.settings.dt)
    return {"duration_s": duration, "kurt_sig": kurt, "skew_sig": skewness}


_ENVELOPE = frozenset({"env_max_over_mean", "env_max_over_median", "kurt_env", "skew_env"})


def _envelope(traces):
    envelope = traces.envelope / traces.envelope.max(axis=-1, keepdims=True)
    envelope = boxcar(envelope, traces.settings.envelope_length)
    skewness, kurt = skewness_and_kurtosis(envelope)
    return {
        "env_max_over_mean": 1 / envelope.mean(axis=-1),
        "env_max_over_median": 1 / median(envelope),
        "kurt_env": kurt,
        "skew_env": skewness,
    }


_ACF = frozenset(
    {"acf_n_peaks", "acf_energy_first_third", "acf_energy_last_two_thirds", "acf_energy_ratio"}
)


def _autocorrelation(traces):
    settings = traces.settings
    envelope = traces.autocorrelation_envelope
    third = round(settings.n_samples / 3)
    first = envelope[:, :third].sum(axis=-1) * settings.dt
    rest = envelope[:, third:].sum(axis=-1) * settings.dt

    twice = boxcar(envelope, settings.smoothing_length, mode="mirror")
    twice = twice / twice.max(axis=-1, keepdims=True)
    return {
        "acf_n_peaks": count_peaks(twice, ACF_PEAK_THRESHOLD)[0],
        "acf_energy_first_third": first,
        "acf_energy_last_two_thirds": rest,
        "acf_energy_ratio": first / rest,
    }


_DECAY = frozenset({"asc_desc_ratio", "decay_line_rms"})


def _decay(traces):
    n_samples = traces.settings.n_samples
    maximum = traces.maximum
    remaining = n_samples - 1 - maximum

    envelope = traces.smooth_envelope
    left = np.arange(n_samples - 1, -1, -1, dtype=envelope.dtype)
    top = np.take_along_axis(envelope, maximum[:, np.newaxis], axis=-1)
    misfit = envelope / top
    misfit -= left * (1 / remaining).astype(envelope.dtype)[:, np.newaxis]
    misfit *= left <= remaining[:, np.newaxis]
    return {
        "asc_desc_ratio": maximum / remaining,
        "decay_line_rms": np.sqrt(row_sum_of_products(misfit, misfit) / (remaining + 1)),
    }


def _bands(traces, wanted):
    """log10 of the integral of the envelope, and kurtosis, in each frequency band."""
    settings = traces.settings
    features, energies = {}, []
    any_difference = any(name.startswith("band_energy_diff_") for name in wanted)
    undefined = np.full(len(traces.signal), np.nan)
    for k, response in enumerate(settings.band_responses, start=1):
        names = {f"band_energy_{k}", f"band_kurt_{k}"}
        if not (wanted & names or any_difference):
            continue
        if response is None:
            features |= dict.fromkeys(names, undefined)
            energies.append(undefined)
            continue
        band = traces.analytic(response)
        energy = np.log10(np.abs(band).sum(axis=-1) * settings.dt)
        energies.append(energy)
        features[f"band_energy_{k}"] = energy + np.log10(traces.scale)
        if f"band_kurt_{k}" in wanted:
            features[f"band_kurt_{k}"] = kurtosis(band.real)
    if any_difference:
        for i, first in enumerate(energies, start=1):
            for j, second in enumerate(energies[i:], start=i + 1):
                features[f"band_energy_diff_{i}_{j}"] = first - second
    return features


_EXTRA = frozenset(
    {
        "rms",
        "iqr_abs",
        "max_abs",
        "crest_factor",
        "env_max",
        "env_mean",
        "env_area",
        "env_max_over_duration",
        "env_max_over_std",
        "rise_time_s",
        "zero_crossing_rate",
    }
)


def _extra(traces):
    signal, scale, settings = traces.signal, traces.scale, traces.settings
    n_samples = settings.n_samples
    duration = n_samples * settings.dt
    envelope = traces.envelope
    env_max, env_mean = envelope.max(axis=-1), envelope.mean(axis=-1)
    rms = np.sqrt(row_sum_of_products(signal, signal) / n_samples)
    size = np.abs(signal)
    crossings = np.count_nonzero((signal[:, 1:] >= 0) != (signal[:, :-1] >= 0), axis=-1)
    return {
        "rms": rms * scale,
        "iqr_abs": interquartile_range(size) * scale,
        "max_abs": size.max(axis=-1) * scale,
        "crest_factor": size.max(axis=-1) / rms,
        "env_max": env_max * scale,
        "env_mean": env_mean * scale,
        "env_area": env_mean * duration * scale,
        "env_max_over_duration": env_max / duration * scale,
        "env_max_over_std": env_max / envelope.std(axis=-1),
        "rise_time_s": traces.maximum * settings.dt,
        "zero_crossing_rate": crossings / duration,
    }
