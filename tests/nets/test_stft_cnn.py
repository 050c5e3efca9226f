"""The STFT-CNN as a torch module."""

import pytest
import torch

from seisclf.nets import STFTCNN, count_parameters

PAPER = dict(sampling_rate=250.0, window_length=0.512, hop=0.16)


def test_spectrogram_has_the_published_shape():
    net = STFTCNN(3, 3750, 4, **PAPER)
    assert net.spectrogram(torch.zeros(2, 3, 3750)).shape == (2, 3, 65, 95)
    assert count_parameters(net) < 1_000_000


@pytest.mark.parametrize("n_channels", [1, 3, 12])
@pytest.mark.parametrize("n_samples", [128, 1000, 15_000])
@pytest.mark.parametrize("pooling", ["flatten", "time", "average"])
def test_any_shape_gives_finite_logits_and_gradients(n_channels, n_samples, pooling):
    net = STFTCNN(n_channels, n_samples, 4, **PAPER, pooling=pooling, batch_norm=True)
    x = torch.randn(2, n_channels, n_samples)
    x[1, 0] = 0.0
    net(x).sum().backward()
    assert net(x).shape == (2, 4)
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize("scaling", ["log", "magnitude"])
def test_amplitude_does_not_matter(scaling):
    net = STFTCNN(3, 1000, 4, **PAPER, scaling=scaling).eval()
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


def test_no_module_is_used_twice():
    """Layer-wise relevance needs one place for each layer."""
    net = STFTCNN(3, 1000, 4, **PAPER, convs_per_block=2, batch_norm=True)
    calls = []
    for module in net.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, *_: calls.append(id(m)))
    net(torch.randn(2, 3, 1000))
    assert len(calls) == len(set(calls))


def test_exports_with_a_free_batch_size():
    net = STFTCNN(3, 1000, 4, **PAPER, batch_norm=True, scaling="log").eval()
    x = torch.randn(2, 3, 1000)
    batch = torch.export.Dim("batch", min=1, max=1024)
    exported = torch.export.export(net, (x,), dynamic_shapes=({0: batch},)).module()
    more = torch.randn(5, 3, 1000)
    torch.testing.assert_close(exported(more), net(more))
