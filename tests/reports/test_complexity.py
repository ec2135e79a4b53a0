"""Every printed count is reproduced at its printed precision, or explained; none is explained away."""

from importlib import import_module

import pytest

from reports import complexity


@pytest.mark.parametrize("paper", complexity.papers())
def test_every_printed_count_is_reproduced_or_explained(paper):
    rows = list(complexity.rows(paper))
    assert rows
    loose = [row for row in rows if row.verdict == complexity.UNEXPLAINED]
    assert not loose, [(*complexity.key(row.figure), row.figure.value, row.counted) for row in loose]


@pytest.mark.parametrize("paper", complexity.papers())
def test_every_exception_is_needed(paper):
    module = import_module(f"reports.complexity.{paper}")
    verdicts = {complexity.key(row.figure): row.verdict for row in complexity.rows(paper)}
    for listed, verdict in ((module.CUT, complexity.CUT), (module.EXPLAINED, complexity.EXPLAINED)):
        unneeded = {figure: verdicts.get(figure) for figure in listed if verdicts.get(figure) != verdict}
        assert not unneeded, f"listed as {verdict!r}, but"
