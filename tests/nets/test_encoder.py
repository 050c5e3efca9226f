"""From an event to a vector, and what is frozen."""

import numpy as np
import pytest
import torch

from seisclf.nets import EncoderClassifier, EventEncoder, SpectrogramPicture, make_backbone

TINY = {"width": 2, "size": 16, "backbone": "resnet18"}


def test_an_encoder_is_its_picture_and_its_backbone():
    torch.manual_seed(0)
    encoder = EventEncoder(in_channels=3, shape=(700,), sampling_rate=50.0, log="db", **TINY)
    encoder.eval()
    x = torch.randn(4, 3, 700)
    picture = SpectrogramPicture(700, sampling_rate=50.0, log="db", size=16)
    maps = encoder.float().pictures(x)
    torch.testing.assert_close(maps, picture.float()(x))
    backbone = make_backbone("resnet18", in_channels=3, width=2).eval()
    weights = {
        name.removeprefix("backbone."): value for name, value in encoder.state_dict().items()
    }
    backbone.load_state_dict(weights)
    assert encoder(x).shape == (4, encoder.n_features) == (4, 16)
    torch.testing.assert_close(encoder(x), backbone(maps), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(encoder.encode(maps), encoder(x))
    frequencies, times = encoder.map_axes()
    assert (len(frequencies), len(times)) == maps.shape[-2:]
    assert frequencies[-1] == pytest.approx(25.0, abs=1)


def test_settings_make_the_same_encoder():
    encoder = EventEncoder(in_channels=2, shape=[90], window_length=0.3, overlap=0.5, **TINY)
    again = EventEncoder(**encoder.settings)
    again.load_state_dict(encoder.state_dict())
    x = torch.randn(3, 2, 90)
    torch.testing.assert_close(again.float().eval()(x), encoder.float().eval()(x))
    assert again.settings == encoder.settings
    assert encoder.settings["shape"] == (90,)


def test_pictures_go_to_the_backbone_as_they_are():
    encoder = EventEncoder(in_channels=2, shape=(9, 30), representation="picture", **TINY).eval()
    x = torch.rand(3, 2, 9, 30)
    assert encoder.pictures(x) is x
    torch.testing.assert_close(encoder(x), encoder.backbone(x), rtol=1e-4, atol=1e-5)
    rows, columns = encoder.map_axes()
    np.testing.assert_array_equal(rows, np.arange(9))
    np.testing.assert_array_equal(columns, np.arange(30))


def test_convolutions_have_their_channels_last():
    encoder = EventEncoder(in_channels=1, shape=(500,), **TINY)
    found = []
    encoder.backbone.layer2.register_forward_hook(lambda _, __, out: found.append(out))
    encoder.float()(torch.randn(2, 1, 500))
    assert found[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"representation": "stft"}, "representation must be one of"),
        ({"shape": (3, 4)}, r"shape must be \(n_samples,\)"),
        ({"shape": (9,), "representation": "picture"}, r"shape must be \(height, width\)"),
        (
            {"representation": "waveform", "backbone": "alexnet"},
            "no form for waveforms .*resnet18",
        ),
        ({"shape": (3, 4), "representation": "waveform"}, r"shape must be \(n_samples,\)"),
        ({"backbone": "vgg"}, "backbone must be one of"),
        ({"log": "ln"}, "log must be one of"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        EventEncoder(**{"in_channels": 1, "shape": (100,), **changes})


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e9])
def test_waveforms_go_to_the_backbone_without_their_unit(unit):
    torch.manual_seed(0)
    settings = {"backbone": "resnet18", "width": 2, "representation": "waveform"}
    encoder = EventEncoder(in_channels=2, shape=(90,), sampling_rate=50.0, **settings).float()
    x = torch.randn(6, 2, 90)
    x[:, 1] *= 3
    seen = encoder.train().pictures(unit * x)
    torch.testing.assert_close(seen, (x - x.mean()) / x.std(correction=0), rtol=1e-4, atol=1e-4)
    # The same ratio between the channels as before.
    assert seen[:, 1].std() / seen[:, 0].std() == pytest.approx(3, rel=0.1)
    torch.testing.assert_close(encoder.encode(seen), encoder.backbone(seen))
    frequencies, times = encoder.map_axes()
    assert frequencies is None and times[-1] == pytest.approx(89 / 50)
    assert not any(name.startswith("picture") for name, _ in encoder.named_parameters())


# The classifier around it -----------------------------------------------------------------------


def classifier(**settings):
    torch.manual_seed(0)
    return EncoderClassifier(4, in_channels=2, shape=(300,), **TINY, **settings).float()


def learn(net, n=5):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    net.train()
    for _ in range(n):
        x = 5 + 3 * torch.randn(6, 2, 300)
        loss = torch.nn.functional.cross_entropy(net(x), torch.tensor([0, 1, 2, 3, 0, 1]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def changed(net, before):
    """Which entries of the state have changed."""
    after = net.state_dict()
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


def copied(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def test_logits_are_those_of_the_pictures_and_of_the_features():
    net = classifier(dropout=0.5).eval()
    x = torch.randn(3, 2, 300)
    torch.testing.assert_close(net.explain_from(net.explained_input(x)), net(x))
    torch.testing.assert_close(net.head(net.features(x)), net(x))
    assert len(net.map_axes()[0]) == net.explained_input(x).shape[-2]


def test_everything_learns_unless_it_is_frozen():
    net = classifier()
    before = copied(net)
    learn(net)
    assert changed(net, before) == set(before)


def test_a_frozen_encoder_keeps_weights_statistics_and_mode():
    net = classifier(freeze_encoder=True, dropout=0.1)
    before = copied(net)
    learn(net)
    assert changed(net, before) == {"head.weight", "head.bias"}
    assert not any(part.training for part in net.encoder.modules())
    assert net.head.training and net.dropout.training
    assert all(p.grad is None for p in net.encoder.parameters())


def test_frozen_batch_normalisation_keeps_its_statistics_and_learns_its_scale():
    net = classifier(freeze_batch_norm=True)
    before = copied(net)
    learn(net)
    kept = {name for name in before if "running" in name or "tracked" in name}
    assert changed(net, before) == set(before) - kept
    norms = [m for m in net.encoder.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms and not any(m.training for m in norms)
    assert net.encoder.backbone.training


def test_what_is_frozen_can_be_changed():
    net = classifier(freeze_encoder=True).train()
    net.freeze(encoder=False, batch_norm=False)
    assert net.encoder.backbone.bn1.training
    before = copied(net)
    learn(net)
    assert changed(net, before) == set(before)
    net.freeze(encoder=True, batch_norm=False)
    assert not net.encoder.backbone.bn1.training and net.head.training


def test_nothing_is_drawn_for_weights_without_memory(monkeypatch):
    """PyTorch would load its compiler for that, which takes seconds in every process."""

    def draw(*args, **kwargs):
        raise AssertionError("weights were drawn")

    monkeypatch.setattr(torch.nn.init, "kaiming_normal_", draw)
    with torch.device("meta"):
        encoder = EventEncoder(in_channels=1, shape=(300,), **TINY)
    assert all(weight.is_meta for weight in encoder.parameters())
    with pytest.raises(AssertionError, match="drawn"):
        EventEncoder(in_channels=1, shape=(300,), **TINY)
