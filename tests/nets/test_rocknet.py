"""RockNet's networks: shapes, alignment, missing stations, folding."""

import numpy as np
import pytest
import torch
from scipy.signal import butter, sosfilt, stft

from seisclf.nets import (
    RockNet,
    RockNetAssociation,
    RockNetWaveform,
    count_parameters,
    fold_batch_norms,
)
from seisclf.nets.layers import ConvUnit, SameConv1d
from seisclf.nets.rocknet_blocks import Decoder, UpsampleConcat, start_at_background
from seisclf.nets.rocknet_input import RockNetInput


def lively(net):
    """Give batch normalisation statistics that matter."""
    rng = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            for values in (module.running_mean, module.weight.data, module.bias.data):
                values.copy_(torch.randn(values.shape, generator=rng) * 0.3 + 0.5)
            module.running_var.uniform_(0.5, 2.0, generator=rng)
    return net.eval()


def test_numbers_of_parameters_are_the_published_ones():
    station = RockNet(3, 6000)
    assert count_parameters(station) == 324_283
    assert count_parameters(RockNetWaveform(3, 6000)) == 173_017
    association = RockNetAssociation(station, 4)
    # The station network is frozen; PyTorch's LSTMs have a second, redundant bias.
    assert count_parameters(association) == 101_326 + 4 * 8


@pytest.mark.parametrize("network", [RockNet, RockNetWaveform])
@pytest.mark.parametrize("alignment", ["published", "aligned"])
@pytest.mark.parametrize("n_channels, n_samples", [(1, 20), (3, 601), (2, 1234)])
def test_any_shape_gives_finite_logits_and_gradients(network, alignment, n_channels, n_samples):
    net = network(n_channels, n_samples, n_masks=3, alignment=alignment)
    x = torch.randn(2, n_channels, n_samples)
    x[1, 0] = 7.0
    picks, masks = net(x)
    assert picks.shape == (2, 3, n_samples)
    assert masks.shape == (2, 3, 2, n_samples)
    (picks.square().mean() + masks.square().mean()).backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


@pytest.mark.parametrize("stride, filters", [(2, (4, 6)), (4, (3, 4, 5)), (5, (4, 4, 4, 4))])
def test_other_pyramids_fit_together(stride, filters):
    net = RockNetAssociation(RockNet(3, 500, stride=stride, filters=filters), 2).eval()
    with torch.no_grad():
        assert net(torch.randn(1, 2, 3, 500))[0].shape == (1, 2, 2, 500)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="shorter than one frame of the spectrogram, 20 samples"):
        RockNet(3, 19)
    with pytest.raises(ValueError, match="alignment must be"):
        RockNet(3, 600, alignment="centred")
    with pytest.raises(ValueError, match="filters must hold"):
        RockNetWaveform(3, 600, filters=(6,))
    with pytest.raises(ValueError, match="merge must be"):
        RockNetAssociation(RockNet(3, 600), 2, merge="mean")


