"""Transformers of waveforms, for the first steps of a pipeline."""

from ._aggregator import ChannelAggregator
from ._amplitude_picture import AmplitudePicture
from ._bandpass import Bandpass
from ._record_section import RecordSection
from ._resampler import Resampler
from ._scaler import WaveformScaler
from ._scalogram import Scalogram
from ._section_display import RecordSectionDisplay
from ._spectrogram import SPECTROGRAM_PRESETS, Spectrogram

__all__ = [
    "SPECTROGRAM_PRESETS",
    "AmplitudePicture",
    "Bandpass",
    "ChannelAggregator",
    "RecordSection",
    "RecordSectionDisplay",
    "Resampler",
    "Scalogram",
    "Spectrogram",
    "WaveformScaler",
]
