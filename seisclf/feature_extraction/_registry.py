"""The feature set ``provost2017.v1``: name, number, unit, formula and tags of every feature.

A name and what it means never change within a version; another formula gets another name or a new
version of the set.
"""

from dataclasses import dataclass
from itertools import combinations

GROUPS = ("waveform", "spectral", "spectrogram", "polarity", "network", "extra", "phases")
# Outside the published set: computed only when asked for by name.
ADDED_GROUPS = ("extra", "phases")
FEATURE_SETS = ("provost2017.v1",)

# Of the group "extra", those that belong to a three-component station rather than to a trace.
STATION_EXTRAS = ("pol_azimuth_sin2", "pol_azimuth_cos2")


@dataclass(frozen=True)
class Feature:
    """One row of the feature table."""

    name: str
    group: str
    family: str
    number: str
    unit: str
    description: str
    unit_dependent: bool = False
    needs_3c: bool = False
    needs_network: bool = False
    constant_for_fixed_window: bool = False
    is_station_id: bool = False

    def as_row(self):
        """All but the bookkeeping."""
        return {name: value for name, value in vars(self).items() if name != "is_station_id"}


def all_features(n_bands=5, bands=None):
    """All features, in the order of the columns.

    Parameters
    ----------
    n_bands : int, default=5
        Number of frequency bands.
    bands : sequence of (float, float), optional
        Their corners in Hz, for the descriptions.

    Returns
    -------
    features : list of Feature
        Waveform, spectral, spectrogram, polarity, network, extra, phases.
    """
    labels = (
        [f"band {k} ({low:g} to {high:g} Hz)" for k, (low, high) in enumerate(bands, 1)]
        if bands is not None
        else [f"band {k}" for k in range(1, n_bands + 1)]
    )
    return [
        *_waveform(labels),
        *_spectral(),
        *_spectrogram(),
        *_polarity(),
        *_network(),
        *_extra(labels),
        *_phases(labels),
    ]


def _waveform(labels):
    def row(name, family, number, unit, description, **tags):
        return Feature(name, "waveform", family, number, unit, description, **tags)

    n = len(labels)
    energy_number, kurtosis_number = ("13–17", "18–22") if n == 5 else ("", "")
    yield row(
        "duration_s",
        "duration",
        "1",
        "s",
        "length of the window, N·dt",
        constant_for_fixed_window=True,
    )
    yield row("env_max_over_mean", "envelope", "2", "1", "1 / mean of the normalised envelope ē")
    yield row(
        "env_max_over_median", "envelope", "3", "1", "1 / median of the normalised envelope ē"
    )
    yield row(
        "asc_desc_ratio",
        "envelope",
        "4",
        "1",
        "time from the start to the maximum of the smooth envelope / time from there to the end",
    )
    yield row("kurt_sig", "distribution", "5", "1", "kurtosis of the signal (Gaussian: 3)")
    yield row("kurt_env", "envelope", "6", "1", "kurtosis of ē")
    yield row("skew_sig", "distribution", "7", "1", "skewness of the signal, with its sign")
    yield row("skew_env", "envelope", "8", "1", "skewness of ē, with its sign")
    yield row(
        "acf_n_peaks",
        "autocorrelation",
        "9",
        "count",
        "peaks above 0.4 of the largest value, at positive lags, of the twice smoothed envelope "
        "of the autocorrelation",
    )
    yield row(
        "acf_energy_first_third",
        "autocorrelation",
        "10",
        "s",
        "integral of the smoothed envelope of the autocorrelation, lags 0 to T/3",
    )
    yield row(
        "acf_energy_last_two_thirds",
        "autocorrelation",
        "11",
        "s",
        "the same for lags T/3 to T",
    )
    yield row(
        "acf_energy_ratio",
        "autocorrelation",
        "12",
        "1",
        "acf_energy_first_third / acf_energy_last_two_thirds",
    )
    for k, label in enumerate(labels, 1):
        yield row(
            f"band_energy_{k}",
            "band energy",
            str(12 + k) if energy_number else "",
            "log10(unit·s)",
            f"log10 of the integral of the envelope of the signal in {label}",
            unit_dependent=True,
        )
    for k, label in enumerate(labels, 1):
        yield row(
            f"band_kurt_{k}",
            "band kurtosis",
            str(17 + k) if kurtosis_number else "",
            "1",
            f"kurtosis of the signal in {label}",
        )
    yield row(
        "decay_line_rms",
        "envelope",
        "23",
        "1",
        "root mean square of the smooth envelope over its maximum, from the maximum to the end, "
        "minus the straight line from one to zero",
    )


