"""The README's table: made from the records, all else left as it is."""

import pytest

from reports.pages import readme


def test_the_table_alone_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(readme, "PATH", tmp_path / "README.md")
    monkeypatch.setattr(readme.programme, "decided", lambda records: "| [a](studies/b.md) |")
    readme.PATH.write_text(f"before\n\n{readme.BEGIN}\nold\n{readme.END}\n\nafter\n", encoding="utf-8")
    made = readme.content([]).decode()
    assert made.startswith("before\n") and made.endswith("\nafter\n") and "old" not in made
    assert "| [a](reports/studies/b.md) |" in made
    readme.PATH.write_bytes(made.encode())
    assert readme.content([]).decode() == made


def test_a_readme_without_the_marks_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(readme, "PATH", tmp_path / "README.md")
    readme.PATH.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="needs the marks"):
        readme.content([])
