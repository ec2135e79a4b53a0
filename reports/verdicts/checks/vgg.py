"""VGG (arXiv:1409.1556): the weighted layers of Table 1 and the parameters of Table 2."""

import torch
from torch import nn

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.checks import (
    CIFAR,
    IMAGENET,
    NEGLIGIBLE,
    convolutions,
    exact,
    on_meta,
    with_random_weights,
)
from reports.verdicts.complexity import Network

TABLES = ("vgg_t2", "vgg_t3", "vgg_t4", "vgg_t5", "vgg_t6_t7", "vgg_text")
CONVENTION = "parameters with biases; layers with weights"
# The one stage with as many channels in as out, as Section 2.3's C has them.
CHANNELS = 512
# Pixels at a side of an image larger than a CIFAR crop of 32.
LARGER = 48


def network_for(figure: Figure) -> Network | str:
    return Network.of("vgg", "imagenet", figure.kwargs)


def count_for(figure: Figure, counts: Counts) -> float:
    return counts.layers if figure.metric == "weight_layers" else counts.parameters / 1e6


@exact("vgg.two3x3_fewer_params_than_5x5")
def two_3x3_against_5x5() -> tuple[bool, str]:
    """Section 4.1 compares B with B's pairs of 3×3 convolutions made one 5×5: 18 C² against 25 C² weights."""
    pairs, single = (on_meta("vgg", config=config, **IMAGENET) for config in ("B", "B-5x5"))
    counted = [(_weights(pairs, stage), _weights(single, stage)) for stage in range(1, 6)]
    reach = [_receptive_field(network) for network in (pairs, single)]
    two, one = counted[-1]
    wider = ", ".join(f"{two:,} against {one:,}" for two, one in counted[:-1])
    return (two, one) == (18 * CHANNELS**2, 25 * CHANNELS**2) and reach == [5, 5], (
        f"from {CHANNELS} channels to {CHANNELS} two 3×3 convolutions of configuration B have {two:,} weights, one 5×5 has "
        f"{one:,}: {100 * (1 - two / one):.0f} % fewer, to see {reach[0]}×{reach[0]} and {reach[1]}×{reach[1]} "
        f"units. Where a stage widens the pair has more weights, in stages 1 to 4 {wider}"
    )


@exact("vgg.three3x3_vs_7x7")
def three_3x3_against_7x7() -> tuple[bool, str]:
    """Section 2.3: three 3×3 convolutions have 27 C² weights, one 7×7 49 C², "81% more"."""
    three = _weights(on_meta("vgg", config="D", **IMAGENET), 5)
    with torch.device("meta"):
        one = nn.Conv2d(CHANNELS, CHANNELS, 7).weight.numel()
    return (three, one) == (27 * CHANNELS**2, 49 * CHANNELS**2) and round(100 * (one / three - 1)) == 81, (
        f"from {CHANNELS} channels to {CHANNELS} the three 3×3 convolutions of configuration D have {three:,} weights, a 7×7 "
        f"has {one:,}: {100 * (one / three - 1):.1f} % more"
    )


@exact("vgg.receptive_field")
def receptive_field() -> tuple[bool, str]:
    """Section 2.3: a stack of two 3×3 convolutions sees 5×5 pixels, of three 7×7."""
    two, three, with_1x1 = (_receptive_field(on_meta("vgg", config=config, **IMAGENET)) for config in "BDC")
    return (two, three, with_1x1) == (5, 7, 5), (
        f"by the gradient of one unit behind stage 5: the two 3×3 convolutions of configuration B see {two}×{two} "
        f"units of what enters the stage, the three of D {three}×{three}; C's 1×1 after two leaves it at "
        f"{with_1x1}×{with_1x1}"
    )


@exact("vgg.fc_as_conv")
def fully_connected_as_convolution() -> tuple[bool, str]:
    """Section 3.2: as convolutions the fully connected layers score a crop alike, and a larger image densely."""
    crop_form = with_random_weights("vgg", config="A", head="fc", **CIFAR)
    dense_form = on_meta("vgg", config="A", head="conv", **CIFAR).eval()
    dense_form.load_state_dict(crop_form.state_dict(), assign=True)
    random = torch.Generator().manual_seed(0)
    crops = torch.randn(1, 3, 32, 32, dtype=torch.double, generator=random)
    larger = torch.randn(1, 3, LARGER, LARGER, dtype=torch.double, generator=random)
    with torch.no_grad():
        scores = crop_form(crops)
        on_crops = (dense_form(crops) - scores).abs().max().item()
        # What the average of the dense form averages: the fully connected layers at every position of the features.
        *stages, fc6, fc7, fc8 = crop_form.children()
        features = nn.Sequential(*stages)(larger)
        side = convolutions(dense_form.get_submodule("fc6"))[0].kernel_size[0]
        positions = range(features.shape[-1] - side + 1)
        crop_scores = [
            fc8(fc7(fc6(features[:, :, y : y + side, x : x + side]))) for y in positions for x in positions
        ]
        on_larger = (dense_form(larger) - torch.stack(crop_scores).mean(0)).abs().max().item()
    return max(on_crops, on_larger) < NEGLIGIBLE < scores.std().item(), (
        f"VGG-11 for 32×32 crops: with the same weights the fully connected layers and the {side}×{side} and 1×1 "
        f"convolutions give a crop the same scores (to {on_crops:.0e}); on an image of {LARGER}×{LARGER} the "
        f"convolutions give the mean of the {len(crop_scores)} places at which the layers can stand (to {on_larger:.0e})"
    )


def _weights(network: nn.Module, stage: int) -> int:
    return sum(layer.weight.numel() for layer in convolutions(network.get_submodule(f"conv{stage}")))


def _receptive_field(network: nn.Module) -> int:
    """Side of the square of units before stage 5 on which one unit behind its convolutions depends.

    All weights are positive, so no ReLU hides a dependence.
    """
    stage = network.get_submodule("conv5").to_empty(device="cpu")
    for parameter in stage.parameters():
        nn.init.constant_(parameter, 1 / CHANNELS)
    x = torch.ones(1, CHANNELS, 9, 9, requires_grad=True)
    (gradient,) = torch.autograd.grad(stage(x)[0, 0, 4, 4], x)
    seen = gradient[0].sum(0).nonzero()
    return int((seen.max(0).values - seen.min(0).values + 1).max())
