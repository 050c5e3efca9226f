"""Blocks that several architectures share."""

import copy
from collections import OrderedDict

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ..signal._frames import frame_settings

__all__ = [
    "ConvUnit",
    "RandomTimeShift",
    "STFTMagnitude",
    "SameConv1d",
    "SameConv2d",
    "SpectrogramDropout",
    "SpectrogramScale",
    "WaveformNormalization",
    "batch_norm",
    "count_parameters",
    "fold_batch_norms",
    "he_initialization",
]


class WaveformNormalization(nn.Module):
    """Subtract the mean of each trace and divide by the largest absolute value.

    Parameters
    ----------
    per : {"channel", "event"}, default="event"
        Whether each channel is divided by its own maximum or all by that of the event, which
        keeps the ratios between the components. Constant traces become zero.
    """

    def __init__(self, per="event"):
        super().__init__()
        if per not in ("channel", "event"):
            raise ValueError(f"per must be 'channel' or 'event'; got {per!r}")
        self.per = per

    def forward(self, x):
        """Normalise waveforms of shape (n, n_channels, n_samples)."""
        x = x - x.mean(dim=-1, keepdim=True)
        peak = x.abs().amax(dim=-1 if self.per == "channel" else (-2, -1), keepdim=True)
        # The mean of a constant trace is exact to some digits only; what is left is no signal.
        return torch.where(peak > 0, x / torch.where(peak > 0, peak, 1.0), 0.0)


class RandomTimeShift(nn.Module):
    """While training, shift each event by a random number of samples; otherwise do nothing.

    Parameters
    ----------
    max_shift : int
        Largest shift in samples, to either side. What is shifted in is zero.
    """

    def __init__(self, max_shift):
        super().__init__()
        self.max_shift = int(max_shift)

    def forward(self, x):
        """Shift waveforms of shape (n, n_channels, n_samples), all channels of an event alike."""
        if not self.training or self.max_shift == 0:
            return x
        n, _, n_samples = x.shape
        padded = nn.functional.pad(x, (self.max_shift, self.max_shift))
        first = torch.randint(0, 2 * self.max_shift + 1, (n, 1, 1)).to(x.device)
        index = first + torch.arange(n_samples, device=x.device)
        return padded.gather(-1, index.expand(-1, x.shape[1], -1))


class STFTMagnitude(nn.Module):
    """Magnitude of the short-time Fourier transform, as :func:`seisclf.signal.stft` defines it.

    Parameters
    ----------
    n_samples : int
        Length of the waveforms.
    sampling_rate : float
        Hz.
    window_length, hop : float
        Seconds, rounded to whole samples.
    window : str, default="boxcar"
        Window, by SciPy's name.
    freq_min, freq_max : float, optional
        Keep only frequencies in this range (Hz, both ends included).

    Attributes
    ----------
    frequencies : ndarray of shape (n_frequencies,)
        Hz, of the rows that are kept.
    times : ndarray of shape (n_frames,)
        Centres of the frames, in seconds after the first sample.
    """

    window: torch.Tensor

    def __init__(
        self,
        n_samples,
        *,
        sampling_rate,
        window_length,
        hop,
        window="boxcar",
        freq_min=None,
        freq_max=None,
    ):
        super().__init__()
        settings = frame_settings(
            sampling_rate=sampling_rate,
            window_length=window_length,
            hop=hop,
            window=window,
            padding="zeros",
        )
        self.n_fft, self.hop = settings.n_fft, settings.hop
        self.padding = (settings.pad_left, settings.pad_right(n_samples))
        self.times = settings.times(n_samples)
        frequencies = settings.frequencies()
        low = 0.0 if freq_min is None else freq_min
        high = frequencies[-1] if freq_max is None else freq_max
        kept = (frequencies >= low) & (frequencies <= high)
        if not kept.any():
            raise ValueError(
                f"no frequency of the transform lies between freq_min={freq_min} and "
                f"freq_max={freq_max} Hz: they are {settings.frequencies()[:3].round(3)}, … up to "
                f"{frequencies[-1]:g} Hz"
            )
        self.frequencies = frequencies[kept]
        self.first_row, self.n_rows = int(kept.argmax()), int(kept.sum())
        # Double until the module is cast, so that a network in double precision loses nothing.
        scaled = torch.from_numpy(settings.window / settings.window.sum())
        self.register_buffer("window", scaled, persistent=False)

    def forward(self, x):
        """Turn (n, n_channels, n_samples) into (n, n_channels, n_frequencies, n_frames)."""
        frames = nn.functional.pad(x, self.padding).unfold(-1, self.n_fft, self.hop)
        spectra = torch.fft.rfft(frames * self.window.to(x.dtype))
        rows = spectra[..., self.first_row : self.first_row + self.n_rows]
        if not rows.requires_grad:
            # Several times faster than abs(), which guards against overflow; but its slope at 0 is
            # not a number.
            return (rows.real.square() + rows.imag.square()).sqrt().transpose(-2, -1)
        return rows.abs().transpose(-2, -1)


