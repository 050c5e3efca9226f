"""ResNets: the weights of torchvision by name and shape, and what is computed with them."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seisclf.nets import ResNet, count_parameters

# From torchvision/models/resnet.py: blocks of each stage, filters a block returns over those
# inside, and the kernels of a block.
SOURCE = {
    18: ((2, 2, 2, 2), 1, (3, 3)),
    34: ((3, 4, 6, 3), 1, (3, 3)),
    50: ((3, 4, 6, 3), 4, (1, 3, 1)),
    101: ((3, 4, 23, 3), 4, (1, 3, 1)),
    152: ((3, 8, 36, 3), 4, (1, 3, 1)),
}
PARAMETERS = {18: 11689512, 34: 21797672, 50: 25557032, 101: 44549160, 152: 60192808}
ENTRIES = {18: 122, 34: 218, 50: 320, 101: 626, 152: 932}


def norm(name, n):
    yield from ((f"{name}.{part}", (n,)) for part in ("weight", "bias"))
    yield from ((f"{name}.{part}", (n,)) for part in ("running_mean", "running_var"))
    yield f"{name}.num_batches_tracked", ()


def published_entries(depth):
    """Names and shapes in torchvision's files, written down without our modules."""
    n_blocks, expansion, kernels = SOURCE[depth]
    yield "conv1.weight", (64, 3, 7, 7)
    yield from norm("bn1", 64)
    n_in = 64
    for stage, (n, inner) in enumerate(zip(n_blocks, (64, 128, 256, 512), strict=True), 1):
        outputs = inner * expansion
        for block in range(n):
            at, before = f"layer{stage}.{block}", n_in
            for i, kernel in enumerate(kernels, 1):
                after = outputs if i == len(kernels) else inner
                yield f"{at}.conv{i}.weight", (after, before, kernel, kernel)
                yield from norm(f"{at}.bn{i}", after)
                before = after
            if block == 0 and (stage > 1 or n_in != outputs):
                yield f"{at}.downsample.0.weight", (outputs, n_in, 1, 1)
                yield from norm(f"{at}.downsample.1", outputs)
            n_in = outputs
    yield "fc.weight", (1000, n_in)
    yield "fc.bias", (1000,)


@pytest.mark.parametrize("depth", SOURCE)
def test_names_order_and_shapes_are_torchvisions(depth):
    with torch.device("meta"):
        net = ResNet(depth)
    found = [(name, tuple(value.shape)) for name, value in net.state_dict().items()]
    assert found == list(published_entries(depth))
    assert len(found) == ENTRIES[depth]
    assert count_parameters(net) == PARAMETERS[depth]
    assert net.n_features == (512 if depth < 50 else 2048)


def forward_by_hand(weights, depth, x):
    """The network in evaluation, from its weights and torchvision's description alone."""

    def conv(x, name, stride=1):
        kernel = weights[f"{name}.weight"]
        return F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    def bn(x, name):
        w = {part: weights[f"{name}.{part}"] for part in ("weight", "bias")}
        mean, var = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        return F.batch_norm(x, mean, var, w["weight"], w["bias"], eps=1e-5)

    n_blocks, _, kernels = SOURCE[depth]
    x = F.max_pool2d(F.relu(bn(conv(x, "conv1", 2), "bn1")), 3, stride=2, padding=1)
    for stage, n in enumerate(n_blocks, 1):
        for block in range(n):
            at = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            out = x
            for i, kernel in enumerate(kernels, 1):
                # The stride is in the first convolution of 3 x 3.
                here = stride if kernel == 3 and 3 not in kernels[: i - 1] else 1
                out = bn(conv(out, f"{at}.conv{i}", here), f"{at}.bn{i}")
                out = F.relu(out) if i < len(kernels) else out
            if f"{at}.downsample.0.weight" in weights:
                x = bn(conv(x, f"{at}.downsample.0", stride), f"{at}.downsample.1")
            x = F.relu(out + x)
    return F.linear(x.mean(dim=(2, 3)), weights["fc.weight"], weights["fc.bias"])


@pytest.mark.parametrize("depth", [18, 50])
def test_outputs_are_those_of_the_description(depth):
    torch.manual_seed(0)
    net = ResNet(depth, in_channels=2, n_outputs=5, width=4).double().eval()
    weights = net.state_dict()
    for name, value in weights.items():  # batch normalisation that does something
        if name.endswith(("bias", "running_mean")):
            value.normal_(0, 0.2)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 2)
    x = torch.randn(3, 2, 70, 45, dtype=torch.float64)
    torch.testing.assert_close(net(x), forward_by_hand(weights, depth, x))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (8, 1), (33, 50)])
def test_pictures_of_any_size_and_number_of_channels(shape):
    for in_channels in (1, 4):
        net = ResNet(18, in_channels=in_channels, n_outputs=3, width=2)
        assert net(torch.randn(2, in_channels, *shape)).shape == (2, 3)


def test_without_outputs_it_returns_its_features():
    net = ResNet(50, n_outputs=None, width=2).eval()
    x = torch.randn(2, 3, 40, 40)
    assert net(x).shape == (2, net.n_features) == (2, 64)
    assert torch.equal(net(x), net.features(x))


def test_weights_start_as_in_torchvision():
    torch.manual_seed(0)
    net = ResNet(18, width=32)
    for name, value in net.named_parameters():
        if value.ndim == 4:  # He's normal distribution by the fan out
            expected = np.sqrt(2 / (value.shape[0] * value.shape[2] * value.shape[3]))
            assert value.std().item() == pytest.approx(expected, rel=0.1), name
        elif "bn" in name or "downsample.1" in name:
            assert (value == (1 if name.endswith("weight") else 0)).all(), name


def test_a_depth_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"depth must be one of \[18, 34, 50, 101, 152\]; got 20"):
        ResNet(20)
    with pytest.raises(ValueError, match="ndim must be 2"):
        ResNet(18, ndim=3)


# Of waveforms -----------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [18, 50])
def test_the_network_of_waveforms_has_the_weights_of_that_of_pictures(depth):
    flat, square = (ResNet(depth, in_channels=2, width=4, ndim=ndim) for ndim in (1, 2))
    assert count_parameters(flat) == count_parameters(square)
    assert flat.n_features == square.n_features
    assert list(flat.state_dict()) == list(square.state_dict())
    assert flat.layer1[0].conv2.weight.shape[-1] == 9
    assert flat.conv1.weight.std().item() == pytest.approx(
        square.conv1.weight.std().item(), rel=0.2
    )


@pytest.mark.parametrize("n_samples", [1, 2, 10, 3000])
def test_waveforms_of_any_length(n_samples):
    net = ResNet(18, in_channels=3, n_outputs=4, width=2, ndim=1)
    assert net(torch.randn(5, 3, n_samples)).shape == (5, 4)


def test_the_network_of_waveforms_sees_all_of_them_at_once():
    """Every feature depends on the first and on the last of 3000 samples, before the mean."""
    torch.manual_seed(0)
    net = ResNet(18, in_channels=1, n_outputs=None, width=4, ndim=1).double().eval()
    x = torch.randn(1, 1, 3000, dtype=torch.float64, requires_grad=True)
    maps = []
    net.layer4.register_forward_hook(lambda _, __, out: maps.append(out))
    net(x)
    (slope,) = torch.autograd.grad(maps[0][0, :, maps[0].shape[-1] // 2].sum(), x)
    assert (slope[0, 0, :200] != 0).any() and (slope[0, 0, -200:] != 0).any()
