"""What networks cost in time against what they cost in multiply-adds: any, grouped ones, and those with SE."""

from collections.abc import Sequence
from dataclasses import asdict

import architectures
from architectures.counting import count
from reports.printed.figures import read
from reports.verdicts.experiments import Holds, Outcome, Setup, experiment, rules
from reports.verdicts.experiments.guidelines import SPEEDS, UNITS
from reports.verdicts.experiments.passes import BATCH, here, imagenet, images, time_inference, training
from reports.verdicts.experiments.timing import Comparison, in_turns, stopwatch

# The 140 million level of ShuffleNet v2's Table 8; the first is what the others are compared with.
LEVEL = {
    "ShuffleNet v2 1x": ("shufflenet_v2", {"scale": 1.0}),
    "ShuffleNet v1 1x": ("shufflenet_v1", {"groups": 3, "scale": 1.0}),
    "MobileNet v1 0.5": ("mobilenet_v1", {"width_mult": 0.5}),
    "MobileNet v2 0.6": ("mobilenet_v2", {"width_mult": 0.6}),
}
# Table 8's levels, v1 with three groups: 40, 140, 300 and 500 million multiply-adds.
SCALES = (0.5, 1.0, 1.5, 2.0)
# ResNeXt, Section 5.1: seconds that a minibatch of 256 takes on 8 GPUs in training.
GROUPED, DENSE = "0.95", "0.70"
GPU_BATCH = 256 // 8
# ShuffleNet, Section 4.3: how many times as long a phone takes with SE.
SLOWER = (1.25, 1.40)


@experiment("flops.not_speed")
def same_operations_other_times(setup: Setup, resolution: int = 224, rounds: int = 61) -> Outcome:
    """ShuffleNet v2, Section 1, Figure 1: networks at one level of multiply-adds, by the time of a multiply-add."""
    networks = {name: imagenet(arch, setup.device, **knobs) for name, (arch, knobs) in LEVEL.items()}
    times, mult_adds = time_inference(networks, setup.device, resolution, rounds)
    printed = {f.row_id: f for f in read("shufflenet_v2_t8") if f.metric == SPEEDS[setup.device]}
    paces = {name: float(printed[name].number) * mult_adds[name] for name in LEVEL}
    first, *others = LEVEL
    theirs = {name: f"{paces[first] / pace:.2f}" for name, pace in paces.items()}
    comparisons = [
        Comparison.of(
            name, first, times.ratio(name, first, mult_adds[name] / mult_adds[first]), printed=theirs[name]
        )
        for name in others
    ]
    columns = {
        "printed": theirs,
        f"printed, {UNITS[setup.device]}/s": {name: printed[name].value for name in LEVEL},
    }
    shown = times.table("About 140 million multiply-adds", first, mult_adds, columns, per_mult_add=True)
    return Outcome(
        *other_times(comparisons, here(setup.device)),
        {"tables": [shown], "comparisons": list(map(asdict, comparisons))},
    )


def other_times(comparisons: Sequence[Comparison], where: str) -> tuple[Holds, tuple[str, ...]]:
    """Judge times per multiply-add: operations do not determine speed if one's interval doesn't hold 1; with evidence."""
    apart = any(comparison.as_claimed is not None for comparison in comparisons)
    words = [f"{comparison.slow} {comparison} (printed {comparison.printed})" for comparison in comparisons]
    evidence = (
        f"time per mult-add against {comparisons[0].fast}, {where}: {', '.join(words)}",
        "rule: operations do not determine speed if a 95 % interval doesn't hold 1",
    )
    return apart or None, evidence


@experiment("shufflenetv2.faster_than_v1")
def shufflenets(setup: Setup, resolution: int = 224, rounds: int = 61) -> Outcome:
    """ShuffleNet v2, Section 4, Table 8: v2 against v1 at each level of multiply-adds."""
    speeds = {f.row_id: f for f in read("shufflenet_v2_t8") if f.metric == SPEEDS[setup.device]}
    comparisons, shown = [], []
    for scale in SCALES:
        v2, v1 = f"ShuffleNet v2 {scale:g}x", f"ShuffleNet v1 {scale:g}x"
        networks = {
            v2: imagenet("shufflenet_v2", setup.device, scale=scale),
            v1: imagenet("shufflenet_v1", setup.device, groups=3, scale=scale),
        }
        times, mult_adds = time_inference(networks, setup.device, resolution, rounds)
        theirs = f"{speeds[v2].number / speeds[v1].number:.2f}"
        comparisons.append(Comparison.of(v1, v2, times.ratio(v1, v2), printed=theirs))
        columns = {f"printed, {UNITS[setup.device]}/s": {name: speeds[name].value for name in networks}}
        shown.append(times.table(f"ShuffleNets at {scale:g}×", v2, mult_adds, columns))
    words = [f"{comparison.slow} {comparison} (printed {comparison.printed})" for comparison in comparisons]
    evidence = (
        f"time against v2 at the same level, {here(setup.device)}: {', '.join(words)}",
        "rule: faster if the whole 95 % interval is above 1, at every level",
    )
    return Outcome(
        rules.all_hold([comparison.as_claimed for comparison in comparisons]),
        evidence,
        {"tables": shown, "comparisons": list(map(asdict, comparisons))},
    )


