"""Relevance through torch modules: rules by hand, balance, audit."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seisclf.inspection import relevance_of

from ._networks import NAMES, ROCKNETS, network, without_biases

RULES = ("zero", "epsilon", "gamma", "alpha_beta", "z_plus")


def dense(weight, bias=None):
    layer = nn.Linear(len(weight[0]), len(weight), bias=bias is not None)
    layer.weight.data = torch.tensor(weight)
    if bias is not None:
        layer.bias.data = torch.tensor(bias)
    return layer


def one_layer(rule, **params):
    """f = 2 * 1 + 1 * 3 - 2 * 2 + bias 2 = 3."""
    net = dense([[1.0, 3.0, -2.0]], [2.0])
    found = relevance_of(net, torch.tensor([[2.0, 1.0, 2.0]]), target=0, rule=rule, **params)
    return [round(float(r), 4) for r in found.relevance[0][0]], found


def test_epsilon_by_hand():
    # z = 3, epsilon = 1: shares x w / 4 of f = 3.
    values, found = one_layer("epsilon", epsilon=1.0)
    assert values == [1.5, 2.25, -3.0]
    assert found.bias.item() == pytest.approx(1.5)
    assert found.epsilon.item() == pytest.approx(0.75)
    assert found.conservation_error.item() == pytest.approx((0.75 - 3) / 3)
    assert abs(found.unaccounted.item()) < 1e-6


def test_zero_gamma_and_alpha_beta_by_hand():
    assert one_layer("zero")[0] == [2.0, 3.0, -4.0]
    # Positive: 2 + 3 + 2 (bias) = 7; z' = 3 + 0.5 * 7 = 6.5.
    values, found = one_layer("gamma", gamma=0.5, epsilon=0.0)
    assert values == [round(3 * v / 6.5, 4) for v in (3.0, 4.5, -4.0)]
    assert found.bias.item() == pytest.approx(3 * 3 / 6.5)
    # 2 f / 7 for what is positive, f / 4 of what is negative.
    values, found = one_layer("alpha_beta")
    assert values == [round(2 * 3 * 2 / 7, 4), round(2 * 3 * 3 / 7, 4), -3.0]
    assert found.bias.item() == pytest.approx(12 / 7)
    assert one_layer("z_plus")[0] == [round(3 * 2 / 7, 4), round(3 * 3 / 7, 4), 0.0]


def test_bias_distributed_by_hand():
    # |x w| = 2, 3, 4 divide the bias of 2.
    values, found = one_layer("zero", bias="distribute")
    assert values == [round(v, 4) for v in (2 + 4 / 9, 3 + 6 / 9, -4 + 8 / 9)]
    assert found.conservation_error.item() == pytest.approx(0, abs=1e-6)


def test_two_layers_by_hand():
    # Hidden: relu(1 * 1 + 2 * 1) = 3, relu(1 - 2) = 0; f = 2 * 3 + 5 * 0.
    net = nn.Sequential(dense([[1.0, 1.0], [1.0, -1.0]]), nn.ReLU(), dense([[2.0, 5.0]]))
    found = relevance_of(net, torch.tensor([[1.0, 2.0]]), target=0, rule="zero")
    assert found.relevance[0].tolist() == [[2.0, 4.0]]


def test_maximum_average_and_sum_by_hand():
    class Net(nn.Module):
        def forward(self, x):
            largest, mean = F.max_pool1d(x, 2), F.avg_pool1d(x, 2)
            return (largest + mean).flatten(1)

    x = torch.tensor([[[1.0, 3.0]]])
    found = relevance_of(Net(), x, target=0)
    # 3 of the maximum to the largest, 2 of the mean as 0.5 and 1.5.
    assert found.relevance[0].tolist() == [[[0.5, 4.5]]]


def test_negative_inputs_and_outputs():
    net = dense([[1.0, -2.0], [-1.0, -1.0]])
    x = torch.tensor([[-3.0, -2.0]])  # f = -3 + 4 = 1, and 3 + 2 = 5
    assert relevance_of(net, x, target=0, rule="z_plus").relevance[0].tolist() == [[0.0, 1.0]]
    found = relevance_of(net, x, target=1, rule="alpha_beta")
    # Nothing speaks against it: alpha would invent relevance.
    assert found.relevance[0].tolist() == [[3.0, 2.0]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rule", RULES)
def test_sums_to_the_logit_without_biases(name, rule):
    net, x = network(name)
    net = without_biases(net)
    found = relevance_of(net, x, target=1, rule=rule, epsilon=1e-9)
    scale = found.relevance[0].abs().flatten(1).sum(1).clamp_min(found.explained.abs().float())
    error = (found.total - found.explained).abs() / scale
    assert error.max() <= 1e-5
    if rule in ("zero", "epsilon"):
        assert found.conservation_error.abs().max() <= 1e-5
    torch.testing.assert_close(found.outputs, net(x).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bias", ["absorb", "distribute"])
def test_balance_with_biases(name, rule, bias):
    net, x = network(name)
    found = relevance_of(net, x, target=2, rule=rule, bias=bias, dtype=torch.float64)
    size = found.relevance[0].abs().flatten(1).sum(1).clamp_min(found.explained.abs())
    assert ((found.unaccounted * found.explained.abs()).abs() / size).max() < 1e-10
    if bias == "distribute":
        assert (found.bias == 0).all()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "gated"])
def test_zero_is_gradient_times_input(name):
    net, x = network(name)
    inputs = x.double().requires_grad_()
    net = net.double()
    expected = torch.autograd.grad(net(inputs)[:, 0].sum(), inputs)[0] * inputs
    found = relevance_of(net, inputs, target=0, rule="zero")
    torch.testing.assert_close(found.relevance[0], expected.detach(), rtol=1e-9, atol=1e-12)


class Given(nn.Module):
    def forward(self, x):
        return self.given


class Prepared(nn.Module):
    """RockNet's networks behind their input stage."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.net.input = Given()

    def forward(self, waveform, picture=None):
        self.net.input.given = waveform, picture
        return self.net(waveform)[1]