def test_input_is_the_z_score_and_scipys_spectrogram():
    x = np.random.default_rng(0).normal(size=(2, 3, 1000)) * 50 + 1000
    x[1, 2] = 4.0
    waveform, picture = RockNetInput(1000, vertical=1)(torch.from_numpy(x))
    expected = (x - x.mean(-1, keepdims=True)) / np.where(x.std(-1) > 0, x.std(-1), 1)[..., None]
    np.testing.assert_allclose(waveform, expected, atol=1e-12)
    z = expected[:, 1] - expected[:, 1].mean(-1, keepdims=True)
    z = sosfilt(butter(4, 0.1, "highpass", fs=100, output="sos"), z)
    cells = stft(z, fs=100, nperseg=20, noverlap=10, nfft=100)[2]
    cells /= cells.std(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(picture[:, 0], cells.real, atol=1e-9)
    np.testing.assert_allclose(picture[:, 1], cells.imag, atol=1e-9)


def test_input_survives_a_change_of_precision():
    x = torch.randn(1, 1, 600)
    single = RockNetInput(600).float()(x)
    double = RockNetInput(600).double()(x.double())
    torch.testing.assert_close(single[1].double(), double[1], atol=1e-4, rtol=1e-4)


def test_a_constant_trace_is_silence():
    waveform, picture = RockNetInput(600)(torch.full((1, 2, 600), 1234.5678))
    assert not waveform.any()
    assert not picture.any()


@pytest.mark.parametrize("network", [RockNet, RockNetWaveform])
def test_amplitude_and_offset_do_not_matter(network):
    net = lively(network(3, 600).double())
    x = torch.randn(2, 3, 600, dtype=torch.float64)
    with torch.no_grad():
        for one, other in zip(net(x), net(300 * x + 5000), strict=True):
            torch.testing.assert_close(one, other, atol=1e-8, rtol=1e-8)


def test_published_joins_stretch_what_is_not_shorter_and_aligned_ones_do_not():
    skip = torch.zeros(1, 1, 10)
    deep = torch.arange(10.0).reshape(1, 1, 10)
    for alignment, expected in [
        ("published", [4, 4, 4, 4, 4, 5, 5, 5, 5, 5]),
        ("aligned", [*range(10)]),
    ]:
        join = UpsampleConcat(1, 1, factor=5, alignment=alignment, dropout=0.0)
        join.unit = torch.nn.Identity()
        assert join(deep, skip)[0, 1].tolist() == expected


def test_aligned_maps_stay_at_their_time():
    """A pulse that only the deepest map knows comes out where it went in."""
    centres = {}
    for alignment in ("aligned", "published"):
        torch.manual_seed(0)
        decoder = Decoder(4, (4, 4, 4), n_repeats=1, factor=5, alignment=alignment, dropout=0.0)
        lively(decoder)
        deep = torch.zeros(1, 4, 40)
        skips = [torch.zeros(1, 4, n) for n in (1000, 200, 40)]
        with torch.no_grad():
            silent = decoder(deep, skips)[0]
            deep[..., 18] = 10.0
            answer = (decoder(deep, skips)[0] - silent).abs().sum(dim=1)[0]
        centres[alignment] = float((answer * torch.arange(1000)).sum() / answer.sum())
    assert abs(centres["aligned"] - 18.5 * 25) < 30
    assert abs(centres["published"] - 18.5 * 25) > 100


@pytest.mark.parametrize("alignment", ["published", "aligned"])
@pytest.mark.parametrize("merge", ["published", "masked"])
def test_folding_changes_nothing_but_the_speed(alignment, merge):
    torch.manual_seed(0)
    net = RockNetAssociation(RockNet(3, 777, alignment=alignment), 3, merge=merge)
    lively(net.double())
    state = {name: values.clone() for name, values in net.state_dict().items()}
    folded = fold_batch_norms(net)
    x = torch.randn(5, 3, 3, 777, dtype=torch.float64)
    x[2, 1] = torch.nan
    with torch.no_grad():
        for one, other in zip(net(x), folded(x), strict=True):
            torch.testing.assert_close(one, other, atol=1e-9, rtol=1e-9)
    assert all(torch.equal(state[name], values) for name, values in net.state_dict().items())
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())


def test_what_is_in_training_is_not_folded():
    unit = ConvUnit(SameConv1d(1, 2, 3))
    with pytest.raises(ValueError, match=r"call eval\(\)"):
        unit.fold()
    unit.eval().fold()
    assert isinstance(unit.norm, torch.nn.Identity)


