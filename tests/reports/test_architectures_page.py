"""The page of architecture tables against what the papers print."""

from pathlib import Path

import pytest

from reports.pages import architectures
from reports.pages.architectures import Table

REPORTS = Path(architectures.__file__).parents[1]


def rows(page: str, title: str) -> dict[str, list[str]]:
    section = page.split(f"# {title}\n")[1].split("\n#")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {name: rest for name, *rest in cells if not name.startswith("---")}


def page(title: str) -> str:
    """The page with this declared table alone."""
    (table,) = (table for table in architectures.tables() if f"{table.paper}, {table.table}" == title)
    return "\n\n".join(architectures.parts(table))


def test_table_1_of_resnet_has_a_column_a_depth():
    table = rows(page("ResNet, Table 1"), "ResNet, Table 1")
    assert table["layer"] == ["output size", *(f"{depth}-layer" for depth in (18, 34, 50, 101, 152))]
    assert table["conv4_x"] == [
        "14×14",
        *(f"[3×3 conv, 256; 3×3 conv, 256] × {times}" for times in (2, 6)),
        *(f"[1×1 conv, 256; 3×3 conv, 256; 1×1 conv, 1024] × {times}" for times in (6, 23, 36)),
    ]
    assert table["weighted layers"] == ["", "18", "34", "50", "101", "152"]
    assert [round(int(flops.replace(",", "")) / 1e9, 1) for flops in table["mult-adds"][1:]] == [
        1.8, 3.6, 3.9, 7.6, 11.3,
    ]  # fmt: skip