class SpectrogramScale(nn.Module):
    """Bring the magnitudes of each event to a size that a network learns from.

    Parameters
    ----------
    scaling : {"magnitude", "log"}, default="magnitude"
        "log": decibels below the event's maximum, down to `dynamic_range`, less their mean and
        divided by their standard deviation. "magnitude": divided by their root mean square.
        Both over all channels, frequencies and frames of the event, so that the ratios between
        these stay; an event without signal becomes zero.
    dynamic_range : float, default=60.0
        In decibels; what is weaker counts as that weak.
    """

    def __init__(self, scaling="magnitude", dynamic_range=60.0):
        super().__init__()
        if scaling not in ("log", "magnitude"):
            raise ValueError(f"scaling must be 'log' or 'magnitude'; got {scaling!r}")
        self.scaling = scaling
        self.dynamic_range = dynamic_range

    def forward(self, x):
        """Scale (n, n_channels, n_frequencies, n_frames)."""
        if self.scaling == "log":
            floor = 10 ** (-self.dynamic_range / 20)
            x = torch.log10(_over(x, x.amax(dim=(1, 2, 3), keepdim=True)).clamp_min(floor))
            x = x - x.mean(dim=(1, 2, 3), keepdim=True)
        return _over(x, x.square().mean(dim=(1, 2, 3), keepdim=True).sqrt())


def _over(x, size):
    return x / torch.where(size > 0, size, 1.0)


class SpectrogramDropout(nn.Module):
    """While training, blank one band of frequencies and one span of frames of each event.

    Parameters
    ----------
    rate : float
        Largest part of the axis that is blanked, in [0, 1).

    References
    ----------
    .. [1] Park, D. S. et al. (2019). SpecAugment: a simple data augmentation method for
       automatic speech recognition. Interspeech.
    """

    def __init__(self, rate):
        super().__init__()
        self.rate = float(rate)

    def forward(self, x):
        """Blank parts of (n, n_channels, n_frequencies, n_frames)."""
        if not self.training or self.rate == 0:
            return x
        for axis in (-2, -1):
            x = x * self._kept(len(x), x.shape[axis], x).unsqueeze(-1 if axis == -2 else -2)
        return x

    def _kept(self, n, size, x):
        width = torch.rand(n, 1, 1) * self.rate * size
        first = torch.rand(n, 1, 1) * (size - width)
        position = torch.arange(size)
        return ((position < first) | (position >= first + width)).to(x)


#: Constants of batch normalisation in Keras.
_EPS, _MOMENTUM = 1e-3, 0.01


class SameConv1d(nn.Conv1d):
    """Convolution whose output has ``ceil(n_samples / stride)`` samples, as in TensorFlow.

    Where the zeros cannot be divided evenly, the end gets one more than the beginning; how many
    there are depends on the length of the input.

    Parameters
    ----------
    n_in, n_out, kernel_size : int
        As of :class:`torch.nn.Conv1d`.
    stride : int, default=1
        Samples from one output to the next.
    """

    def __init__(self, n_in, n_out, kernel_size, stride=1):
        super().__init__(n_in, n_out, kernel_size, stride)
        # Channels last in memory, which the output then has too: half as expensive on a CPU.
        self.weight.data = self.weight.data.transpose(1, 2).contiguous().transpose(1, 2)

    def forward(self, x):
        """Convolve (n, n_in, n_samples)."""
        size, stride = self.kernel_size[0], self.stride[0]
        if size == stride == 1:
            return _pointwise(x, self.weight, self.bias)
        left, right = _same_padding(x.shape[-1], size, stride)
        if left != right:
            x, left = nn.functional.pad(x, (left, right)), 0
        # As a picture of one row: only of pictures does PyTorch know channels that lie last.
        rows, weight = _in_layout(x.unsqueeze(2), self.weight.unsqueeze(2))
        return nn.functional.conv2d(rows, weight, self.bias, (1, stride), (0, left)).squeeze(2)


