"""ShuffleNet v2's four guidelines (Ma et al., arXiv:1807.11164, Section 2; Tables 1 to 4), timed as the paper did.

Ten units without a classifier, on feature maps of 56 × 56, at equal multiply-adds; a batch of 1 with the paper's widths for an
ARM core on a CPU, of 8 with those for a GPU on a GPU. "×2" and "×4" are the paper's columns of wider layers.

Choices where the paper is silent: nothing but convolutions without biases in the units of guidelines 1 to 3; the sum
of parallel fragments (the appendix draws them, and its caption changes their widths, which a concatenation wouldn't
need). Table 4's c are the channels between bottlenecks, c / 4 those inside: with c inside, ten units would ask of the ARM
core several times what Table 2 shows that it can do. Widths go to the nearest multiple of the groups: 180 of 8 groups,
as printed for the ARM, become 184.

Whole widths make the operations differ by up to 5 %, so times are compared per multiply-add, the printed ones too. That
widths such as 45 or 90 suit no vector unit is part of the paper's tables, and of what is measured here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import floor, sqrt

from torch import nn

from architectures.mobilenet_v2 import Residual
from architectures.resnext import Sum
from reports.printed.figures import Figure, read
from reports.verdicts.experiments import Holds, Outcome, Setup, experiment, rules
from reports.verdicts.experiments.passes import BATCH, deployed, forward, here, images
from reports.verdicts.experiments.timing import Comparison, Times, in_turns, stopwatch, tally

PRINTED = "shufflenet_v2_t1_t4"
# Of the table's widths and speeds: how their names begin, and on what they were taken.
WIDTHS = {"cpu": "arm_c", "cuda": "gpu_c"}
SPEEDS = {"cpu": "arm_images_per_s", "cuda": "gpu_batches_per_s"}
UNITS = {"cpu": "images", "cuda": "batches"}  # of the printed speeds
THEIRS = {"cpu": "one ARM core of a Snapdragon 810", "cuda": "a GTX 1080Ti"}
WIDER = (1, 2, 4)


@dataclass(frozen=True)
class Sizes:
    """side: of the feature maps, in pixels. The defaults are the paper's; tests take less."""

    side: int = 56
    units: int = 10
    rounds: int = 61
    wider: Sequence[int] = WIDER


@dataclass(frozen=True)
class Claimed:
    """Row `slow` of the table takes more than `bound` times as long as row `fast`.

    step: whether it is one of several between rows of which others are claimed: then it is of the figures, and alone
    doesn't decide.
    """

    slow: str
    fast: str
    bound: float = 1.0
    step: bool = False


Unit = Callable[[Mapping, str, int], nn.Module]


@experiment("shufflenetv2.g1_equal_width")
def equal_width(setup: Setup, sizes: Sizes = Sizes()) -> Outcome:
    """Table 1: units of two 1×1 convolutions, from c1 channels to c2 and back; c1 = c2 against each other ratio."""

    def unit(row: Mapping, widths: str, wider: int) -> nn.Module:
        c1, c2 = (wider * channels for channels in row[widths])
        return nn.Sequential(_conv(c1, c2), _conv(c2, c1))

    claimed = [Claimed(ratio, "1:1") for ratio in ("1:2", "1:6", "1:12")]
    return _compare(setup, "Table 1", unit, lambda wider: claimed, sizes)


@experiment("shufflenetv2.g2_groups_slow")
def groups(setup: Setup, sizes: Sizes = Sizes()) -> Outcome:
    """Table 2: grouped 1×1 convolutions; eight groups against one decide, the steps between are shown."""

    def unit(row: Mapping, widths: str, wider: int) -> nn.Module:
        channels = row["groups"] * floor(wider * row[widths] / row["groups"] + 0.5)
        return _conv(channels, channels, groups=row["groups"])

    steps = [Claimed(more, fewer, step=True) for more, fewer in (("g2", "g1"), ("g4", "g2"), ("g8", "g4"))]
    claimed = [Claimed("g8", "g1"), *steps]
    return _compare(setup, "Table 2", unit, lambda wider: claimed, sizes)


@experiment("shufflenetv2.g3_fragments_slow")
def fragments(setup: Setup, sizes: Sizes = Sizes()) -> Outcome:
    """Table 3: one 1×1 convolution against two and four thinner ones, in series or in parallel."""

    def unit(row: Mapping, widths: str, wider: int) -> nn.Module:
        number = int(row["fragments"].split("-")[0])
        channels = round(row[widths][WIDER.index(wider)] / sqrt(number))
        parts: list[nn.Module] = [_conv(channels, channels) for _ in range(number)]
        return Sum(parts) if row["fragments"].endswith("parallel") else nn.Sequential(*parts)

    rows = ("2-fragment-series", "4-fragment-series", "2-fragment-parallel", "4-fragment-parallel")
    claimed = [Claimed(row, "1-fragment") for row in rows]
    return _compare(setup, "Table 3", unit, lambda wider: claimed, sizes)


