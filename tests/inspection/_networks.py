"""Small networks of every kind of layer that relevance passes."""

import torch
from torch import nn

from seisclf.nets import RockNet, RockNetWaveform
from seisclf.nets.layers import SameConv1d, SameConv2d, join_channels
from seisclf.nets.rocknet_blocks import RecurrentResidual, UpsampleConcat


class ResidualBlock(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.skip = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride), nn.BatchNorm2d(n_out))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        out += self.skip(x)
        return self.relu(out)


class Joined(nn.Module):
    """Two branches, appended, cropped, stretched; one of them is used twice."""

    def __init__(self):
        super().__init__()
        self.one = SameConv1d(2, 3, 5, 2)
        self.two = nn.Conv1d(3, 3, 3, padding="same")
        self.join = UpsampleConcat(3, 2, factor=2, alignment="published", dropout=0.1)
        self.last = nn.Linear(10, 3)

    def forward(self, x):
        short = torch.relu(self.one(x))
        short = torch.relu(self.two(torch.relu(self.two(short))))
        joined = self.join(short, x)[..., 1:-1]
        joined = join_channels(joined, -joined[:, :1])
        return self.last(torch.cat([joined.mean(dim=-1), joined.amax(dim=-1)], dim=1))


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = RecurrentResidual.of_waveforms(2, 4)
        self.gate = SameConv1d(4, 4, 1)
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        x = self.block(x)
        return self.last((torch.sigmoid(self.gate(x)) * x).mean(dim=-1))


def network(name):
    """Network and its inputs, of six events."""
    torch.manual_seed(3)
    pictures, waves = torch.randn(6, 3, 17, 22), torch.randn(6, 2, 41)
    built = {
        "vgg": lambda: nn.Sequential(
            *(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2)),
            *(nn.Flatten(), nn.Dropout(), nn.Linear(160, 10), nn.ReLU(), nn.Linear(10, 3)),
        ),
        "residual": lambda: nn.Sequential(
            *(nn.Conv2d(3, 6, 5, 2, 2), nn.BatchNorm2d(6), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)),
            *(ResidualBlock(6, 6, 1), ResidualBlock(6, 8, 2)),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)),
        ),
        "alexnet": lambda: nn.Sequential(
            *(nn.Conv2d(3, 6, 5, 2, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(6, 8, 3, padding=1, groups=2), nn.ReLU(inplace=True)),
            *(nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(), nn.Dropout(), nn.Linear(48, 3)),
        ),
        "pictures": lambda: nn.Sequential(
            *(SameConv2d(3, 4, 3, 2), nn.LeakyReLU(0.1), SameConv2d(4, 4, 1)),
            *(nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.BatchNorm1d(16), nn.Linear(16, 3)),
        ),
        "joined": Joined,
        "gated": Gated,
    }[name]()
    for part in built.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.5)
            part.running_var.uniform_(0.2, 2.0)
            part.weight.data.uniform_(0.5, 1.5)
            part.bias.data.normal_(0, 0.5)
    return built.eval(), waves if name in ("joined", "gated") else pictures


NAMES = ("vgg", "residual", "alexnet", "pictures", "joined", "gated")
ROCKNETS = {"rocknet": RockNet, "rocknet_waveform": RockNetWaveform}


def without_biases(net):
    for part in net.modules():
        if getattr(part, "bias", None) is not None:
            part.bias.data.zero_()
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.zero_()
    return net