class SameConv2d(nn.Conv2d):
    """`SameConv1d` for pictures.

    Parameters
    ----------
    n_in, n_out, kernel_size : int
        As of :class:`torch.nn.Conv2d`.
    stride : int, default=1
        Along both axes.
    """

    def __init__(self, n_in, n_out, kernel_size, stride=1):
        super().__init__(n_in, n_out, kernel_size, stride)
        self.weight.data = self.weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, x):
        """Convolve (n, n_in, n_rows, n_columns)."""
        if self.kernel_size == self.stride == (1, 1):
            return _pointwise(x, self.weight, self.bias)
        rows, columns = (
            _same_padding(size, kernel, stride)
            for size, kernel, stride in zip(
                x.shape[-2:], self.kernel_size, self.stride, strict=True
            )
        )
        padding = (rows[0], columns[0])
        if rows[0] != rows[1] or columns[0] != columns[1]:
            x, padding = nn.functional.pad(x, (*columns, *rows)), (0, 0)
        x, weight = _in_layout(x, self.weight)
        return nn.functional.conv2d(x, weight, self.bias, self.stride, padding)


def picture_layout(dtype):
    """Order in memory in which a CPU convolves pictures fastest.

    Parameters
    ----------
    dtype : torch.dtype
        Of the pictures and the weights.

    Returns
    -------
    layout : torch.memory_format
        Channels last. In double precision, for which there are no kernels of that kind, channels
        first: small maps are then convolved several times as fast.
    """
    return torch.contiguous_format if dtype == torch.float64 else torch.channels_last


def _in_layout(x, weight):
    if weight.dtype == torch.float64 and not weight.is_cuda:  # see `picture_layout`
        return x.contiguous(), weight.contiguous()
    return x, weight


def _pointwise(x, weight, bias):
    """Convolution by kernels of one sample: a product of matrices."""
    last = x.movedim(1, -1)
    if torch.is_grad_enabled():
        return nn.functional.linear(last, weight.flatten(1), bias).movedim(-1, 1)
    product = torch.matmul(last, weight.flatten(1).T)
    # A bias of a few channels is added to long rows: many times as fast as to short ones.
    n_columns, n_out = product.shape[-2:]
    product.view(-1, n_columns * n_out).add_(bias.repeat(n_columns))
    return product.movedim(-1, 1)


def _same_padding(size, kernel, stride):
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def join_channels(*maps):
    """Append maps (n, n_channels, n_samples) along their channels, which stay last in memory."""
    return torch.cat([m.transpose(1, 2) for m in maps], dim=-1).transpose(1, 2)


class Dropout(nn.Dropout):
    """:class:`torch.nn.Dropout` with four decisions from each random number.

    On a CPU, drawing one number for each value takes longer than the convolution before it. The
    rate is that of the next multiple of 1 / 65536.
    """

    def forward(self, x):
        """Set some values to zero while training, and enlarge the others."""
        if not self.training or self.p == 0 or x.is_cuda:
            return super().forward(x)
        n, dropped = x.numel(), round(self.p * 2**16)
        numbers = torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None)
        kept = torch.empty_like(x)
        # As a line, whatever the order in which its values lie in memory.
        kept.as_strided((n,), (1,)).copy_(numbers.view(torch.int16)[:n] >= dropped - 2**15)
        return x * kept.mul_(2**16 / (2**16 - dropped))


