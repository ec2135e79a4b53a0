"""The page `reports/architectures.md`: the papers' architecture tables, made from the networks.

To add a table, add it to TABLES; one whose architecture isn't registered is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from architectures import catalogue, describe
from architectures.counting import Counts, count_kinds
from reports.pages import markdown
from reports.verdicts.complexity import Network

HOW_TO_READ = (
    "The networks of `architectures/` in the rows of the papers' tables: none of these tables is typed, all "
    "are read off the modules. Batch normalisation, activations and shortcuts are left out, as the papers do; "
    "C is the number of groups of a convolution. Parameters are all of them, with normalisation and biases; "
    "mult-adds are those of convolutions and fully connected layers, one a multiplication with its addition. "
    "`run.py --arch NAME --describe` prints the table of any network."
)


@dataclass(frozen=True)
class Table:
    """A table of a paper. `networks`: heading of each column to architecture and knobs, on ImageNet.

    kinds: heading of a table below it, of the share that each kind of layer has.
    """

    title: str
    networks: Mapping[str, tuple[str, dict]]
    resolution: int = 224
    note: str = ""
    kinds: str = ""


def each(arch: str, knob: str, values: Mapping[str, object], **others) -> dict[str, tuple[str, dict]]:
    """One column for each value of a knob."""
    return {heading: (arch, {knob: value, **others}) for heading, value in values.items()}


TABLES = (
    Table("AlexNet, Figure 2", {"AlexNet": ("alexnet", {})}),
    Table("VGG, Table 1", each("vgg", "config", {config: config for config in "ABCDE"})),
    Table("GoogLeNet, Table 1", {"GoogLeNet": ("googlenet", {})}),
    Table(
        "Inception-ResNet, Figures 15 to 21",
        {
            "Inception-ResNet-v1": ("inception_resnet_v1", {}),
            "Inception-ResNet-v2": ("inception_resnet_v2", {}),
        },
        resolution=299,
    ),
    Table(
        "ResNet, Table 1",
        each("resnet", "depth", {"18-layer": 18, "34-layer": 34}, shortcut="A")
        | each("resnet", "depth", {"50-layer": 50, "101-layer": 101, "152-layer": 152}),
        note="18 and 34 layers with shortcuts without parameters (A), as the paper's FLOPs are counted.",
    ),
    Table(
        "DenseNet, Table 1",
        each("densenet_bc", "depth", {f"DenseNet-{depth}": depth for depth in (121, 169, 201, 264)})
        | {"DenseNet-161 (k = 48)": ("densenet_bc", {"depth": 161, "growth_rate": 48})},
        note="161 is in the table of arXiv versions 1 to 3, 264 in that of the later ones.",
    ),
    Table(
        "ResNeXt, Table 1",
        {"ResNet-50": ("resnet", {"depth": 50, "stride_in": "3x3"}), "ResNeXt-50 (32×4d)": ("resnext", {})},
        note="The stride is in the 3×3 convolution in both.",
    ),
    Table(
        "SqueezeNet, Table 1",
        {"SqueezeNet": ("squeezenet", {})},
        resolution=227,
        note="Images of 227 pixels give the 111 × 111 of the table's second row; it says 224.",
    ),
    Table("MobileNet, Table 1", {"MobileNet": ("mobilenet_v1", {})}, kinds="MobileNet, Table 2"),
    Table("MobileNet v2, Table 2", {"MobileNet v2": ("mobilenet_v2", {})}),
    Table("MobileNet v3, Table 1", {"MobileNet v3-Large": ("mobilenet_v3_large", {})}),
    Table("MobileNet v3, Table 2", {"MobileNet v3-Small": ("mobilenet_v3_small", {})}),
    Table("ShuffleNet, Table 1", each("shufflenet_v1", "groups", {f"g = {g}": g for g in (1, 2, 3, 4, 8)})),
    Table(
        "ShuffleNet v2, Table 5",
        each("shufflenet_v2", "scale", {f"{scale:g}×": scale for scale in (0.5, 1.0, 1.5, 2.0)}),
    ),
)


def files() -> dict[str, bytes]:
    """The page, by its path below `reports/`."""
    known = catalogue()
    shown = [table for table in TABLES if all(arch in known for arch, _ in table.networks.values())]
    page = markdown.page(
        "# The papers' architecture tables", HOW_TO_READ, *(part for table in shown for part in parts(table))
    )
    return {"architectures.md": page.encode()}


def parts(table: Table) -> list[str]:
    """Return heading, note and Markdown tables."""

    networks = {
        heading: Network.of(arch, "imagenet", knobs, table.resolution).on_meta()
        for heading, (arch, knobs) in table.networks.items()
    }
    described = {heading: describe.rows(network, table.resolution) for heading, network in networks.items()}
    made = [f"## {table.title}", table.note]
    if len(networks) > 1:
        made.append(_side_by_side(described))
    else:
        (rows,) = described.values()
        made.append(markdown.table(describe.HEADINGS, rows, right=("parameters", "mult-adds")))
    if table.kinds:
        (network,) = networks.values()
        made += [f"### {table.kinds}", _kinds(count_kinds(network, table.resolution))]
    return made


def _side_by_side(described: Mapping[str, Sequence[tuple[str, ...]]]) -> str:
    """A column a network: the blocks of every row, then the totals."""
    stages = {heading: {row[0]: row for row in rows[:-1]} for heading, rows in described.items()}
    body = []
    for name in dict.fromkeys(name for own in stages.values() for name in own):
        sizes = dict.fromkeys(own[name][1] for own in stages.values() if name in own)
        blocks = [own[name][2] if name in own else "—" for own in stages.values()]
        body.append([name, " / ".join(sizes), *blocks])
    totals = [rows[-1] for rows in described.values()]
    for name, column in (("weighted layers", 2), ("parameters", 3), ("mult-adds", 4)):
        body.append([name, "", *(total[column].removesuffix(" weighted layers") for total in totals)])
    return markdown.table(("layer", "output size", *described), body)


def _kinds(counted: "Mapping[str, Counts]") -> str:
    """Shares in weights and mult-adds, the largest first."""
    weights = sum(counts.weights for counts in counted.values())
    mult_adds = sum(counts.mult_adds for counts in counted.values())
    body = [
        [kind, f"{100 * counts.mult_adds / mult_adds:.2f} %", f"{100 * counts.weights / weights:.2f} %"]
        for kind, counts in sorted(counted.items(), key=lambda item: -item[1].mult_adds)
    ]
    columns = ("kind of layer", "mult-adds", "weights")
    return markdown.table(columns, body, right=columns[1:])
