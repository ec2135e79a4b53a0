"""Inception v3: the function against torchvision's; Tables 1 and 2; every form of factorisation and reduction."""

import pytest
import torch
import torchvision
from torch import nn

from architectures import build
from architectures.counting import count, count_stages
from architectures.describe import describe
from architectures.inception_v3 import PoolTo5x5
from architectures.layers.inception_module import InceptionModule
from architectures.layers.squeeze_excitation import SqueezeExcitation
from architectures.outputs import TrainingOutputs
from tests.architectures.reference import CLASSES, assert_same_function, random_images, set_epsilon


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("inception_v3", stem=stem, num_classes=1000, **knobs)


def outputs(network: nn.Module, resolution: int) -> dict[str, tuple[int, ...]]:
    return {stage.name: stage.output for stage in count_stages(network, resolution)}


def kernels(module: nn.Module) -> list[tuple[int, int]]:
    return [m.kernel_size for m in module.modules() if isinstance(m, nn.Conv2d)]


def test_the_function_of_torchvision():
    theirs = torchvision.models.inception_v3(num_classes=CLASSES, aux_logits=False, init_weights=False)
    set_epsilon(theirs)  # 0.001, as TensorFlow has it
    ours = build("inception_v3", stem="imagenet", num_classes=CLASSES, auxiliary="none")
    pools = [module for module in ours.modules() if isinstance(module, nn.AvgPool2d)]
    assert len(pools) == 9 and not any(pool.count_include_pad for pool in pools)
    for pool in pools:  # TensorFlow leaves the padding out of an average, and so do we; torchvision doesn't
        pool.count_include_pad = True
    assert_same_function(ours, theirs, random_images(2, 107))


def test_the_auxiliary_classifier_of_torchvision():
    theirs = torchvision.models.inception_v3(num_classes=CLASSES, init_weights=False).AuxLogits
    set_epsilon(theirs)
    ours = build("inception_v3", stem="imagenet", num_classes=CLASSES).auxiliary
    assert_same_function(ours, theirs, torch.randn(2, 768, 17, 17, dtype=torch.double), modes=[False])


@pytest.mark.parametrize("side", [17, 8, 16, 5, 12])
def test_the_auxiliary_classifier_gets_5x5_feature_maps_of_any_grid(side):
    torch.manual_seed(0)
    features = torch.rand(1, 2, side, side)
    pooled = PoolTo5x5()(features)
    assert pooled.shape == (1, 2, 5, 5)
    if side == 17:
        assert pooled[0, 1, 4, 1] == pytest.approx(features[0, 1, 12:17, 3:8].mean().item())


def test_the_auxiliary_classifier_speaks_in_training_only():
    torch.manual_seed(0)
    network = build("inception_v3", stem="cifar", num_classes=10, auxiliary_weight=0.3)
    images = torch.randn(2, 3, 32, 32)
    said = network(images)
    assert isinstance(said, TrainingOutputs) and said.logits.shape == (2, 10)
    ((logits, weight, fading),) = said.auxiliary
    assert logits.shape == (2, 10) and weight == 0.3 and not fading
    assert isinstance(network.eval()(images), torch.Tensor)
    without = on_meta(auxiliary="none")
    assert not hasattr(without, "auxiliary") and without.training
    assert isinstance(without(torch.empty(2, 3, 75, 75, device="meta")), torch.Tensor)