def _spectral():
    rows = [
        ("fft_mean", "spectrum shape", "24", "1", "mean of Â"),
        ("fft_max", "spectrum amplitude", "25", "unit·s", "largest value of A"),
        ("fft_freq_max", "frequency", "26", "Hz", "frequency of the largest value of A"),
        ("fft_centroid", "frequency", "27", "Hz", "centroid fc = Σ f·A / ΣA"),
        ("fft_quartile1", "frequency", "28", "Hz", "centroid of A from 0 to fc"),
        ("fft_quartile3", "frequency", "29", "Hz", "centroid of A from fc to fN"),
        ("fft_median", "spectrum shape", "30", "1", "median of Â"),
        ("fft_var", "spectrum shape", "31", "1", "variance of Â (n − 1)"),
        (
            "fft_n_peaks",
            "spectrum peaks",
            "32",
            "count",
            "peaks of Â above 0.75, at least spectrum_peak_distance apart",
        ),
        ("fft_peaks_mean", "spectrum peaks", "33", "1", "mean of Â at those peaks, 0 without any"),
        ("fft_energy_q1", "spectrum energy", "34", "Hz", "integral of Â from 0 to fN/4"),
        ("fft_energy_q2", "spectrum energy", "35", "Hz", "integral of Â from fN/4 to fN/2"),
        ("fft_energy_q3", "spectrum energy", "36", "Hz", "integral of Â from fN/2 to 3fN/4"),
        ("fft_energy_q4", "spectrum energy", "37", "Hz", "integral of Â from 3fN/4 to fN"),
        ("gamma1", "frequency", "38", "Hz", "m1/m0 with mj = Σ f^j·Â²: spectral centroid"),
        ("gamma2", "frequency", "39", "Hz", "√(m2/m0): gyration radius"),
        ("gammas", "frequency", "40", "Hz", "√|gamma1² − gamma2²|: spectral width"),
    ]
    for name, family, number, unit, description in rows:
        yield Feature(
            name,
            "spectral",
            family,
            number,
            unit,
            description,
            unit_dependent=name == "fft_max",
        )


def _spectrogram():
    peaks = "peaks above 0.75 of the largest value of"
    rows = [
        ("spg_kurt_max", "envelope of frequencies", "41", "1", "kurtosis over time of max_f G"),
        ("spg_kurt_median", "envelope of frequencies", "42", "1", "the same of median_f G"),
        ("spg_max_over_mean", "spectrogram shape", "43", "1", "mean of max_f G / mean_f G"),
        ("spg_max_over_median", "spectrogram shape", "44", "1", "mean of max_f G / median_f G"),
        ("spg_n_peaks_max", "spectrogram peaks", "45", "count", f"{peaks} max_f G"),
        ("spg_n_peaks_mean", "spectrogram peaks", "46", "count", f"{peaks} mean_f G"),
        ("spg_n_peaks_median", "spectrogram peaks", "47", "count", f"{peaks} median_f G"),
        (
            "spg_ratio_45_46",
            "spectrogram peaks",
            "48",
            "1",
            "spg_n_peaks_max / spg_n_peaks_mean, 0 where the divisor is 0",
        ),
        (
            "spg_ratio_45_47",
            "spectrogram peaks",
            "49",
            "1",
            "spg_n_peaks_max / spg_n_peaks_median, 0 where the divisor is 0",
        ),
        (
            "spg_n_peaks_centroid_freq",
            "spectrogram frequency",
            "50",
            "count",
            f"{peaks} the centroid fc(t) = Σ f·G / ΣG",
        ),
        (
            "spg_n_peaks_max_freq",
            "spectrogram frequency",
            "51",
            "count",
            f"{peaks} the strongest frequency argmax_f G",
        ),
        (
            "spg_ratio_50_51",
            "spectrogram frequency",
            "52",
            "1",
            "spg_n_peaks_centroid_freq / spg_n_peaks_max_freq, 0 where the divisor is 0",
        ),
        (
            "spg_dist_max_mean",
            "spectrogram amplitude",
            "53",
            "unit",
            "mean of |max_f G − mean_f G|",
        ),
        (
            "spg_dist_max_median",
            "spectrogram amplitude",
            "54",
            "unit",
            "mean of |max_f G − median_f G|",
        ),
        (
            "spg_dist_q2_q1",
            "spectrogram frequency",
            "55",
            "Hz",
            "mean of |fc − fq1|, fq1 the centroid below fc",
        ),
        (
            "spg_dist_q3_q2",
            "spectrogram frequency",
            "56",
            "Hz",
            "mean of |fq3 − fc|, fq3 the centroid above fc",
        ),
        ("spg_dist_q3_q1", "spectrogram frequency", "57", "Hz", "mean of |fq3 − fq1|"),
    ]
    for name, family, number, unit, description in rows:
        yield Feature(
            name,
            "spectrogram",
            family,
            number,
            unit,
            description,
            unit_dependent=name.startswith("spg_dist_max"),
        )


