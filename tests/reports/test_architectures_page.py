"""The page of architecture tables against what the papers print."""

from pathlib import Path

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
