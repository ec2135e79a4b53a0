"""How MobileNets got faster: v2 against v1, and v3 against v2 and against itself without its changes."""

from torch import nn

from reports.printed.figures import Figure, read
from reports.printed.variants import marked
from reports.verdicts.experiments import Outcome, Setup, experiment, rules
from reports.verdicts.experiments.passes import here, imagenet, time_inference
from reports.verdicts.experiments.timing import tally

V1, V2, V3 = "MobileNet v1", "MobileNet v2", "MobileNet v3 large"
LAST_STAGE, FIRST_LAYER, SWISH = "original last stage", "first layer of 32 channels", "swish for h-swish"
RELU, EVERYWHERE = "ReLU for h-swish", "h-swish in all blocks"
PIXEL = "ms_pixel1"


@experiment("mobilenetv2.faster_than_v1")
def v2_against_v1(setup: Setup, resolution: int = 224, rounds: int = 241) -> Outcome:
    """MobileNetV2, Table 4: v1 and v2 of full width."""
    networks = {V2: imagenet("mobilenet_v2", setup.device), V1: imagenet("mobilenet_v1", setup.device)}
    times, mult_adds = time_inference(networks, setup.device, resolution, rounds)
    printed = {V1: _figure("mobilenet_v2", "Table 4", "v1"), V2: _figure("mobilenet_v2", "Table 4", "v2")}
    ratio = times.ratio(V1, V2)
    evidence = (
        (
            f"v1 takes {ratio} times the time of v2, {here(setup.device)} (printed {marked(printed[V1])} and "
            f"{marked(printed[V2])} ms on a phone: {printed[V1].number / printed[V2].number:.2f})"
        ),
        f"{mult_adds[V1] / mult_adds[V2]:.2f} times the mult-adds",
    )
    columns = {"printed, ms": {name: marked(figure) for name, figure in printed.items()}}
    return Outcome(
        ratio.above(1.0), evidence, {"tables": [times.table("MobileNets", V2, mult_adds, columns)]}
    )


@experiment("mobilenetv3.last_stage_latency")
def v3_parts(setup: Setup, resolution: int = 224, rounds: int = 241) -> Outcome:
    """MobileNetV3, Sections 5.1, 5.2, Tables 3, 5: each change undone, one at a time.

    h-swish saves against swish, which it stands for; ReLU, which is faster still, is shown beside it.
    """
    networks = {
        V3: imagenet("mobilenet_v3_large", setup.device),
        LAST_STAGE: imagenet("mobilenet_v3_large", setup.device, last_stage="original"),
        FIRST_LAYER: imagenet("mobilenet_v3_large", setup.device, stem_channels=32),
        SWISH: with_swish(imagenet("mobilenet_v3_large", setup.device)),
        RELU: imagenet("mobilenet_v3_large", setup.device, hswish_from="never"),
        EVERYWHERE: imagenet("mobilenet_v3_large", setup.device, hswish_from="16"),
        V2: imagenet("mobilenet_v2", setup.device),
    }
    times, mult_adds = time_inference(networks, setup.device, resolution, rounds)
    printed = {
        "Table 3, ms": {V3: _table_3("L1"), V2: _table_3("v2")},
        "Table 5, ms": {V3: _table_5("base"), RELU: _table_5("relu"), EVERYWHERE: _table_5("hs16")},
    }
    saved = {
        LAST_STAGE: f"printed {_saved('last-v5')} ms, {_saved('last-v5', 'pct_runtime')} % of the time",
        FIRST_LAYER: f"printed {_saved('stem-v5')} ms",
        SWISH: "no figure printed",
        V2: f"printed {float(printed['Table 3, ms'][V2]) / float(printed['Table 3, ms'][V3]):.2f}",
    }
    ratios = {name: times.ratio(name, V3) for name in saved}
    decided = [ratio.above(1.0) for ratio in ratios.values()]
    words = [f"{name} {ratios[name]} ({saved[name]})" for name in saved]
    evidence = (
        f"{tally(decided)}, {here(setup.device)}; printed on a phone",
        f"time against {V3}: {', '.join(words)}",
    )
    shown = times.table("MobileNet v3, each change undone", V3, mult_adds, printed)
    return Outcome(rules.all_hold(decided), evidence, {"tables": [shown]})


def with_swish(network: nn.Module) -> nn.Module:
    """Put swish in the place of each h-swish, and return the network."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Hardswish):
                parent.add_module(name, nn.SiLU(inplace=True))
    return network


def _figure(file: str, table: str, row: str, metric: str = PIXEL) -> Figure:
    return next(f for f in read(file) if (f.table, f.row_id, f.metric) == (table, row, metric))


def _table_3(row: str) -> str:
    return _figure("mobilenet_v3", "Table 3 (arXiv v5)", row).value


def _table_5(row: str) -> str:
    return _figure("mobilenet_v3", "Table 5 (v5)", row).value


def _saved(row: str, metric: str = "ms_saved") -> str:
    return _figure("mobilenet_v3", "sec. 5.1", row, metric).value
