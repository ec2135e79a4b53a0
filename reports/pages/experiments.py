"""The page `reports/experiments.md`: what experiments show, on which machine, with their tables."""

from collections.abc import Mapping, Sequence

from reports.pages import markdown
from reports.plots import Picture, heat_map
from reports.printed import variants
from reports.verdicts import ledger
from reports.verdicts.experiments import Cell
from reports.verdicts.findings import BY_OTHERS, WORDS, Finding
from reports.verdicts.words import NOT_RUN, OF_OUTCOME

KINDS = ("measured", "numeric")
HOW_TO_READ = (
    "Claims that are decided with a stopwatch or by looking into networks. `uv run -m reports find CLAIM` makes the "
    "experiment of one on the machine at hand. What is measured holds for its machine, and not for the phones and GPUs "
    "of the papers, whose figures stand beside it. Candidates that are timed take turns; a ratio is the median over "
    "the rounds with its distribution-free 95 % interval in brackets. A comparison is decided if the whole interval is "
    "on one side of what is claimed, and a claim is *reproduced* if all of its comparisons are as claimed, "
    "*contradicted* if one is the other way round; *sense reproduced, figure differs* says that the direction is as claimed "
    "and the printed figure, of other hardware, is another. *By others' weights* is computed from networks that other people "
    "trained and published, one each, and stands beside a verdict: it is never part of one."
)


def files(findings: Mapping[str, Sequence[Finding]]) -> dict[str, bytes]:
    """Make the page and its pictures, by path below `reports/`; findings: by claim."""
    claims = [
        claim
        for claim, entry in ledger.entries().items()
        if claim in findings or set(KINDS) & set(entry.kinds)
    ]
    sections = [_section(claim, findings[claim]) for claim in claims if claim in findings]
    page = markdown.page(
        "# Experiments", HOW_TO_READ, _glance(claims, findings), variants.footnotes(*sections), *sections
    )
    content = {"experiments.md": page.encode()}
    for picture in pictures(findings):
        content |= picture.files()
    return content


def pictures(findings: Mapping[str, Sequence[Finding]]) -> list[Picture]:
    """Return the pictures of all findings that have something to draw."""
    return [
        picture for of_claim in findings.values() for finding in of_claim for picture in _pictures(finding)
    ]


def _pictures(finding: Finding) -> list[Picture]:
    if "heat_maps" not in finding.data:
        return []
    drawn = finding.data["heat_maps"]
    what = "mean absolute weight by source and target layer, a panel a block"
    return [
        heat_map.picture(
            f"{finding.claim.replace('.', '_')}_{finding.machine_slug}",
            drawn["blocks"],
            title=drawn["title"],
            alt=markdown.escaped(f"{drawn['title']}: {what}"),
            caption=markdown.escaped(drawn["caption"]),
        )
    ]


def _glance(claims: Sequence[str], findings: Mapping[str, Sequence[Finding]]) -> str:
    rows = []
    for claim in claims:
        link = f"[`{claim}`](#{claim})" if claim in findings else f"`{claim}`"
        sentence = ledger.find(claim).sentence
        rows += [[link, sentence, _place(finding), _word(finding)] for finding in findings.get(claim, ())]
        if claim not in findings:
            rows.append([link, sentence, "—", NOT_RUN])
    return markdown.table(("claim", "sentence", "machine", "verdict"), rows)


def _section(claim: str, findings: Sequence[Finding]) -> str:
    entry = ledger.find(claim)
    parts = [
        f'## <a id="{claim}"></a>{ledger.family(claim.partition(".")[0])}: {entry.sentence.removesuffix(".")}',
        f"`{claim}`. Printed: {entry.printed.removesuffix('.')}. ({entry.source})",
    ]
    for finding in findings:
        parts += [
            f"### {_place(finding)}: {_word(finding)}",
            markdown.bullets(list(map(markdown.escaped, finding.evidence))),
            *(picture.markdown() for picture in _pictures(finding)),
            *(_table(table) for table in finding.data.get("tables", ())),
            _origin(finding),
        ]
    return "\n\n".join(parts)


def _place(finding: Finding) -> str:
    return BY_OTHERS.capitalize() if finding.by_others else markdown.escaped(finding.machine["device"])


def _word(finding: Finding) -> str:
    """What others' networks show is told in words of its own: it is no verdict."""
    return WORDS[finding.holds] if finding.by_others else OF_OUTCOME[finding.holds]


def _table(table: Mapping) -> str:
    """A table of `reports.verdicts.experiments.table`; columns of figures are set to the right."""
    columns, rows = [markdown.escaped(name) for name in table["columns"]], table["rows"]
    right = [
        name for name, *cells in zip(columns, *rows, strict=True) if _figures(cells, first=name == columns[0])
    ]
    body = markdown.table(columns, [[_cell(cell) for cell in row] for row in rows], right=right)
    return f"**{markdown.escaped(table['title'])}**\n\n{body}"


def _figures(cells: Sequence[Cell], first: bool) -> bool:
    """Whether a column holds figures only; some have brackets or marks behind them, but not those of its first."""
    return not any(isinstance(cell, str) and (first or not cell[:1].isdigit()) for cell in cells)


def _cell(cell: Cell) -> str:
    if cell is None:
        return "—"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1e4 else f"{cell:.4g}"
    return markdown.escaped(cell) if isinstance(cell, str) else f"{cell:,}"


def _origin(finding: Finding) -> str:
    """Where a finding comes from: machine, versions, commit, day, runs."""
    threads, commit = finding.machine["threads"], finding.git.get("commit")
    code = f"commit {commit[:12]}" if commit else "an unknown commit"
    if finding.git.get("dirty"):
        code += " with changes"
    facts = [
        f"{finding.machine['device']}, {threads} thread{'s' if threads != 1 else ''}",
        ", ".join(f"{name} {version}" for name, version in finding.versions.items()),
        code,
        finding.finished,
    ]
    runs = f"; runs {', '.join(f'`{markdown.escaped(run)}`' for run in finding.runs)}" if finding.runs else ""
    return f"*{markdown.escaped('; '.join(facts))}{runs}*"