class ConvUnit(nn.Module):
    """Convolution, batch normalisation, ReLU, dropout.

    Parameters
    ----------
    conv : torch.nn.Conv1d or torch.nn.Conv2d
        The convolution.
    dropout : float, default=0.1
        Part of the values set to zero while training.
    """

    def __init__(self, conv, dropout=0.1):
        super().__init__()
        self.conv = conv
        self.norm: nn.Module = nn.BatchNorm2d(conv.out_channels, eps=_EPS, momentum=_MOMENTUM)
        self.dropout = Dropout(dropout)

    def forward(self, x):
        """Run the four in turn."""
        x = self.conv(x)
        # Maps over time as pictures of one row, which PyTorch normalises twice as fast.
        rows = x.unsqueeze(2) if x.ndim == 3 else x
        rows = self.dropout(nn.functional.relu(self.norm(rows), inplace=True))
        return rows.squeeze(2) if x.ndim == 3 else rows

    def fold(self):
        """Move the batch normalisation into the convolution."""
        if isinstance(self.norm, nn.BatchNorm2d):
            conv, norm = self.conv, self.norm
            if norm.training or norm.running_mean is None or norm.running_var is None:
                raise ValueError("running means are folded, which training changes: call eval()")
            # In place: `fuse_conv_bn_eval` would copy the convolution first.
            conv.weight, conv.bias = fuse_conv_bn_weights(
                conv.weight,
                conv.bias,
                norm.running_mean,
                norm.running_var,
                norm.eps,
                norm.weight,
                norm.bias,
            )
            self.norm = nn.Identity()


def batch_norm(conv):
    """Batch normalisation for the output of `conv`, with the constants of Keras.

    Parameters
    ----------
    conv : torch.nn.Conv1d or torch.nn.Conv2d
        Tells the channels and the number of axes.

    Returns
    -------
    norm : torch.nn.Module
        With eps 1e-3 and momentum 0.01.
    """
    norm = nn.BatchNorm2d if isinstance(conv, nn.Conv2d) else nn.BatchNorm1d
    return norm(conv.out_channels, eps=_EPS, momentum=_MOMENTUM)


def fold_batch_norms(module):
    """Copy a network for prediction, with everything folded into its weights that can be.

    Parts that know how to fold have a method ``fold()``; it is called on those of the copy.

    Parameters
    ----------
    module : torch.nn.Module
        Left as it is.

    Returns
    -------
    folded : torch.nn.Module
        In evaluation mode; equal outputs up to rounding, and no use for training.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.layers import ConvUnit, SameConv1d, fold_batch_norms
    >>> unit = ConvUnit(SameConv1d(1, 4, 3)).eval()
    >>> x = torch.randn(2, 1, 20)
    >>> torch.allclose(fold_batch_norms(unit)(x), unit(x), atol=1e-6)
    True
    """
    folded = _deepcopy(module, {}).eval().requires_grad_(False)
    for part in folded.modules():
        if hasattr(part, "fold"):
            part.fold()
    return folded


_ATOMS = {bool, int, float, str, type(None)}


def _deepcopy(module, memo):
    """``copy.deepcopy``, in a fraction of its time: most of what a module has needs no copy."""
    kind = type(module)
    known = kind.__setstate__ in (nn.Module.__setstate__, nn.Conv1d.__setstate__)
    if id(module) in memo or not known or hasattr(kind, "__deepcopy__"):
        return copy.deepcopy(module, memo)  # LSTMs, for one, put their weights together
    copied = memo[id(module)] = object.__new__(kind)
    for name, value in module.__getstate__().items():
        if name == "_modules":
            value = {k: None if v is None else _deepcopy(v, memo) for k, v in value.items()}
        elif name == "_parameters":
            value = {k: None if v is None else v.__deepcopy__(memo) for k, v in value.items()}
        elif type(value) in (dict, set, OrderedDict) and not value:
            value = type(value)()
        elif type(value) not in _ATOMS:
            value = copy.deepcopy(value, memo)
        vars(copied)[name] = value
    return copied


def he_initialization(module):
    """Draw weights so that signals keep their size from one layer with ReLU to the next.

    With PyTorch's own draw they become smaller, and a deep network without normalisation hardly
    starts to learn.

    Parameters
    ----------
    module : torch.nn.Module
        For ``module.apply``; what is neither convolution nor dense layer is left alone.

    References
    ----------
    .. [1] He, K., Zhang, X., Ren, S. and Sun, J. (2015). Delving deep into rectifiers. ICCV.
    """
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def count_parameters(module):
    """Number of values that training changes.

    Parameters
    ----------
    module : torch.nn.Module
        Any module.

    Returns
    -------
    n_parameters : int
        Their number.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import count_parameters
    >>> count_parameters(torch.nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