def _polarity():
    rows = [
        ("pol_rectilinearity", "68", "1", "1 − (λ1 + λ2) / 2λ3"),
        ("pol_azimuth_deg", "69", "°", "atan(v3N / v3E), from east to north, −90 to 90"),
        ("pol_dip_deg", "70", "°", "atan(v3Z / √(v3E² + v3N²)), of the end that points east"),
        ("pol_planarity", "71", "1", "1 − 2λ1 / (λ2 + λ3)"),
    ]
    for name, number, unit, description in rows:
        yield Feature(name, "polarity", "polarity", number, unit, description, needs_3c=True)


def _network():
    rows = [
        ("station_max_rms", "", "index", "station with the largest root mean square"),
        ("station_min_rms", "", "index", "station with the smallest root mean square"),
        ("rms_ratio", "", "1", "largest / smallest root mean square of the stations"),
        (
            "iqr_ratio",
            "",
            "1",
            "largest / smallest interquartile range of |s|, 1 where the divisor is 0",
        ),
        ("coh_mean", "", "1", "mean over pairs of stations of the largest phase cross-coherence"),
        ("coh_max", "", "1", "largest of them"),
        ("lag_mean", "", "s", "mean over pairs of the size of the lag of that coherence"),
        ("lag_std", "", "s", "standard deviation of those lags"),
        (
            "wd_mean",
            "",
            "1",
            "mean over pairs of the Wasserstein distance between the values of s²/Σs²",
        ),
        ("wd_std", "", "1", "standard deviation of those distances"),
    ]
    for name, number, unit, description in rows:
        yield Feature(
            name,
            "network",
            "network",
            number or "58–67",
            unit,
            description,
            needs_network=True,
            is_station_id=name.startswith("station_"),
        )


def _extra(labels):
    rows = [
        ("rms", "amplitude", "unit", "root mean square", True),
        ("iqr_abs", "amplitude", "unit", "interquartile range of |s|", True),
        ("max_abs", "amplitude", "unit", "largest |s|", True),
        ("crest_factor", "distribution", "1", "max_abs / rms", False),
        ("env_max", "envelope", "unit", "largest value of the envelope", True),
        ("env_mean", "envelope", "unit", "mean of the envelope", True),
        ("env_area", "envelope", "unit·s", "integral of the envelope", True),
        ("env_max_over_duration", "envelope", "unit/s", "env_max / length of the window", True),
        ("env_max_over_std", "envelope", "1", "env_max / standard deviation of it", False),
        ("rise_time_s", "envelope", "s", "time of the maximum of the smooth envelope", False),
        ("zero_crossing_rate", "frequency", "1/s", "changes of sign per second", False),
    ]
    for name, family, unit, description, unit_dependent in rows:
        yield Feature(name, "extra", family, "", unit, description, unit_dependent=unit_dependent)
    for (i, first), (j, second) in combinations(enumerate(labels, 1), 2):
        yield Feature(
            f"band_energy_diff_{i}_{j}",
            "extra",
            "band energy",
            "",
            "1",
            f"band_energy_{i} − band_energy_{j}: log10 of a ratio of amplitudes, "
            f"{first} over {second}",
        )
    for name, function in zip(STATION_EXTRAS, ("sin", "cos"), strict=True):
        yield Feature(
            name,
            "extra",
            "polarity",
            "",
            "1",
            f"{function} of twice pol_azimuth_deg, the same for both ends of the axis",
            needs_3c=True,
        )


def _phases(labels):
    where = {0: "before the onset", 1: "first arrivals", 2: "S segment", 3: "coda segment"}
    families = {(1, 0): "P over noise", (2, 1): "S over P", (3, 1): "coda over P"}
    for statistic, pairs, words in (
        ("mean", ((1, 0), (2, 1), (3, 1), (3, 2)), "mean energy"),
        ("peak", ((2, 1), (3, 1), (3, 2)), "largest energy, smoothed over 0.3 s"),
    ):
        for late, early in pairs:
            for k, label in enumerate(labels, 1):
                yield Feature(
                    f"seg_{statistic}_{late}_{early}_{k}",
                    "phases",
                    families.get((late, early), "coda over S"),
                    "",
                    "1",
                    f"log10 of {words}, {where[late]} over {where[early]}, in {label}",
                )
    for segment in (1, 2, 3):
        for k, label in enumerate(labels, 1):
            yield Feature(
                f"seg_hv_{segment}_{k}",
                "phases",
                "horizontal over vertical",
                "",
                "1",
                f"log10 of mean energy of both horizontals over vertical, {where[segment]}, in "
                f"{label}",
                needs_3c=True,
            )
    for k, label in enumerate(labels, 1):
        yield Feature(
            f"seg_h2_z1_{k}",
            "phases",
            "S over P",
            "",
            "1",
            f"log10 of mean energy, S segment of both horizontals over first arrivals of the "
            f"vertical, in {label}",
            needs_3c=True,
        )
