"""EfficientNet: torchvision's counts and logits, Table 1, scaling, and what is dropped in training."""

import pytest
import torch
import torchvision
from torch import nn

from architectures import build
from architectures.counting import count
from architectures.describe import describe
from architectures.efficientnet import SurvivingResidual, mbconv
from architectures.layers.squeeze_excitation import SqueezeExcitation
from reports.verdicts.checks.efficientnet import FAMILY


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("efficientnet", stem=stem, num_classes=1000, **knobs)


def theirs_of(name: str, **arguments) -> nn.Module:
    return getattr(torchvision.models, name.lower().replace("-", "_"))(**arguments)


def squeezed(network: nn.Module) -> list[SqueezeExcitation]:
    return [module for module in network.modules() if isinstance(module, SqueezeExcitation)]


@pytest.mark.parametrize("name", FAMILY)
def test_shapes_and_operations_of_torchvision(name):
    scale = FAMILY[name]
    ours = on_meta(width_mult=scale.width, depth_mult=scale.depth)
    with torch.device("meta"):
        theirs = theirs_of(name)
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs.parameters()]
    counted, expected = count(ours, scale.resolution), count(theirs, scale.resolution)
    assert (counted.parameters, counted.mult_adds) == (expected.parameters, expected.mult_adds)


def test_logits_of_torchvision():
    torch.manual_seed(0)
    theirs = theirs_of("EfficientNet-B0", num_classes=10).double().eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
    ours = build("efficientnet", stem="imagenet", num_classes=10).double().eval()
    source, target = theirs.state_dict(), ours.state_dict()
    assert [tensor.shape for tensor in source.values()] == [tensor.shape for tensor in target.values()]
    ours.load_state_dict(dict(zip(target, source.values(), strict=True)))
    images = torch.randn(2, 3, 96, 96, dtype=torch.double)
    with torch.no_grad():
        expected = theirs(images)
        torch.testing.assert_close(ours(images), expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())
    assert expected.std() > 1e-3


def test_table_1():
    table = describe(on_meta(), 224)
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in table.splitlines()[2:-1]]
    assert [(name, size) for name, size, _ in rows] == [
        *(("stage_1", "112×112"), ("stage_2", "112×112"), ("stage_3", "56×56"), ("stage_4", "28×28")),
        *(("stage_5", "14×14"), ("stage_6", "14×14"), ("stage_7", "7×7"), ("stage_8", "7×7")),
        *(("conv2d_1x1", "7×7"), ("pool", "1×1"), ("fc", "1×1")),
    ]
    assert rows[1][2] == "3×3 conv, 32, C=32; fc, [8, 32]; 1×1 conv, 16"


def test_squeeze_is_a_quarter_of_the_blocks_input_and_between_is_silu():
    blocks = squeezed(on_meta())
    assert len(blocks) == 16
    assert [block.excitation[0].out_channels for block in blocks] == [
        *(8, 4, 6, 6, 10, 10, 20, 20, 20, 28, 28, 28, 48, 48, 48, 48),
    ]
    assert all(isinstance(block.excitation[1], nn.SiLU) for block in blocks)
    assert not [module for module in on_meta().modules() if isinstance(module, nn.ReLU)]


def test_depth_is_rounded_up_and_width_to_8():
    b3 = on_meta(width_mult=1.2, depth_mult=1.4)
    assert [len(getattr(b3, f"stage_{number}")) for number in range(2, 9)] == [2, 3, 3, 5, 5, 6, 2]
    assert [getattr(b3, f"stage_{number}")[-1][-1].num_features for number in range(2, 9)] == [
        *(24, 32, 48, 96, 136, 232, 384),
    ]
    assert b3.fc[-1].in_features == 1536


def test_later_blocks_are_dropped_more_often_and_those_without_a_shortcut_never():
    rates = [
        round(1 - module.survival, 4)
        for module in on_meta().modules()
        if isinstance(module, SurvivingResidual)
    ]
    # Blocks 2, 4, 6, 7, … of 16, counted from 0, have a shortcut; block l is dropped at l / 16 · 0.2.
    assert rates == [round(0.2 * block / 16, 4) for block in (2, 4, 6, 7, 9, 10, 12, 13, 14)]


def test_images_are_dropped_one_by_one_and_what_is_left_keeps_its_mean():
    torch.manual_seed(0)
    block = mbconv(8, 8, 1, kernel=3, expansion=6, survival=0.75).double()
    images = torch.randn(1, 8, 6, 6, dtype=torch.double).expand(4000, -1, -1, -1)
    for norm in [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]:
        norm.eval()
    with torch.no_grad():
        branch = block(images) - images
        block.eval()
        whole = block(images[:1]) - images[:1]
    dropped = (branch == 0).flatten(1).all(1)
    assert 0.22 < dropped.double().mean() < 0.28
    torch.testing.assert_close(branch[~dropped], (whole / 0.75).expand(int((~dropped).sum()), -1, -1, -1))


def test_survival_1_drops_nothing():
    torch.manual_seed(0)
    block = mbconv(8, 8, 1, kernel=3, expansion=6, survival=1.0)
    images = torch.randn(4, 8, 6, 6)
    assert torch.equal(block(images), block(images))


def test_cifar_form_ends_at_4x4():
    table = describe(on_meta("cifar"), 32).replace(" ", "")
    assert "|stage_3|32×32|" in table and "|stage_8|4×4|" in table


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"width_mult": 0.0}, "width_mult 0.0 is not positive"),
        ({"depth_mult": -1.0}, "depth_mult -1.0 is not positive"),
        ({"dropout": 1.0}, r"dropout 1.0 is not in \[0, 1\); 0 is none"),
        ({"last_survival": 0.0}, r"last_survival 0.0 is not in \(0, 1\]; the paper's is 0.8"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)
