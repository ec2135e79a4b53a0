"""Speeds of networks: what is built and compared, each experiment whole on tiny images, the rules with told times."""

import pytest
import torch
from torch import nn

import architectures
from architectures import resnet
from reports.verdicts import experiments
from reports.verdicts.experiments import Outcome, Setup, columns, intensity, mobile, passes, speed, timing
from reports.verdicts.experiments.timing import Comparison

# Small enough for a second; shapes and claims are those of the real sizes.
TINY = {
    "alexnet.two_gpu_faster": (columns.two_columns, {"stem": "cifar", "rounds": 6}),
    "flops.not_speed": (speed.same_operations_other_times, {"resolution": 32, "rounds": 6}),
    "resnext.grouped_slower": (speed.grouped, {"resolution": 64, "rounds": 6, "depth": 50}),
    "shufflenet.se_slower": (speed.excited, {"resolution": 32, "rounds": 6}),
    "shufflenetv2.faster_than_v1": (speed.shufflenets, {"resolution": 32, "rounds": 6}),
    "mobilenetv2.faster_than_v1": (mobile.v2_against_v1, {"resolution": 32, "rounds": 6}),
    "mobilenetv3.last_stage_latency": (mobile.v3_parts, {"resolution": 32, "rounds": 6}),
    "depthwise.low_arithmetic_intensity": (intensity.depthwise, {"rounds": 6, "shapes": ((8, 4), (16, 2))}),
}


@pytest.fixture
def setup(tmp_path):
    return Setup("cpu", tmp_path / "runs", tmp_path / "data")


@pytest.fixture
def told(monkeypatch):
    """`told({name: seconds})`: every round of an inference takes this; the multiply-adds are counted."""

    def tell(seconds):
        def in_turns(candidates, rounds, watch):
            return timing.Times({name: [seconds[name]] * rounds for name in candidates})

        for module in (passes, intensity):
            monkeypatch.setattr(module, "in_turns", in_turns)

    return tell


@pytest.mark.parametrize("claim", TINY)
def test_an_experiment_on_tiny_images(claim, setup, monkeypatch):
    monkeypatch.setitem(resnet.IMAGENET_BLOCKS, 50, ("bottleneck", (1, 1, 1, 1)))
    made, sizes = TINY[claim]
    outcome = made(setup, **sizes)
    assert isinstance(outcome, Outcome) and experiments.registered()[claim] is made
    assert outcome.data["tables"] and all(table["rows"] for table in outcome.data["tables"])
    assert "one thread of a CPU" in outcome.evidence[0]


@pytest.mark.slow
@pytest.mark.parametrize("claim", TINY)
def test_an_experiment_at_its_size(claim, setup):
    assert TINY[claim][0](setup).data["tables"]