@experiment("resnext.grouped_slower")
def grouped(setup: Setup, resolution: int = 224, rounds: int = 21, depth: int = 101) -> Outcome:
    """ResNeXt, Section 5.1: steps of training, as the paper timed; inference beside them.

    Both networks have their strides in the 3×3 convolutions.
    """
    knobs = {"ResNet": ("resnet", {"stride_in": "3x3"}), "ResNeXt 32x4d": ("resnext", {})}
    dense, split = knobs
    batch = images(1 if setup.device == "cpu" else GPU_BATCH, 3, resolution, setup.device)
    steps, mult_adds = {}, {}
    for name, (arch, variant) in knobs.items():
        network = architectures.build(arch, stem="imagenet", num_classes=1000, depth=depth, **variant)
        mult_adds[name] = count(network, resolution).mult_adds
        steps[name] = training(network, batch)
    with stopwatch(setup.device) as watch:
        trained = in_turns(steps, rounds, watch)
    steps.clear()
    networks = {
        name: imagenet(arch, setup.device, depth=depth, **variant) for name, (arch, variant) in knobs.items()
    }
    inferred, _ = time_inference(networks, setup.device, resolution, rounds)
    printed = {"printed, s": {dense: DENSE, split: GROUPED}}
    more = mult_adds[split] / mult_adds[dense]
    ratio = trained.ratio(split, dense, more)
    evidence = (
        (
            f"time per mult-add of a step of training with {split} against {dense}-{depth}, "
            f"{here(setup.device, len(batch))}: {ratio} (printed {float(GROUPED) / float(DENSE) / more:.2f}, on eight GPUs)"
        ),
        f"of a forward pass, batch {BATCH[setup.device]}: {inferred.ratio(split, dense, more)}",
    )
    shown = [
        trained.table("Forward and backward", dense, mult_adds, printed, per_mult_add=True),
        inferred.table("Forward", dense, mult_adds, {}, per_mult_add=True),
    ]
    return Outcome(ratio.above(1.0), evidence, {"tables": shown})


@experiment("shufflenet.se_slower")
def excited(setup: Setup, resolution: int = 224, rounds: int = 241) -> Outcome:
    """ShuffleNet, Section 4.3, Table 5: 2x of three groups with SE against the same without."""
    without, with_se = "ShuffleNet 2x", "ShuffleNet 2x, SE"
    networks = {
        name: imagenet("shufflenet_v1", setup.device, groups=3, scale=2.0, se=name == with_se)
        for name in (without, with_se)
    }
    times, mult_adds = time_inference(networks, setup.device, resolution, rounds)
    least, most = SLOWER
    slower = Comparison.of(with_se, without, times.ratio(with_se, without), printed=f"{least:.2f}–{most:.2f}")
    shown = times.table(
        "Squeeze-and-excitation in ShuffleNet", without, mult_adds, {"printed": {with_se: slower.printed}}
    )
    return Outcome(
        *se_slower(slower, mult_adds[with_se] / mult_adds[without], here(setup.device)),
        {"tables": [shown], "comparisons": [asdict(slower)]},
    )


def se_slower(slower: Comparison, mult_adds: float, where: str) -> tuple[Holds, tuple[str, ...]]:
    """Judge by direction; the figure is reproduced if the interval meets the printed range. mult_adds: their ratio."""
    least, most = SLOWER
    meets = slower.high >= least and slower.low <= most
    evidence = (
        f"{slower} times the time with SE, {where} (printed {slower.printed}, on phones)",
        f"{mult_adds:.3f} times the mult-adds",
        "rule: slower if the whole 95 % interval is above 1; the figure is the printed one if the interval meets its range",
    )
    return "sense" if slower.as_claimed and not meets else slower.as_claimed, evidence
