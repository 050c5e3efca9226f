"""AlexNet and the list of backbones."""

import pytest
import torch
from torch.nn import functional as F

from seisclf.nets import BACKBONES, AlexNet, count_parameters, make_backbone

# torchvision/models/alexnet.py: what stands where, as (outputs, inputs, kernel).
CONVOLUTIONS = {
    0: (64, 3, 11),
    3: (192, 64, 5),
    6: (384, 192, 3),
    8: (256, 384, 3),
    10: (256, 256, 3),
}
DENSE = {1: (4096, 9216), 4: (4096, 4096), 6: (1000, 4096)}


def test_names_order_and_shapes_are_torchvisions():
    with torch.device("meta"):
        net = AlexNet()
    expected = []
    for i, (n_out, n_in, kernel) in CONVOLUTIONS.items():
        expected += [(f"features.{i}.weight", (n_out, n_in, kernel, kernel))]
        expected += [(f"features.{i}.bias", (n_out,))]
    for i, shape in DENSE.items():
        expected += [(f"classifier.{i}.weight", shape), (f"classifier.{i}.bias", shape[:1])]
    found = [(name, tuple(value.shape)) for name, value in net.state_dict().items()]
    assert found == expected
    assert count_parameters(net) == 61100840
    assert net.n_features == 4096


def test_outputs_are_those_of_the_description():
    torch.manual_seed(0)
    net = AlexNet(in_channels=2, n_outputs=5, width=2).double().eval()
    w = net.state_dict()
    x = torch.randn(2, 2, 128, 171, dtype=torch.float64)
    out = x
    settings = {0: (4, 2), 3: (1, 2), 6: (1, 1), 8: (1, 1), 10: (1, 1)}
    for i, (stride, padding) in settings.items():
        kernel, bias = w[f"features.{i}.weight"], w[f"features.{i}.bias"]
        out = F.relu(F.conv2d(out, kernel, bias, stride=stride, padding=padding))
        if i in (0, 3, 10):
            out = F.max_pool2d(out, 3, 2)
    out = F.adaptive_avg_pool2d(out, (6, 6)).flatten(1)
    for i in (1, 4, 6):
        out = F.linear(out, w[f"classifier.{i}.weight"], w[f"classifier.{i}.bias"])
        out = out if i == 6 else F.relu(out)
    torch.testing.assert_close(net(x), out)


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (63, 63), (128, 40)])
def test_small_pictures_are_surrounded_by_zeros(shape):
    net = AlexNet(in_channels=1, n_outputs=3, width=2).eval()
    x = torch.randn(2, 1, *shape)
    height, width = (max(0, 63 - n) for n in shape)
    padded = F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
    assert torch.equal(net(x), net(padded))
    assert net(x).shape == (2, 3)


def test_dropout_works_in_training_only():
    torch.manual_seed(0)
    net = AlexNet(in_channels=1, n_outputs=3, width=2)
    x = torch.randn(2, 1, 70, 70)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))


@pytest.mark.parametrize("name", BACKBONES)
def test_backbones_have_no_last_layer(name):
    net = make_backbone(name, in_channels=2, width=2).eval()
    assert net(torch.randn(3, 2, 20, 30)).shape == (3, net.n_features)
    assert not any(key.startswith(("fc", "classifier.6")) for key in net.state_dict())


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ValueError, match=r"backbone must be one of .*'alexnet'.*; got 'vgg16'"):
        make_backbone("vgg16", in_channels=1)
