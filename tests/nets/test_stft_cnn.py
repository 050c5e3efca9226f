"""The STFT-CNN as a torch module."""

import numpy as np
import pytest
import torch

from seisclf.nets import STFTCNN, count_parameters

PAPER = dict(sampling_rate=250.0, window_length=0.512, hop=0.16)
REPRESENTATIONS = ("stft", "waveform", "cwt")
SHAPES = {"stft": (65, 95), "waveform": (3750,), "cwt": (64, 94)}


def test_spectrogram_has_the_published_shape():
    net = STFTCNN(3, 3750, 4, **PAPER)
    assert net.spectrogram(torch.zeros(2, 3, 3750)).shape == (2, 3, 65, 95)
    assert count_parameters(net) < 1_000_000


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_each_representation_is_below_a_million_weights_at_the_papers_size(representation):
    net = STFTCNN(3, 3750, 4, **PAPER, representation=representation)
    maps = net.explained_input(torch.randn(2, 3, 3750))
    assert maps.shape == (2, 3, *SHAPES[representation])
    frequencies, times = net.map_axes()
    axes = [times] if frequencies is None else [frequencies, times]
    assert tuple(map(len, axes)) == SHAPES[representation]
    assert (frequencies is None) == (representation == "waveform")
    assert 0 <= times[0] < times[-1] <= 15.2
    assert 100_000 < count_parameters(net) < 1_000_000


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_logits_are_those_of_the_explained_input(representation):
    """Where relevance starts and ends: nothing lies beside the way between."""
    settings = dict(representation=representation, dropout=0.5, spectrogram_dropout=0.3)
    net = STFTCNN(3, 1000, 4, **PAPER, **settings, max_shift=20, batch_norm=True).eval()
    x = torch.randn(5, 3, 1000)
    maps = net.explained_input(x)
    assert torch.equal(net.explain_from(maps), net(x))
    torch.testing.assert_close(net.head(net.blocks(maps)), net(x))


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_features_are_what_the_last_dense_layer_sees(representation):
    net = STFTCNN(3, 1000, 4, **PAPER, representation=representation, dropout=0.5, n_hidden=7)
    x = torch.randn(5, 3, 1000)
    seen = []
    net.head[-1].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    net.eval()(x)
    features = net.features(x)
    assert features.shape == (5, 7)
    torch.testing.assert_close(features, seen[0])
    torch.testing.assert_close(net.train().features(x), features)  # before dropout


def test_waveforms_reach_the_convolutions_normalised_and_otherwise_as_they_are():
    net = STFTCNN(2, 1000, 4, sampling_rate=250.0, representation="waveform")
    x = torch.randn(3, 2, 1000)
    maps = net.explained_input(1e5 * x + 70)
    expected = x - x.mean(dim=-1, keepdim=True)
    expected = expected / expected.abs().amax(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(maps, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_kernel_and_pool_sizes(representation):
    sizes = dict(kernel_size=5, pool_size=3)
    net = STFTCNN(1, 1000, 2, **PAPER, representation=representation, n_filters=(2, 2), **sizes)
    axes = 1 if representation == "waveform" else 2
    for block in net.blocks:
        assert block[0].kernel_size == (5,) * axes
        assert block[-2].kernel_size == (3,) * axes
    maps = net.explained_input(torch.randn(1, 1, 1000))
    small = net.blocks(maps).shape[2:]
    assert tuple(small) == tuple(size // 3 // 3 for size in maps.shape[2:])


def test_a_unit_on_waveforms_sees_seconds():
    """The 1106 samples that the Notes of the classifier state."""
    net = STFTCNN(1, 3750, 2, sampling_rate=250.0, representation="waveform")
    for module in net.blocks.modules():
        if isinstance(module, torch.nn.Conv1d):
            torch.nn.init.ones_(module.weight)
    x = torch.ones(1, 1, 3750, requires_grad=True)
    # With means for maxima, every sample that a unit can see has a part in it.
    for block in net.blocks:
        block[-2] = torch.nn.AvgPool1d(4)
    net.blocks(x)[0, 0, 7].backward()
    assert np.count_nonzero(x.grad) == 1106


def test_unknown_representation_is_named():
    with pytest.raises(ValueError, match="representation must be one of .* got 'mel'"):
        STFTCNN(1, 1000, 2, **PAPER, representation="mel")


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("n_channels", [1, 6])
@pytest.mark.parametrize("n_samples", [128, 15_000])
@pytest.mark.parametrize("pooling", ["flatten", "time", "average"])
def test_any_shape_gives_finite_logits_and_gradients(
    representation, n_channels, n_samples, pooling
):
    settings = dict(representation=representation, pooling=pooling, batch_norm=True)
    net = STFTCNN(n_channels, n_samples, 4, **PAPER, **settings)
    x = torch.randn(2, n_channels, n_samples)
    x[1, 0] = 0.0
    net(x).sum().backward()
    assert net(x).shape == (2, 4)
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("scaling", ["log", "magnitude"])
def test_amplitude_does_not_matter(representation, scaling):
    net = STFTCNN(3, 1000, 4, **PAPER, representation=representation, scaling=scaling).eval()
    x = torch.randn(2, 3, 1000)
    torch.testing.assert_close(net(x), net(1e6 * x + 3e5), atol=1e-3, rtol=1e-3)


def test_evaluation_is_deterministic_and_does_not_write_into_its_input():
    net = STFTCNN(
        3, 1000, 4, **PAPER, dropout=0.5, max_shift=50, spectrogram_dropout=0.3, batch_norm=True
    )
    x = torch.randn(2, 3, 1000)
    before = x.clone()
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))
    assert torch.equal(x, before)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_no_module_is_used_twice(representation):
    """Layer-wise relevance needs one place for each layer."""
    settings = dict(representation=representation, convs_per_block=2, batch_norm=True)
    net = STFTCNN(3, 1000, 4, **PAPER, **settings)
    calls = []
    for module in net.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, *_: calls.append(id(m)))
    net(torch.randn(2, 3, 1000))
    assert len(calls) == len(set(calls))


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_exports_with_a_free_batch_size(representation):
    settings = dict(representation=representation, batch_norm=True, scaling="log")
    net = STFTCNN(3, 1000, 4, **PAPER, **settings).eval()
    x = torch.randn(2, 3, 1000)
    batch = torch.export.Dim("batch", min=1, max=1024)
    exported = torch.export.export(net, (x,), dynamic_shapes=({0: batch},)).module()
    more = torch.randn(5, 3, 1000)
    torch.testing.assert_close(exported(more), net(more))