@experiment("shufflenetv2.g4_elementwise_slow")
def elementwise(setup: Setup, sizes: Sizes = Sizes()) -> Outcome:
    """Table 4: ResNet's bottleneck with and without its ReLUs and its addition, one operation a number each."""

    def unit(row: Mapping, widths: str, wider: int) -> nn.Module:
        channels = row["c"][WIDER.index(wider)]

        def activated(*layers: nn.Module) -> list[nn.Module]:
            return [*layers, nn.ReLU(inplace=True)] if row["relu"] else [*layers]

        first = activated(_conv(channels, channels // 4))
        second = activated(_conv(channels // 4, channels // 4, kernel=3))
        joined = Residual if row["shortcut"] else nn.Sequential
        return nn.Sequential(*activated(joined(*first, *second, _conv(channels // 4, channels))))

    def claimed(wider: int) -> list[Claimed]:
        channels = _said(_rows("Table 4")["relu1-sc1"])["c"][WIDER.index(wider)]
        convolutions = channels * (channels // 4) * 2 + 9 * (channels // 4) ** 2
        relu, addition = channels // 4 + channels // 4 + channels, channels
        operations = {"relu1-sc1": relu + addition, "relu1-sc0": relu, "relu0-sc1": addition}
        return [Claimed(row, "relu0-sc0", 1 + more / convolutions) for row, more in operations.items()]

    return _compare(setup, "Table 4", unit, claimed, sizes)


def _conv(inputs: int, outputs: int, kernel: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)


def _compare(
    setup: Setup, table: str, unit: Unit, claimed: Callable[[int], Sequence[Claimed]], sizes: Sizes
) -> Outcome:
    """Build, time and judge the rows of a table, at each width."""
    rows = _rows(table)
    comparisons, tables = [], []
    for wider in sizes.wider:
        times, mult_adds = _time(setup.device, rows, unit, wider, sizes)
        speeds = {name: figures[f"{SPEEDS[setup.device]}_x{wider}"] for name, figures in rows.items()}
        # Mult-adds a second, as printed; batches are equally large, so that a ratio says the same of GPUs.
        paces = {name: float(speed.number) * mult_adds[name] for name, speed in speeds.items()}
        comparisons += [
            Comparison.of(
                claim.slow,
                claim.fast,
                times.ratio(claim.slow, claim.fast, mult_adds[claim.slow] / mult_adds[claim.fast]),
                bound=claim.bound,
                printed=f"{paces[claim.fast] / paces[claim.slow]:.2f}",
                size=f"×{wider}",
                step=claim.step,
            )
            for claim in claimed(wider)
        ]
        against = claimed(wider)[0].fast
        columns = {
            "printed": {name: f"{paces[against] / pace:.2f}" for name, pace in paces.items()},
            f"printed, {UNITS[setup.device]}/s": {name: speed.value for name, speed in speeds.items()},
        }
        tables.append(times.table(f"{table}, ×{wider}", against, mult_adds, columns, per_mult_add=True))
    return Outcome(
        *judge(comparisons, f"{here(setup.device)}; printed on {THEIRS[setup.device]}"),
        {"tables": tables, "comparisons": list(map(asdict, comparisons))},
    )


def judge(comparisons: Sequence[Comparison], where: str) -> tuple[Holds, tuple[str, ...]]:
    """Judge the comparisons of a table at all widths: all but the steps decide, steps the other way are told; with evidence."""
    decisive = [comparison for comparison in comparisons if not comparison.step]
    holds: Holds = rules.all_hold(comparison.as_claimed for comparison in decisive)
    against = [c for c in comparisons if c.step and c.as_claimed is not True]
    summary = f"{tally([comparison.as_claimed for comparison in decisive])}, {where}"
    if against:
        steps = ", ".join(f"{c.slow} to {c.fast} at {c.size} ({c})" for c in against)
        summary += f"; steps between that aren't as claimed: {steps}"
        holds = "sense" if holds else holds
    evidence = [
        f"time per mult-add at {size}: {', '.join(_told(c) for c in comparisons if c.size == size)}"
        for size in dict.fromkeys(comparison.size for comparison in comparisons)
    ]
    rule = "rule: as claimed if the whole 95 % interval of a comparison is above 1, or above what operations alone give"
    return holds, (summary, *evidence, rule)


def _told(comparison: Comparison) -> str:
    operations = f", by operations {comparison.bound:.2f}" if comparison.bound != 1 else ""
    return f"{comparison.slow} to {comparison.fast} {comparison} (printed {comparison.printed}{operations})"


def _rows(table: str) -> dict[str, dict[str, Figure]]:
    """The figures of a table by row and metric, in its order."""
    rows: dict[str, dict[str, Figure]] = {}
    for figure in read(PRINTED):
        if figure.table == table:
            rows.setdefault(figure.row_id, {})[figure.metric] = figure
    return rows


def _said(figures: Mapping[str, Figure]) -> Mapping:
    """What the paper says of a row's units."""
    return next(iter(figures.values())).kwargs


def _time(
    device: str, rows: Mapping[str, Mapping[str, Figure]], unit: Unit, wider: int, sizes: Sizes
) -> tuple[Times, dict[str, int]]:
    """The units of each row in turns, and their multiply-adds for an image."""
    candidates, mult_adds = {}, {}
    for name, figures in rows.items():
        units = (unit(_said(figures), WIDTHS[device], wider) for _ in range(sizes.units))
        stack = deployed(nn.Sequential(*units), device)
        convolutions = [module for module in stack.modules() if isinstance(module, nn.Conv2d)]
        mult_adds[name] = sizes.side**2 * sum(layer.weight.numel() for layer in convolutions)
        batch = images(BATCH[device], convolutions[0].in_channels, sizes.side, device)
        candidates[name] = forward(stack, batch)
    with stopwatch(device) as watch:
        return in_turns(candidates, sizes.rounds, watch), mult_adds