# Pixels at a side as the papers print them, by row; of a table that prints what comes in, what the next row takes.
SIDES = {
    "AlexNet, Figure 2": {"conv1": 55, "conv2": 27, "conv3": 13, "conv4": 13, "conv5": 13},
    "ZFNet, Figure 3": {"layer_1": 55, "layer_2": 13, "layer_3": 13, "layer_4": 13, "layer_5": 6},
    "GoogLeNet, Table 1": {
        "conv1": 112, "pool1": 56, "conv2": 56, "pool2": 28, "inception_3a": 28, "inception_3b": 28, "pool3": 14,
        "inception_4a": 14, "inception_4e": 14, "pool4": 7, "inception_5a": 7, "inception_5b": 7, "avg_pool": 1,
    },
    "BN-Inception, Figure 5": {
        "conv1": 112, "pool1": 56, "conv2": 56, "pool2": 28, "inception_3a": 28, "inception_3b": 28,
        "inception_3c": 14, "inception_4d": 14, "inception_4e": 7, "inception_5a": 7, "inception_5b": 7,
    },
    "Inception v3, Table 1": {
        "conv_1": 149, "conv_2": 147, "conv_3": 147, "pool_1": 73, "pool_2": 35, "early": 35, "reduction_1": 17,
        "medium": 17, "reduction_2": 8, "coarsest": 8, "pool": 1,
    },
    "Inception v4, Figure 9": {
        "stem": 35, "inception_a": 35, "reduction_a": 17, "inception_b": 17, "reduction_b": 8, "inception_c": 8,
    },
    "Inception-ResNet, Figures 15 to 21": {
        "stem": 35, "inception_a": 35, "reduction_a": 17, "inception_b": 17, "reduction_b": 8, "inception_c": 8,
    },
    "Xception, Figure 5": {"entry_flow": 19, "middle_flow": 19},
    "ResNet, Table 1": {"conv1": 112, "conv2_x": 56, "conv3_x": 28, "conv4_x": 14, "conv5_x": 7, "classifier": 1},
    "ResNet, Section 4.2": {"conv1": 32, "conv2_x": 32, "conv3_x": 16, "conv4_x": 8},
    "Wide ResNet, Table 1": {"conv1": 32, "conv2": 32, "conv3": 16, "conv4": 8, "classifier": 1},
    "DenseNet, Table 1": {
        "convolution": 112, "pooling": 56, "dense_block_1": 56, "transition_1": 28, "dense_block_2": 28,
        "transition_2": 14, "dense_block_3": 14, "transition_3": 7, "dense_block_4": 7, "classification": 1,
    },
    "EfficientNet, Table 1": {  # which prints what a stage receives: the output of the one before
        "stage_1": 112, "stage_2": 112, "stage_3": 56, "stage_4": 28, "stage_5": 14, "stage_6": 14, "stage_7": 7,
        "stage_8": 7,
    },
    "ResNeXt, Table 1": {"conv1": 112, "conv2_x": 56, "conv3_x": 28, "conv4_x": 14, "conv5_x": 7, "classifier": 1},
    "SENet, Table 1": {"conv1": 112, "conv2_x": 56, "conv3_x": 28, "conv4_x": 14, "conv5_x": 7, "classifier": 1},
    "SqueezeNet, Table 1": {
        "conv1": 111, "maxpool1": 55, "fire2": 55, "fire4": 55, "maxpool4": 27, "fire5": 27, "fire8": 27,
        "maxpool8": 13, "fire9": 13, "conv10": 13, "avgpool10": 1,
    },
    "MobileNet, Table 1": {
        "conv_1": 112, "conv_dw_2": 112, "conv_dw_3": 56, "conv_dw_5": 28, "conv_dw_7": 14, "conv_8_to_12": 14,
        "conv_dw_13": 7, "conv_14": 7, "average_pool": 1,
    },
    "MobileNet v2, Table 2": {
        "conv2d": 112, "bottleneck_1": 112, "bottleneck_2": 56, "bottleneck_3": 28, "bottleneck_4": 14,
        "bottleneck_5": 14, "bottleneck_6": 7, "bottleneck_7": 7, "conv2d_1x1": 7, "avgpool": 1,
    },
    "MobileNet v3, Table 1": {
        "conv2d": 112, "bneck_1": 112, "bneck_2": 56, "bneck_4": 28, "bneck_7": 14, "bneck_12": 14, "bneck_13": 7,
        "conv2d_1x1": 7, "pool": 1,
    },
    "MobileNet v3, Table 2": {
        "conv2d": 112, "bneck_1": 56, "bneck_2": 28, "bneck_4": 14, "bneck_8": 14, "bneck_9": 7, "conv2d_1x1": 7,
        "pool": 1,
    },
    "ShuffleNet, Table 1": {"conv1": 112, "max_pool": 56, "stage2": 28, "stage3": 14, "stage4": 7, "global_pool": 1},
    "ShuffleNet v2, Table 5": {
        "conv1": 112, "max_pool": 56, "stage2": 28, "stage3": 14, "stage4": 7, "conv5": 7, "global_pool": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("title", SIDES)
def test_output_sizes_are_the_printed_ones(title):
    made = {name: cells[0] for name, cells in rows(page(title), title).items()}
    assert {name: made[name] for name in SIDES[title]} == {
        name: f"{side}×{side}" for name, side in SIDES[title].items()
    }


def test_tables_that_print_no_sizes():
    """VGG's Table 1 and the All-CNN's print none; NiN's figure and the released highway network neither."""
    titles = {f"{table.paper}, {table.table}" for table in architectures.tables()}
    assert {title.split(",")[0] for title in titles - SIDES.keys()} == {"VGG", "NiN", "All-CNN", "Highway"}


def test_a_row_that_a_network_lacks_is_a_dash():
    networks = [
        {"heading": "with LRN", "arch": "alexnet"},
        {"heading": "without", "arch": "alexnet", "knobs": {"lrn": False}},
    ]
    table = rows("\n\n".join(architectures.parts(Table("Nobody", "Both", networks))), "Nobody, Both")
    assert table["norm1"] == ["55×55", "local response norm", "—"]


def test_table_2_of_mobilenet():
    shares = page("MobileNet, Table 1").replace("\N{NO-BREAK SPACE}", " ")
    assert rows(shares, "MobileNet, Table 2") == {
        "kind of layer": ["mult-adds", "weights"],
        "1×1 conv": ["94.86 %", "74.59 %"],
        "3×3 depthwise conv": ["3.06 %", "1.06 %"],
        "3×3 conv": ["1.91 %", "0.02 %"],
        "fully connected": ["0.18 %", "24.33 %"],
    }


def test_a_table_waits_for_its_architecture(monkeypatch):
    waiting = Table("Tomorrow's", "Table 1", [{"heading": "X", "arch": "not_written_yet"}])
    first = architectures.tables()[0]
    monkeypatch.setattr(architectures, "tables", lambda: [waiting, first])
    made = architectures.files()["architectures.md"].decode()
    assert "Tomorrow" not in made and "AlexNet" in made


def test_the_committed_page_is_up_to_date():
    committed = (REPORTS / "architectures.md").read_bytes()
    assert committed == architectures.files()["architectures.md"], "run uv run -m reports and commit it"
