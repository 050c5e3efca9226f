"""Which crop comes from which channel, and what the loss is made of."""

import pytest
import torch

from seisclf.nets.views import SelfSupervisedLoss, ViewsNet, neighbor_accuracy

SETTINGS = {
    "representation": "picture",
    "shape": (8, 40),
    "backbone": "resnet18",
    "width": 2,
    "n_projector": 6,
}


def crops_of(net, x):
    """Crops that the encoder is asked to embed, in this order."""
    seen = []
    net.encoder.encode = lambda crop: seen.append(crop) or torch.zeros(len(crop), 16)
    net(x)
    return seen


@pytest.mark.parametrize(
    ("objective", "crop", "n_crops"),
    [("vnibcreg", "neighboring", 3), ("tnc", "neighboring", 3), ("vibcreg", "neighboring", 2),
     ("vicreg", "random", 2)],
)  # fmt: skip
def test_reference_shows_one_channel_and_the_others_the_next(objective, crop, n_crops):
    x = torch.stack([torch.zeros(8, 40), torch.ones(8, 40)]).repeat(4, 1, 1, 1)
    seen = crops_of(ViewsNet(objective, crop=crop, **SETTINGS), x)
    assert [tuple(part.shape) for part in seen] == [(4, 1, 8, 4)] * n_crops
    assert [part.unique().tolist() for part in seen] == [[0.0]] + [[1.0]] * (n_crops - 1)
    alone = crops_of(ViewsNet(objective, crop=crop, **SETTINGS), x[:, 1:])
    assert [part.unique().tolist() for part in alone] == [[1.0]] * n_crops


def test_parts_belong_to_objectives():
    nets = {name: ViewsNet(name, **SETTINGS) for name in ("vnibcreg", "vicreg", "tnc")}
    assert [type(net.projector[-1]).__name__ for net in nets.values() if net.projector] == [
        "IterNorm",
        "Linear",
    ]
    assert [net.discriminator is not None for net in nets.values()] == [True, False, True]
    assert [tuple(weight.shape) for weight in nets["tnc"].discriminator.parameters()] == [
        (64, 32),
        (64,),
        (1, 64),
        (1,),
    ]


@pytest.mark.parametrize("objective", ["vnibcreg", "vibcreg", "vicreg", "tnc", "barlow_twins"])
def test_every_weight_learns(objective):
    """A gradient reaches encoder, projector and discriminator."""
    torch.manual_seed(0)
    net = ViewsNet(objective, **SETTINGS)
    SelfSupervisedLoss(objective)(net(torch.randn(6, 2, 8, 40))).backward()
    # A bias before batch normalisation, or before whitening, changes nothing.
    dead = {name for name, weight in net.named_parameters() if not weight.grad.abs().sum() > 0}
    assert all(name.endswith("bias") for name in dead), dead


def test_one_pass_for_each_view():
    """Batch normalisation sees one view at a time: three passes move its statistics thrice."""
    net = ViewsNet("vnibcreg", **SETTINGS)
    net(torch.randn(4, 2, 8, 40))
    assert net.encoder.backbone.bn1.num_batches_tracked == 3
    assert net.projector[1].num_batches_tracked == 2


def test_accuracy_of_the_discriminator():
    outputs = {
        "near_logit": torch.tensor([1.0, -1.0, 2.0, 3.0]),
        "far_logit": torch.tensor([-1.0, 1.0, -2.0, 3.0]),
    }
    assert [float(part) for part in neighbor_accuracy(outputs)] == [0.75, 0.5]