def test_only_the_fully_connected_layer_of_a_plain_auxiliary_classifier_is_not_normalised():
    for auxiliary, types in (
        ("bn", [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * 2),
        ("plain", [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Conv2d, nn.ReLU]),
    ):
        head = on_meta(auxiliary=auxiliary).auxiliary
        assert [type(layer) for layer in head][1:-2] == types
        fully_connected = [m for m in head if isinstance(m, nn.Conv2d)][1]
        assert (fully_connected.bias is not None) == (auxiliary == "plain")


def test_rows_of_table_1():
    network = on_meta(auxiliary="none")
    assert outputs(network, 299) == {
        "conv_1": (32, 149, 149),
        "conv_2": (32, 147, 147),
        "conv_3": (64, 147, 147),
        "pool_1": (64, 73, 73),
        "conv_4": (80, 73, 73),
        "conv_5": (192, 71, 71),
        "pool_2": (192, 35, 35),
        "early": (288, 35, 35),
        "reduction_1": (768, 17, 17),
        "medium": (768, 17, 17),
        "reduction_2": (1280, 8, 8),
        "coarsest": (2048, 8, 8),
        "pool": (2048,),
        "linear": (1000,),
    }
    assert [len(row) for row in (network.early, network.medium, network.coarsest)] == [3, 4, 2]
    rows = describe(network, 299).splitlines()
    assert (
        "1×1 conv, 192; 1×1 conv, 128; 1×7 conv, 128; 7×1 conv, 192; 1×1 conv, 128; 7×1 conv, 128" in rows[11]
    )
    assert "1×3 conv, 384; 3×1 conv, 384; 3×3 average pool; 1×1 conv, 192] × 2" in rows[13]
    assert "48 weighted layers" in rows[-1] and "23,834,568" in rows[-1]


def test_networks_of_table_2_cost_about_the_same():
    forms = {299: {}, 151: {"first_stride": 1}, 79: {"first_stride": 1, "first_pool": False}}
    costs = {}
    for resolution, knobs in forms.items():
        network = on_meta(**knobs)
        grids = outputs(network, resolution)
        assert grids["medium"][1:] == (17, 17) and grids["coarsest"][1:] == (8, 8)
        costs[resolution] = count(network, resolution).mult_adds
    # "Almost identical"; the third is "slightly cheaper" (Section 9).
    assert costs[299] == costs[151]
    assert 0.9 < costs[79] / costs[299] < 1


def test_the_7x7_layer_that_is_factorised_has_the_same_output():
    network = on_meta(factorized_7x7=False)
    rows = list(outputs(network, 299).items())
    assert rows[:2] == [("conv_7x7", (64, 147, 147)), ("pool_1", (64, 73, 73))]
    assert rows[-1] == ("linear", (1000,))


@pytest.mark.parametrize(("where", "left"), [("neither", 6), ("one", 3), ("both", 0)])
def test_5x5_convolutions_left_in_the_early_modules(where, left):
    early = on_meta(factorized_5x5=where).early
    assert kernels(early).count((5, 5)) == left
    assert kernels(early).count((3, 3)) == 2 * (6 - left)
    assert early[-1].outputs == 288


def test_two_3x3_cost_18_25ths_of_a_5x5():
    five, three = (
        [
            m.weight.numel()
            for m in on_meta(factorized_5x5=where).early[0].paths[1]
            if isinstance(m, nn.Conv2d)
        ]
        for where in ("neither", "both")
    )
    # 48 to 64 channels: 5×5, or 3×3 of 48 to 64 and of 64 to 64.
    assert five == [192 * 48, 25 * 48 * 64] and three == [192 * 48, 9 * 48 * 64, 9 * 64 * 64]


@pytest.mark.parametrize(
    ("where", "early", "medium"),
    [("none", False, False), ("early", True, False), ("medium", False, True), ("both", True, True)],
)
def test_asymmetric_convolutions_are_where_they_should_be(where, early, medium):
    network = on_meta(asymmetric_on=where)
    thin = {(1, 3), (3, 1), (1, 5), (5, 1)}
    assert set(kernels(network.early)) == {(1, 1)} | (thin if early else {(3, 3), (5, 5)})
    sevens = {(1, 7), (7, 1)} if medium else {(7, 7)}
    assert set(kernels(network.medium)) == {(1, 1)} | sevens
    assert set(kernels(network.reduction_2)) == {(1, 1), (3, 3)} | sevens
    assert outputs(network, 299)["linear"] == (1000,)


def test_asymmetric_convolutions_save_weights():
    path = on_meta(asymmetric_on="none").medium[3].paths[1], on_meta().medium[3].paths[1]
    square, thin = ([m.weight.numel() for m in layers if isinstance(m, nn.Conv2d)][1:] for layers in path)
    # With equal widths 2/n of n×n.
    assert square == [49 * 192 * 192] and sum(thin) / square[0] == 2 / 7


@pytest.mark.parametrize("where", ["early", "medium", "both"])
def test_a_factorisation_is_linear_but_for_its_last_layer(where):
    relu, linear = (
        on_meta(asymmetric_on=where, factorized_5x5="both", factor_activation=activation)
        for activation in ("relu", "linear")
    )
    assert count(relu, 299) == count(linear, 299)
    firsts = 0
    for name, module in linear.named_modules():
        if isinstance(module, InceptionModule) and not name.startswith(("coarsest", "reduction_1")):
            for path in module.paths:
                assert isinstance(path[-1], (nn.ReLU, nn.MaxPool2d))
                firsts += sum(isinstance(m, nn.BatchNorm2d) for m in path)
                firsts -= sum(isinstance(m, nn.ReLU) for m in path)
    # Each of 3 early modules factorises two 5×5, each of 4 medium ones three 7×7, the second reduction one.
    early = 3 * 2 * (3 if where != "medium" else 1)
    medium = 4 * 3 + 1 if where != "early" else 0
    assert firsts == early + medium


@pytest.mark.parametrize(("stem", "resolution"), [("cifar", 32), ("imagenet", 299)])
def test_reductions_differ_in_cost_alone(stem, resolution):
    kinds = ("pool_then_conv", "parallel", "conv_then_pool")
    networks = [on_meta(stem, reduction=kind) for kind in kinds]
    stages = [{s.name: s for s in count_stages(network, resolution)} for network in networks]
    shapes = [{name: stage.output for name, stage in rows.items()} for rows in stages]
    assert shapes[0] == shapes[1] == shapes[2]
    for name in ("reduction_1", "reduction_2"):
        cheap, between, dear = (rows[name].counts.mult_adds for rows in stages)
        assert cheap < between < dear
    pixels = (35 / 17) ** 2 if stem == "imagenet" else 4
    cheap, _, dear = (rows["reduction_1"].counts.mult_adds for rows in stages)
    assert dear / cheap == pytest.approx(pixels)
    assert isinstance(networks[0].reduction_1[0], nn.MaxPool2d)
    assert isinstance(networks[2].reduction_1[1], nn.MaxPool2d)


def test_filter_banks_of_the_keras_port():
    network = on_meta(filters="keras")
    assert outputs(network, 299)["reduction_1"] == (736, 17, 17)
    assert [module.outputs for module in network.early] == [256] * 3
    longest = [m.out_channels for m in network.medium[3].paths[2] if isinstance(m, nn.Conv2d)]
    assert longest == [160, 192, 192, 192, 192]


@pytest.mark.parametrize(("first_pool", "grids"), [(True, (16, 8, 4)), (False, (32, 16, 8))])
def test_grids_of_the_cifar_form(first_pool, grids):
    sizes = outputs(on_meta("cifar", first_pool=first_pool), 32)
    assert tuple(sizes[name][1] for name in ("early", "medium", "coarsest")) == grids


def test_squeeze_and_excitation_can_be_put_behind_every_module():
    network = on_meta("cifar")
    for row in (network.early, network.medium, network.coarsest):
        for index, module in enumerate(row):
            assert isinstance(module, InceptionModule)
            row[index] = nn.Sequential(module, SqueezeExcitation(module.outputs, module.outputs // 16))
    assert outputs(network, 32)["linear"] == (1000,)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"first_stride": 3}, "first_stride 3 is not one of 1, 2"),
        ({"auxiliary_weight": 0}, "auxiliary_weight 0.0 is not positive; auxiliary=none leaves it out"),
        ({"dropout": 1}, r"dropout 1.0 is not in \[0, 1\)"),
        ({"reduction": "pool"}, "'pool' is not one of parallel, pool_then_conv, conv_then_pool"),
        ({"asymmetric_on": "coarsest"}, "'coarsest' is not one of none, early, medium, both"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)
