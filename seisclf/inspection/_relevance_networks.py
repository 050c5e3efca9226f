"""Where relevance starts and ends in each of our networks."""

import numpy as np
import torch
from torch import nn

from ..nets import (
    RandomTimeShift,
    RockNet,
    RockNetWaveform,
    SpectrogramScale,
    WaveformNormalization,
)
from ..nets.rocknet_input import spread_of
from ._lrp_audit import check_modules

SPACES = ("input", "waveform")


class ExplainedNetwork:
    """A network whose logits are explained by its input: the parent, and all plain networks.

    A module may say more of itself: ``explained_input(x)`` returns the map that its first layer
    sees, ``explain_from(maps)`` the logits of such maps, ``map_axes()`` the frequencies (Hz, or
    None) and times (s) of the map.

    Parameters
    ----------
    module : torch.nn.Module
        A working copy of the network.
    estimator : NeuralEstimator
        Whose network it is.
    space : {"input", "waveform"}
        Where relevance ends.
    """

    #: Parts of the module that relevance does not pass.
    skip: tuple[str, ...] = ()
    #: Classes that can be explained, None for all.
    columns: list[int] | None = None

    def __init__(self, module, estimator, space):
        self.module, self.estimator, self.space = module, estimator, space

    def check(self):
        """Refuse a network with layers that relevance cannot pass."""
        check_modules(self.module, skip=self.skip)

    def inputs(self, x):
        """Where relevance ends, as a list of tensors; the first is shown."""
        return [x]

    @property
    def front(self):
        """What leads from `inputs` to what `run` takes, or None."""
        return None

    def run(self, *inputs):
        """Output of the network."""
        return self.module(*inputs)

    def axes(self, shape):
        """Frequencies (or None) and times of the first input, whose shape is given."""
        return None, np.arange(shape[-1]) / self.sampling_rate

    def more_axes(self):
        """Name, frequencies and times of the second input, if there is one."""
        return None

    @property
    def sampling_rate(self):
        """Hz; 1 where the estimator knows of none."""
        return float(getattr(self.estimator, "sampling_rate", 1.0))

    def scores(self, outputs):
        """What can be explained, of shape (n, n_classes), in the order of ``classes_``."""
        if not isinstance(outputs, torch.Tensor) or outputs.ndim != 2:
            raise TypeError(
                f"{type(self.estimator).__name__} has no logits of shape (n_events, n_classes): "
                f"explain its module with relevance_of(module, ..., target=function)"
            )
        return outputs


class ExplainedMaps(ExplainedNetwork):
    """Networks that make a map of the waveform before their first layer, as `STFTCNN`."""

    skip = ("spectrogram", "mask")

    def inputs(self, x):
        """The map, or the normalised waveform."""
        if self.space == "input":
            return [self.module.explained_input(x)]
        for stage in self._stages()[0]:
            x = stage(x)
        return [x]

    @property
    def front(self):
        """From the normalised waveform to the map."""
        if self.space == "input":
            return None
        stages = [
            _Pointwise(s) if isinstance(s, SpectrogramScale) else s for s in self._stages()[1]
        ]
        return lambda x: (nn.Sequential(*stages)(x),)

    def _stages(self):
        """What normalises the waveform, and what makes the map of it."""
        stages = list(getattr(self.module, "spectrogram", []))
        if not stages:
            raise TypeError(
                f"space='waveform' needs to know how {type(self.module).__name__} makes its map, "
                f"as a torch.nn.Sequential named spectrogram: use space='input'"
            )
        before = (RandomTimeShift, WaveformNormalization, nn.Identity)
        first = next((i for i, s in enumerate(stages) if not isinstance(s, before)), len(stages))
        return stages[:first], stages[first:]

    def run(self, *inputs):
        """Logits of the map."""
        return self.module.explain_from(*inputs)

    def axes(self, shape):
        """Axes of the map."""
        return self.module.map_axes() if self.space == "input" else super().axes(shape)


class _Pointwise(nn.Module):
    """Pass the relevance of each cell to the same cell, whatever the scaling does to its size."""

    def __init__(self, scaling):
        super().__init__()
        self.scaling = scaling

    def forward(self, x):
        """Scale, with a gradient that is output over input."""
        with torch.no_grad():
            scaled = self.scaling(x)
            ratio = torch.where(x > 0, scaled / torch.where(x > 0, x, 1.0), 0.0)
            rest = torch.where(x > 0, 0.0, scaled)
        return x * ratio + rest


