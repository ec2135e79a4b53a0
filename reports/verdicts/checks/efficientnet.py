"""EfficientNet (arXiv:1905.11946): Tables 1 and 2, B0 to B7; Tables 3 and 7, networks scaled by one factor and by three."""

from typing import NamedTuple

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.checks import ROUGHLY, exact
from reports.verdicts.checks.architecture_rows import facts
from reports.verdicts.complexity import Network, counts

TABLES = ("efficientnet_t1", "efficientnet_t2", "efficientnet_t3", "efficientnet_t7")
CONVENTION = (
    "all parameters; multiply-adds of convolutions, squeeze-and-excitation and the fully connected layer; ResNet-50 with "
    "the stride in the 3×3"
)
CUT = {("Table 2", "b7", "flops_G"), ("Table 3", "v1-r2", "flops_G")}
_AT_ITS_RESOLUTION = "at the released resolution, as torchvision's network of that name"
_EXCHANGED = "the printed figures of d = 4 and w = 2 seem to be exchanged: these count 14.6 and 16.1"
_FOURFOLD = (
    "{}: d, w² or r² times B0's 0.386, give or take the rounding; the paper doesn't say what else there is"
)
EXPLAINED = {
    ("Table 2", "b2", "params_M"): "9.11M, as torchvision's network of that name",
    ("Table 2", "b1", "flops_G"): f"0.687 {_AT_ITS_RESOLUTION}",
    ("Table 2", "b4", "flops_G"): f"4.39 {_AT_ITS_RESOLUTION}",
    ("Table 2", "b5", "flops_G"): f"10.3 {_AT_ITS_RESOLUTION}",
    ("Table 3", "r50-d4", "flops_G"): _EXCHANGED,
    ("Table 3", "r50-w2", "flops_G"): _EXCHANGED,
    ("Table 7", "b0-d4", "flops_G"): _FOURFOLD.format(1.58),
    ("Table 7", "b0-w2", "flops_G"): _FOURFOLD.format(1.45),
    ("Table 7", "b0-r2", "flops_G"): _FOURFOLD.format(1.54),
}
BUILDERS = {
    "MobileNet v1": ("mobilenet_v1", {}),
    "MobileNet v2": ("mobilenet_v2", {}),
    "ResNet": ("resnet", {"depth": 50, "stride_in": "3x3"}),
    "EfficientNet-B0": ("efficientnet", {}),
}
RESOLUTION = 224
ALPHA, BETA, GAMMA = 1.2, 1.1, 1.15  # Section 4, step 1


class Scale(NamedTuple):
    """Factors of width and depth, and the resolution."""

    width: float
    depth: float
    resolution: int


# efficientnet_builder.py of the released code; the paper prints no factors.
FAMILY = {
    "EfficientNet-B0": Scale(1.0, 1.0, 224),
    "EfficientNet-B1": Scale(1.0, 1.1, 240),
    "EfficientNet-B2": Scale(1.1, 1.2, 260),
    "EfficientNet-B3": Scale(1.2, 1.4, 300),
    "EfficientNet-B4": Scale(1.4, 1.8, 380),
    "EfficientNet-B5": Scale(1.6, 2.2, 456),
    "EfficientNet-B6": Scale(1.8, 2.6, 528),
    "EfficientNet-B7": Scale(2.0, 3.1, 600),
}
# MobileNet v1's, which take the 1.3 billion that are printed at a resolution of 1.29 times 224.
COMPOUND = {"MobileNet v2": Scale(1.2, 1.4, 288)}


def network_for(figure: Figure) -> Network | str:
    if figure.table.startswith("Table 2"):
        if figure.arch not in FAMILY:
            return f"quoted from others: {figure.arch}"
        return scaled("EfficientNet-B0", FAMILY[figure.arch])
    if figure.kwargs.get("compound"):
        if figure.arch not in COMPOUND:
            return "the factors aren't printed, and MobileNet's don't give the figure"
        return scaled(figure.arch, COMPOUND[figure.arch])
    width, depth, resolution = (figure.kwargs.get(factor, 1) for factor in "wdr")
    return scaled(figure.arch, Scale(width, depth, round(RESOLUTION * resolution)))


def scaled(arch: str, scale: Scale) -> Network:
    """Return a network of Tables 2, 3 or 7."""
    builder, knobs = BUILDERS[arch]
    factors = {"width_mult": scale.width, "depth_mult": scale.depth}
    return Network.of(builder, "imagenet", knobs | factors, scale.resolution)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.table == "Table 1":
        row = figure.row_id.replace("stage", "stage_") if figure.row_id != "stage9" else "conv2d_1x1"
        return facts(network_for(figure), row)[figure.metric]
    return counts.parameters / 1e6 if figure.metric == "params_M" else counts.mult_adds / 1e9


@exact("efficientnet.flops_by_dimension")
def flops_by_dimension() -> tuple[bool, str]:
    """Section 3.3: a convolution's operations are proportional to d, w² and r²; α · β² · γ² is about 2."""
    fourfold = {"d = 4": Scale(1, 4, 224), "w = 2": Scale(2, 1, 224), "r = 2": Scale(1, 1, 448)}
    evidence, near = [], True
    for arch in ("EfficientNet-B0", "MobileNet v2"):
        base = counts(scaled(arch, Scale(1, 1, 224))).mult_adds
        times = {name: counts(scaled(arch, scale)).mult_adds / base for name, scale in fourfold.items()}
        near &= all(abs(ratio / 4 - 1) < ROUGHLY for ratio in times.values())
        evidence.append(
            f"{arch}: {', '.join(f'{name} takes {ratio:.2f} times' for name, ratio in times.items())}"
        )
    product = ALPHA * BETA**2 * GAMMA**2
    return near and abs(product / 2 - 1) < ROUGHLY, f"{'; '.join(evidence)}; α · β² · γ² = {product:.2f}"


@exact("efficientnet.b0_against_resnet50")
def b0_against_resnet50() -> tuple[bool, str]:
    """Table 2, what can be counted: ResNet-50 has 4.9 times B0's parameters and 11 times its operations."""
    b0 = counts(scaled("EfficientNet-B0", FAMILY["EfficientNet-B0"]))
    resnet = counts(scaled("ResNet", Scale(1, 1, RESOLUTION)))
    parameters, mult_adds = resnet.parameters / b0.parameters, resnet.mult_adds / b0.mult_adds
    return abs(parameters / 4.9 - 1) < ROUGHLY and abs(mult_adds / 11 - 1) < ROUGHLY, (
        f"{resnet.parameters:,} against {b0.parameters:,} parameters, {parameters:.1f} times; "
        f"{resnet.mult_adds:,} against {b0.mult_adds:,} multiply-adds, {mult_adds:.1f} times"
    )
