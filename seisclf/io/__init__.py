"""Recordings in: waveforms that stay on disk, ObsPy streams with their gaps."""

from ._lazy import LazyWaveforms

__all__ = ["LazyWaveforms"]