@pytest.mark.parametrize("name", sorted(ROCKNETS))
@pytest.mark.parametrize("alignment", ["aligned", "published"])
def test_rocknet_masks_without_biases(name, alignment):
    torch.manual_seed(0)
    net = ROCKNETS[name](3, 600, n_masks=2, filters=(4, 4, 6), alignment=alignment)
    inputs = [torch.randn(3, 3, 600)]
    if name == "rocknet":
        inputs.append(torch.randn(3, 2, net.input.n_frequencies, net.input.n_frames))
    net = Prepared(without_biases(net.eval()))
    found = relevance_of(
        net, *inputs, target=lambda masks: masks[:, 0, 0, 50:200].mean(dim=-1), epsilon=1e-9
    )
    assert found.conservation_error.abs().max() <= 1e-5
    assert all(part.abs().sum() > 0 for part in found.relevance)


def test_batch_norm_folds_exactly():
    """Relevance is that of the convolution into which it is folded by PyTorch."""
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, eps=0.1)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.1, 2)
    norm.bias.data.normal_()
    net = nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), nn.Linear(27, 2)).eval().double()
    folded = copy.deepcopy(net)
    folded[0] = nn.utils.fusion.fuse_conv_bn_eval(folded[0], folded[1])
    folded[1] = nn.Identity()
    x = torch.randn(4, 2, 5, 5, dtype=torch.float64)
    for rule in RULES:
        ours = relevance_of(net, x, target=0, rule=rule, epsilon=0.1)
        theirs = relevance_of(folded, x, target=0, rule=rule, epsilon=0.1)
        torch.testing.assert_close(ours.relevance[0], theirs.relevance[0], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(ours.bias, theirs.bias, rtol=1e-9, atol=1e-12)


def test_a_module_used_twice_counts_twice():
    layer = dense([[2.0, 0.0], [0.0, 3.0]], [1.0, 0.0])
    twice = nn.Sequential(layer, layer, dense([[1.0, 1.0]]))
    copies = nn.Sequential(layer, copy.deepcopy(layer), dense([[1.0, 1.0]]))
    x = torch.tensor([[1.0, 2.0]])
    one, other = (relevance_of(net, x, target=0, epsilon=0.5) for net in (twice, copies))
    assert one.relevance[0].tolist() == other.relevance[0].tolist()
    assert one.bias.item() == other.bias.item() > 0


def test_padding_gets_nothing_and_loses_nothing():
    net = nn.Sequential(nn.Conv1d(1, 1, 5, padding=4, bias=False), nn.Flatten(), nn.Linear(14, 1))
    net[2].bias.data.zero_()
    for rule in RULES:
        found = relevance_of(net, torch.rand(2, 1, 10), target=0, rule=rule)
        total = found.relevance[0].abs().sum(dim=(1, 2))
        assert ((found.total - found.explained).abs() / total).max() < 1e-5


def test_rules_by_layer():
    net, x = network("vgg")
    mixed = relevance_of(net, x, target=0, rule={"0": "z_plus", "conv": "gamma", "*": "epsilon"})
    plain = relevance_of(net, x, target=0)
    assert not torch.allclose(mixed.relevance[0], plain.relevance[0])
    same = relevance_of(net, x, target=0, rule={"conv": "epsilon", "dense": "epsilon"})
    assert torch.equal(same.relevance[0], plain.relevance[0])
    with pytest.raises(ValueError, match=r"says nothing about the layer '9' \(dense\)"):
        relevance_of(net, x, target=0, rule={"conv": "gamma"})


def test_network_is_left_alone():
    net, x = network("residual")
    net.train()
    before = copy.deepcopy(net.state_dict())
    x.requires_grad_()
    relevance_of(net, x, target=0)
    assert net.training and all(part.training for part in net.modules())
    assert x.grad is None and all(p.grad is None and p.requires_grad for p in net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    after = net.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    with torch.enable_grad():  # and no mode is left on
        assert torch.softmax(x, dim=1).requires_grad


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.function = function

    def forward(self, x):
        return self.function(self.first(x))


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x: x.softmax(-1), "softmax.*before the softmax"),
        (torch.tanh, "tanh"),
        (F.elu, "elu"),
        (lambda x: x * x, "multiplies signals"),
        (lambda x: x / x.sum(1, keepdim=True), "divides by a signal"),
        (lambda x: F.relu(torch.sigmoid(x)), "sigmoid"),
        (lambda x: F.linear(torch.sigmoid(x), torch.ones(4, 4)), "sigmoid"),
        (lambda x: x.detach(), "detach"),
        (lambda x: x.data * 2, "data"),
        (lambda x: F.pad(x, (1, 1), value=3.0), "value=3.0"),
        (lambda x: F.interpolate(x[:, None], size=9, mode="linear")[:, 0], "mode='linear'"),
        (lambda x: F.dropout(x, training=True), "training mode"),
        (lambda x: F.layer_norm(x, (4,)), "layer_norm"),
        (lambda x: F.batch_norm(x, None, None, training=True), "statistics from the batch"),
        (lambda x: x.add_(1.0), "in place"),
        (lambda x: torch.where(x > 0, x, 0.1 * x), "where"),
    ],
)
def test_unknown_functions_are_refused_by_name(function, named):
    with pytest.raises(TypeError, match=named):
        relevance_of(Calls(function), torch.randn(3, 4), target=0)


