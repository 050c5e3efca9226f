"""
From a record to pictures
=========================

A classifier sees what preprocessing leaves. Here an event is filtered and scaled, turned into
three pictures, and its channels are joined to one.
"""

# %%
# The record that ships with ObsPy: 30 s of a local earthquake on three components, 100 Hz.

import matplotlib.pyplot as plt
import numpy as np
import obspy

stream = obspy.read()
X = np.stack([stream.select(component=c)[0].data for c in "ZNE"])[np.newaxis].astype(np.float32)
sampling_rate = stream[0].stats.sampling_rate
X.shape

# %%
# Each step is a scikit-learn transformer; none of them learns from other events.

from sklearn.pipeline import make_pipeline

from seisclf.preprocessing import (
    Bandpass,
    ChannelAggregator,
    Scalogram,
    Spectrogram,
    WaveformScaler,
)

prepare = make_pipeline(
    Bandpass(sampling_rate=sampling_rate, low=2, high=40), WaveformScaler(scope="station")
)
waveforms = prepare.fit_transform(X)

# %%
# Short frames, long frames, and wavelets, which are short where frequencies are high.

transformers = {
    "frames of 0.32 s": Spectrogram(window_length=0.32, hop=0.08, log="db"),
    "frames of 2.56 s": Spectrogram(window_length=2.56, hop=0.08, log="db"),
    "wavelets": Scalogram(low=1, high=45, n_frequencies=64, hop=0.08, log="db"),
}
fig, axes = plt.subplots(4, 1, figsize=(8, 9), sharex=True, layout="constrained")
axes[0].plot(np.arange(X.shape[-1]) / sampling_rate, waveforms[0, 0], linewidth=0.6)
axes[0].set(title="vertical component, 2-40 Hz", ylabel="standard deviations")
for ax, (name, transformer) in zip(axes[1:], transformers.items(), strict=True):
    picture = transformer.fit_transform(waveforms)[0, 0]
    mesh = ax.pcolormesh(
        transformer.times_,
        transformer.frequencies_,
        picture,
        vmin=picture.max() - 60,
        shading="nearest",
        rasterized=True,
    )
    ax.set(title=name, ylabel="frequency (Hz)", ylim=(1, 45))
fig.colorbar(mesh, ax=axes[1:], label="dB")
axes[-1].set_xlabel("time (s)")

# %%
# One picture for the event: noisy channels count less than quiet ones.

spectrograms = Spectrogram(window_length=0.64, output="power").fit_transform(waveforms)
aggregator = ChannelAggregator().fit(spectrograms)
dict(zip("ZNE", aggregator.channel_weights(spectrograms)[0].round(2).tolist(), strict=True))