@pytest.mark.parametrize(("arch", "knobs"), [("mobilenet_v3_small", {}), ("shufflenet_v1", {"se": True})])
def test_a_deployed_network_computes_the_same_without_normalisations(arch, knobs):
    torch.manual_seed(0)
    network = architectures.build(arch, stem="imagenet", num_classes=5, **knobs).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    batch = passes.images(2, 3, 32, "cpu")
    assert batch.is_contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        before = network(batch)
        after = passes.deployed(network, "cpu")(batch)
    assert torch.allclose(before, after, rtol=1e-3, atol=1e-4 * before.abs().max())
    assert not [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def test_a_step_of_training_leaves_gradients_of_its_batch_alone():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    run = passes.training(network, passes.images(2, 3, 8, "cpu"))
    run()
    once = network[0].weight.grad.clone()
    run()
    assert once.any() and torch.allclose(network[0].weight.grad, once)


def test_swish_takes_the_place_of_every_h_swish():
    network = mobile.with_swish(passes.imagenet("mobilenet_v3_large", "cpu"))
    kinds = [type(module) for module in network.modules()]
    # Table 1: HS in the first layer, in two places of the nine last bnecks each, and in two layers of the last stage
    assert kinds.count(nn.Hardswish) == 0 and kinds.count(nn.SiLU) == 1 + 2 * 9 + 2


@pytest.mark.parametrize("pace", [1.05, 0.8])
def test_operations_do_not_determine_speed_if_a_multiply_add_takes_another_time(setup, told, pace):
    told(dict.fromkeys(speed.LEVEL, 1.0))
    counted = speed.same_operations_other_times(setup, 32, 6).data["tables"][0]["rows"]
    seconds = {row[0]: row[1] * 1e-9 for row in counted}
    told(seconds | {"MobileNet v1 0.5": pace * seconds["MobileNet v1 0.5"]})
    outcome = speed.same_operations_other_times(setup, 32, 6)
    assert outcome.holds is True
    assert f"MobileNet v1 0.5 {pace:.2f} [{pace:.2f}, {pace:.2f}]" in outcome.evidence[0]


@pytest.mark.parametrize(
    ("slower", "holds"),
    [(0.9, False), (1.0, None), (1.17, "sense"), (1.25, True), (1.4, True), (1.5, "sense")],
)
def test_excitation_is_judged_by_direction_and_its_figure_apart(setup, told, slower, holds):
    told({"ShuffleNet 2x": 1.0, "ShuffleNet 2x, SE": slower})
    assert speed.excited(setup, 32, 6).holds is holds


def test_intervals_that_hold_one_say_nothing_of_what_determines_speed():
    same, slower = Comparison("a", "c", 1.0, 0.99, 1.01), Comparison("b", "c", 1.05, 1.04, 1.06)
    assert speed.other_times([same, same], "here")[0] is None
    assert speed.other_times([same, slower], "here")[0] is True


@pytest.mark.parametrize(("last", "holds"), [(1.6, True), (1.0, None), (0.9, False)])
def test_shufflenet_v2_must_be_faster_at_every_level(setup, told, last, holds):
    v2 = {f"ShuffleNet v2 {scale:g}x": 1.0 for scale in speed.SCALES}
    v1 = {f"ShuffleNet v1 {scale:g}x": 1.2 for scale in speed.SCALES}
    told(v2 | v1 | {"ShuffleNet v1 2x": last})
    outcome = speed.shufflenets(setup, 32, 6)
    assert outcome.holds is holds
    assert "ShuffleNet v1 1x 1.20 [1.20, 1.20] (printed 1.12)" in outcome.evidence[0]


def test_every_part_of_v3_must_save_time(setup, told):
    seconds = {mobile.V3: 1.0, mobile.RELU: 0.9, mobile.EVERYWHERE: 1.1, mobile.V2: 1.2}
    parts = {mobile.LAST_STAGE: 1.1, mobile.FIRST_LAYER: 1.05, mobile.SWISH: 1.01}
    told(seconds | parts)
    outcome = mobile.v3_parts(setup, 32, 6)
    assert outcome.holds is True and "MobileNet v2 1.20 [1.20, 1.20] (printed 1.25)" in outcome.evidence[1]
    told(seconds | parts | {mobile.SWISH: 0.99})
    assert mobile.v3_parts(setup, 32, 6).holds is False


def test_intensity_by_hand():
    made = intensity.on_feature_maps(torch.zeros(2, 8, 5, 5))
    numbers = 2 * 8 * 5 * 5
    assert made[intensity.RELU].moved == 4 * 2 * numbers and made[intensity.ADDITION].moved == 4 * 3 * numbers
    assert made[intensity.DEPTHWISE].operations == 9 * numbers
    assert made[intensity.DEPTHWISE].moved == 4 * (2 * numbers + 9 * 8)
    assert made[intensity.DENSE].operations == 8 * numbers
    assert made[intensity.DENSE].intensity == 8 * numbers / (4 * (2 * numbers + 8 * 8))


@pytest.mark.parametrize(
    ("channels", "slower", "holds"), [(16, 0.6, True), (16, 0.5, False), (8, 2.0, False)]
)
def test_bound_by_memory_means_fewer_mult_adds_a_byte_and_a_second_than_dense(
    setup, told, channels, slower, holds
):
    # Nine mult-adds a number against as many as channels: of 16 an equal pace takes 0.5625 of the time, and of 8
    # a depthwise convolution does more of them a byte.
    told({intensity.RELU: 1.0, intensity.ADDITION: 1.5, intensity.DEPTHWISE: slower, intensity.DENSE: 1.0})
    assert intensity.depthwise(setup, 6, ((channels, 16),)).holds is holds