def test_folding_shares_nothing_with_what_is_folded():
    class Part(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one = self.other = torch.nn.Conv1d(2, 2, 3)
            self.recurrent, self.empty = torch.nn.LSTM(2, 2), torch.nn.Sequential()
            self.steps = [1, 2]

    part = Part()
    part.one.register_forward_hook(lambda *_: None)
    folded = fold_batch_norms(part)
    assert folded.one is folded.other and folded.one is not part.one
    assert folded.empty is not part.empty and folded.steps is not part.steps
    assert len(folded.one._forward_hooks) == 1 and not folded.training and part.training
    for (name, mine), (same_name, other) in zip(
        part.named_parameters(), folded.named_parameters(), strict=True
    ):
        assert name == same_name and torch.equal(mine, other)
        assert mine.data_ptr() != other.data_ptr() and mine.requires_grad > other.requires_grad
    for tables in (vars(part), vars(part.one)):
        copied = vars(folded if tables is vars(part) else folded.one)
        assert copied.keys() == tables.keys()
        assert all(copied[k] is not v for k, v in tables.items() if isinstance(v, dict))


def test_events_do_not_see_each_other():
    net = lively(RockNetAssociation(RockNet(3, 600), 2))
    x = torch.randn(5, 2, 3, 600)
    x[3, 0] = torch.nan
    with torch.no_grad():
        together = net(x)
        for row in range(5):
            for whole, alone in zip(together, net(x[row : row + 1]), strict=True):
                torch.testing.assert_close(whole[row], alone[0], atol=1e-5, rtol=1e-5)


def test_masked_merge_leaves_a_missing_station_out():
    x = torch.randn(1, 3, 3, 600)
    x[0, 1] = torch.nan
    station = RockNet(3, 600)
    outputs = {}
    for merge in ("published", "masked"):
        for seed in (0, 1):
            torch.manual_seed(0)
            net = RockNetAssociation(station, 3, merge=merge, seed=seed)
            with torch.no_grad():
                outputs[merge, seed] = lively(net)(x)[0]
    assert torch.isfinite(outputs["masked", 0]).all()
    assert torch.equal(outputs["masked", 0], outputs["masked", 1])
    assert not torch.equal(outputs["published", 0], outputs["published", 1])


def test_order_of_stations_matters_only_to_the_association():
    net = lively(RockNetAssociation(RockNet(3, 600), 3))
    for merge in net.merges:
        merge.sum.weight.data = torch.tensor([[1.0, 0.2, -0.5]])
    x = torch.randn(1, 3, 3, 600)
    with torch.no_grad():
        one, other = net(x), net(x.flip(1))
    assert not torch.allclose(one[0], other[0], atol=1e-4)
    torch.testing.assert_close(one[1], other[1].flip(1), atol=1e-5, rtol=1e-5)


def test_a_frozen_station_network_does_not_change_in_training():
    torch.manual_seed(0)
    net = RockNetAssociation(RockNet(3, 600), 2).train()
    before = {name: values.clone() for name, values in net.station.state_dict().items()}
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    occurrence = net(torch.randn(4, 2, 3, 600))[0]
    occurrence.square().mean().backward()
    optimizer.step()
    after = net.station.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert net.decoder.training and not net.station.training
    free = RockNetAssociation(RockNet(3, 600), 2, freeze=False).train()
    assert free.station.training
    free(torch.randn(2, 2, 3, 600))[0].square().mean().backward()
    assert free.station.encoders[0].first.conv.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_layer_that_starts_at_the_background_gives_events_together_the_prior(n_classes):
    layer = torch.nn.Conv1d(4, n_classes, 1)
    torch.nn.init.zeros_(layer.bias)
    start_at_background(layer, prior=0.05)
    odds = layer(torch.zeros(1, 4, 1)).softmax(dim=1)
    assert odds[0, :-1].sum().item() == pytest.approx(0.05)
    assert odds[0, 0].item() == pytest.approx(0.05 / (n_classes - 1))


def test_a_new_association_starts_at_the_background():
    torch.manual_seed(0)
    net = RockNetAssociation(RockNet(3, 600), n_stations=2).train()
    with torch.no_grad():
        occurrence = net(torch.randn(8, 2, 3, 600))[0].softmax(dim=2)[:, :, 0]
    assert occurrence.median() < 0.05


def test_input_is_not_written_to():
    net = lively(RockNetAssociation(RockNet(3, 600), 2))
    x = torch.randn(3, 2, 3, 600)
    x[0, 0] = torch.nan
    before = x.clone()
    with torch.no_grad():
        fold_batch_norms(net)(x)
    assert torch.equal(x.nan_to_num(), before.nan_to_num())