class ExplainedMasks(ExplainedNetwork):
    """RockNet's networks of one station: the mask of a class, over the window or a part of it.

    Parameters
    ----------
    module, estimator, space
        As of `ExplainedNetwork`.
    span : tuple of float, optional
        First and last second of the part.
    """

    skip = ("input", "pick_head", "pick_branch")

    def __init__(self, module, estimator, space, span=None):
        super().__init__(module, estimator, space)
        rate, n_samples = self.sampling_rate, estimator.n_samples_in_
        first, last = (0.0, n_samples / rate) if span is None else span
        self.samples = slice(max(0, round(first * rate)), min(n_samples, round(last * rate)))
        if self.samples.start >= self.samples.stop:
            raise ValueError(
                f"span must be two times within the window, (first, last) with 0 <= first < last "
                f"<= {n_samples / rate:g} s; got {span!r}"
            )
        self.prepare = module.input
        self.columns = np.searchsorted(estimator.classes_, estimator.event_classes_).tolist()

    @property
    def pictures(self):
        """Whether the network sees a spectrogram, too."""
        return isinstance(self.module, RockNet)

    def inputs(self, x):
        """The waveform as it is normalised, and in the input space also the spectrogram."""
        waveform, picture = self.prepare(x)
        return [waveform, picture] if self.pictures and self.space == "input" else [waveform]

    @property
    def front(self):
        """From the normalised waveform to both inputs."""
        if not self.pictures or self.space == "input":
            return None
        return self._both

    def _both(self, waveform):
        # Filter and transform are linear; what they are divided by counts as a constant.
        cells = self.prepare.cells(waveform[:, self.prepare.vertical])
        return waveform, cells / spread_of(cells.detach())

    def run(self, *inputs):
        """Logits of picks and masks."""
        self.module.input = _Given(inputs if self.pictures else (*inputs, None))
        try:
            return self.module(inputs[0])
        finally:
            self.module.input = self.prepare

    def more_axes(self):
        """Axes of the spectrogram."""
        if not self.pictures or self.space != "input":
            return None
        prepare, rate = self.prepare, self.sampling_rate
        step = rate / max(prepare.length, round(rate))
        frequencies = np.arange(prepare.n_frequencies) * step
        centres = np.arange(prepare.n_frames) * prepare.hop + prepare.length // 2
        return "spectrogram", frequencies, (centres - prepare.padding[0]) / rate

    def scores(self, outputs):
        """Mean over time of each mask's logit less that of its absence; -inf for other classes."""
        masks = outputs[1][..., self.samples]
        odds = (masks[:, :, 0] - masks[:, :, 1]).mean(dim=-1)
        scores = odds.new_full((len(odds), len(self.estimator.classes_)), -torch.inf)
        index = torch.as_tensor(self.columns, device=odds.device)
        return scores.index_copy(1, index, odds)


class _Given(nn.Module):
    """Stands for a network's input stage and returns what is already prepared."""

    def __init__(self, prepared):
        super().__init__()
        self.prepared = prepared

    def forward(self, x):
        """What is prepared, whatever comes."""
        return self.prepared


def explained_network(module, estimator, space, span=None):
    """Find out how a network is explained.

    Parameters
    ----------
    module : torch.nn.Module
        A working copy.
    estimator : NeuralEstimator
        Whose network it is.
    space : {"input", "waveform"}
        Where relevance ends.
    span : tuple of float, optional
        Part of the window whose mask is explained, for RockNet.

    Returns
    -------
    network : ExplainedNetwork
        Checked.

    Raises
    ------
    TypeError
        If the network has layers that relevance cannot pass.
    ValueError
        If `space` or `span` cannot be used.
    """
    if space not in SPACES:
        raise ValueError(f"space must be one of {SPACES}; got {space!r}")
    if isinstance(module, (RockNet, RockNetWaveform)):
        network: ExplainedNetwork = ExplainedMasks(module, estimator, space, span)
    elif span is not None:
        raise ValueError(
            f"span is for networks that predict functions over time; {type(estimator).__name__} "
            f"explains its logit: leave span out"
        )
    elif hasattr(module, "explain_from"):
        network = ExplainedMaps(module, estimator, space)
    else:
        network = ExplainedNetwork(module, estimator, space)
    network.check()
    return network
