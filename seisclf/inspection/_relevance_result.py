"""Relevance of some events, with its axes and its balance."""

from dataclasses import dataclass, field, fields, replace

import numpy as np

__all__ = ["Relevance"]


@dataclass(frozen=True)
class Relevance:
    """What :func:`layerwise_relevance` finds.

    Parameters
    ----------
    relevance : ndarray of shape (n_events, n_channels, n_frequencies, n_times) or \
            (n_events, n_channels, n_samples)
        Share of each cell in what is explained, in units of the logit.
    maps : ndarray of the same shape
        What the network saw.
    frequencies : ndarray of shape (n_frequencies,) or None
        Hz; None where cells are samples.
    times : ndarray of shape (n_times,)
        Seconds after the first sample.
    target : ndarray of shape (n_events,)
        The class that is explained.
    logit : ndarray of float64 of shape (n_events,)
        Its logit.
    explained : ndarray of float64 of shape (n_events,)
        What the relevance should sum to: the logit, or its contrast.
    probability : ndarray of float64 of shape (n_events,)
        Probability of the class; NaN where classes have no logits.
    conservation_error : ndarray of float64 of shape (n_events,)
        ``(sum of relevance - explained) / |explained|``.
    bias_share, epsilon_share : ndarray of float64 of shape (n_events,)
        What biases and the stabiliser kept, over ``|explained|``.
    rule : str or dict
        Rule of the propagation.
    space : {"input", "waveform"}
        Whether cells are those of the network's map, or samples.
    explain : {"logit", "contrast"}
        What was explained.
    components : tuple of str
        Names of the channels.
    more : dict of str to dict
        Relevance of further inputs of the network (``relevance, frequencies, times``), such as
        the "spectrogram" of RockNet. It counts in `conservation_error`.

    See Also
    --------
    layerwise_relevance : Makes it.
    """

    relevance: np.ndarray
    maps: np.ndarray
    frequencies: np.ndarray | None
    times: np.ndarray
    target: np.ndarray
    logit: np.ndarray
    explained: np.ndarray
    probability: np.ndarray
    conservation_error: np.ndarray
    bias_share: np.ndarray
    epsilon_share: np.ndarray
    rule: str | dict
    space: str
    explain: str
    components: tuple
    more: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.relevance)

    def __repr__(self):
        shape = ", ".join(map(str, self.relevance.shape))
        return (
            f"Relevance({len(self)} events, shape ({shape}), rule={self.rule!r}, "
            f"space={self.space!r}, |conservation_error| <= "
            f"{np.abs(self.conservation_error).max(initial=0.0):.2g})"
        )

    @property
    def unaccounted(self):
        """The part of the conservation error that nothing explains but rounding, (n_events,)."""
        return self.conservation_error + self.bias_share + self.epsilon_share

    def select(self, rows):
        """Some of the events.

        Parameters
        ----------
        rows : int, slice or array-like
            Which.

        Returns
        -------
        selected : Relevance
            Of these events only.
        """
        rows = [rows] if np.ndim(rows) == 0 and not isinstance(rows, slice) else rows
        chosen = {
            f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name in _PER_EVENT
        }
        more = {
            name: {**part, "relevance": part["relevance"][rows]}
            for name, part in self.more.items()
        }
        return replace(self, **chosen, more=more)

    def band_summary(self, bands):
        """How relevance is divided among bands of frequency.

        Parameters
        ----------
        bands : sequence of (low, high) or dict of str to (low, high)
            In Hz, the lower end included, the upper one not.

        Returns
        -------
        table : pandas.DataFrame
            One row per event and band: ``event`` (number of the row), ``target``, ``band``,
            ``low``, ``high``, ``relevance`` (sum over the band), ``positive`` and ``negative``
            (its part of all that speaks for, and against, the class).

        Raises
        ------
        ValueError
            If cells have no frequency.
        """
        import pandas as pd

        if self.frequencies is None:
            raise ValueError(
                "bands need relevance on a map with frequencies: use space='input' with a network "
                "that sees one"
            )
        named = bands if isinstance(bands, dict) else {f"{a:g}-{b:g} Hz": (a, b) for a, b in bands}
        by_row = self.relevance.sum(axis=(1, 3), dtype=np.float64)
        up = np.maximum(self.relevance, 0).sum(axis=(1, 3), dtype=np.float64)
        tables = []
        for name, (low, high) in named.items():
            rows = (self.frequencies >= low) & (self.frequencies < high)
            tables.append(
                pd.DataFrame(
                    {
                        "event": np.arange(len(self)),
                        "target": self.target,
                        "band": name,
                        "low": low,
                        "high": high,
                        "relevance": by_row[:, rows].sum(axis=1),
                        "positive": _share(up, rows),
                        "negative": _share(by_row - up, rows),
                    }
                )
            )
        table = pd.concat(tables, ignore_index=True)
        return table.sort_values("event", kind="stable", ignore_index=True)

    def centroid(self):
        """Where what speaks for the class lies: the mean of positive relevance.

        Returns
        -------
        frequency : ndarray of shape (n_events,) or None
            Hz; None where cells have no frequency.
        time : ndarray of shape (n_events,)
            Seconds after the first sample; NaN where nothing is positive.
        """
        up = np.maximum(self.relevance, 0).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.frequencies is None:
                by_time = up.sum(axis=1)
                return None, by_time @ self.times / by_time.sum(axis=1)
            whole = up.sum(axis=(1, 2, 3))
            frequency = up.sum(axis=(1, 3)) @ self.frequencies / whole
            return frequency, up.sum(axis=(1, 2)) @ self.times / whole


_PER_EVENT = {
    "relevance",
    "maps",
    "target",
    "logit",
    "explained",
    "probability",
    "conservation_error",
    "bias_share",
    "epsilon_share",
}


def _share(values, rows):
    whole = values.sum(axis=1)
    part = values[:, rows].sum(axis=1)
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)