def test_cut_in_silence_is_refused():
    def cut(x):
        with torch.no_grad():
            return x * 2

    with pytest.raises(TypeError, match="cuts the way"):
        relevance_of(Calls(cut), torch.randn(3, 4), target=0)


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (nn.LSTM(4, 4), r"1\.deep: LSTM \(recurrent"),
        (nn.ELU(), r"1\.deep: ELU"),
        (nn.Softmax(dim=1), r"1\.deep: Softmax \(explain the logits"),
        (nn.LayerNorm(4), r"1\.deep: LayerNorm"),
        (nn.Upsample(scale_factor=2, mode="bilinear"), r"1\.deep: Upsample with mode='bilinear'"),
        (nn.ConvTranspose1d(4, 4, 3), r"1\.deep: ConvTranspose1d"),
    ],
)
def test_unknown_layers_are_refused_before_anything_runs(layer, named):
    inner = nn.Module()
    inner.deep = layer  # cannot run at all: it has no forward
    with pytest.raises(TypeError, match=named):
        relevance_of(nn.Sequential(nn.Linear(4, 4), inner), torch.randn(3, 4), target=0)


def test_bad_parameters():
    net, x = network("vgg")
    with pytest.raises(ValueError, match="rule must be one of"):
        relevance_of(net, x, target=0, rule="deeplift")
    with pytest.raises(ValueError, match="bias must be"):
        relevance_of(net, x, target=0, bias="ignore")
    with pytest.raises(ValueError, match="alpha at least 1"):
        relevance_of(net, x, target=0, alpha=0.5)
    with pytest.raises(ValueError, match="one number for each event"):
        relevance_of(net, x, target=lambda out: out)
    with pytest.raises(ValueError, match="give as target a function"):
        relevance_of(net[:3], x, target=0)
