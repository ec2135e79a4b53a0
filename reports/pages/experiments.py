"""The page `reports/experiments.md`: what experiments have found, on which machine, with their tables."""

from collections.abc import Mapping, Sequence

from reports.pages import markdown
from reports.plots import Picture, heat_map
from reports.printed import variants
from reports.verdicts import ledger
from reports.verdicts.experiments import Cell
from reports.verdicts.findings import Finding
from reports.verdicts.words import NOT_RUN, OF_OUTCOME

KINDS = ("measured", "numeric")
HOW_TO_READ = (
    "Claims that are decided with a stopwatch or by looking into networks. `python -m reports find CLAIM` makes the "
    "experiment of one on the machine at hand. What is measured holds for its machine, and not for the phones and GPUs "
    "of the papers, whose figures stand beside it. Candidates that are timed take turns; a ratio is the median over "
    "the rounds with its distribution-free 95 % interval in brackets. A comparison is decided if the whole interval is "
    "on one side of what is claimed, and a claim is *reproduced* if all of its comparisons are as claimed, "
    "*contradicted* if one is the other way round."
)


def files(found: Mapping[str, Sequence[Finding]]) -> dict[str, bytes]:
    """The page and its pictures, by path below `reports/`; found: findings by claim."""
    claims = [
        claim for claim, entry in ledger.entries().items() if claim in found or set(KINDS) & set(entry.kinds)
    ]
    sections = [_section(claim, found[claim]) for claim in claims if claim in found]
    unsure = variants.FOOTNOTE if any(variants.DAGGER in section for section in sections) else ""
    page = markdown.page("# Experiments", HOW_TO_READ, _glance(claims, found), unsure, *sections)
    made = {"experiments.md": page.encode()}
    for picture in pictures(found):
        made |= picture.files()
    return made


def pictures(found: Mapping[str, Sequence[Finding]]) -> list[Picture]:
    """Of all findings that have something to draw."""
    return [picture for findings in found.values() for finding in findings for picture in _pictures(finding)]


def _pictures(finding: Finding) -> list[Picture]:
    if "heat_maps" not in finding.data:
        return []
    drawn = finding.data["heat_maps"]
    return [
        heat_map.picture(
            f"{finding.claim.replace('.', '_')}_{finding.place}",
            drawn["blocks"],
            title=drawn["title"],
            alt=f"{drawn['title']}: mean absolute weight by source and target layer, a panel a block",
            caption=drawn["caption"],
        )
    ]


def _glance(claims: Sequence[str], found: Mapping[str, Sequence[Finding]]) -> str:
    rows = []
    for claim in claims:
        link = f"[`{claim}`](#{claim})" if claim in found else f"`{claim}`"
        sentence = ledger.find(claim).sentence
        rows += [
            [link, sentence, finding.machine["device"], OF_OUTCOME[finding.holds]]
            for finding in found.get(claim, ())
        ]
        if claim not in found:
            rows.append([link, sentence, "—", NOT_RUN])
    return markdown.table(("claim", "sentence", "machine", "verdict"), rows)


def _section(claim: str, findings: Sequence[Finding]) -> str:
    entry = ledger.find(claim)
    parts = [
        f'## <a id="{claim}"></a>{claim}',
        f"{entry.sentence} Printed: {entry.printed.removesuffix('.')}. ({entry.source})",
    ]
    for finding in findings:
        parts += [
            f"### {finding.machine['device']}: {OF_OUTCOME[finding.holds]}",
            markdown.bullets(finding.evidence),
            *(picture.markdown() for picture in _pictures(finding)),
            *(_table(shown) for shown in finding.data.get("tables", ())),
            _origin(finding),
        ]
    return "\n\n".join(parts)


def _table(shown: Mapping) -> str:
    """A table of `reports.verdicts.experiments.table`; columns of figures are set to the right."""
    columns, rows = shown["columns"], shown["rows"]
    right = [
        name for name, *cells in zip(columns, *rows, strict=True) if _figures(cells, first=name == columns[0])
    ]
    body = markdown.table(columns, [[_cell(cell) for cell in row] for row in rows], right=right)
    return f"**{shown['title']}**\n\n{body}"


def _figures(cells: Sequence[Cell], first: bool) -> bool:
    """Whether a column holds figures only; some have brackets or marks behind them, but not those of its first."""
    return not any(isinstance(cell, str) and (first or not cell[:1].isdigit()) for cell in cells)


def _cell(cell: Cell) -> str:
    if cell is None:
        return "—"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1e4 else f"{cell:.4g}"
    return cell if isinstance(cell, str) else f"{cell:,}"


def _origin(finding: Finding) -> str:
    """Where a finding comes from: machine, versions, commit, day, runs."""
    threads, commit = finding.machine["threads"], finding.git.get("commit")
    code = f"commit {commit[:12]}" if commit else "an unknown commit"
    if finding.git.get("dirty"):
        code += " with changes"
    made = [
        f"{finding.machine['device']}, {threads} thread{'s' if threads != 1 else ''}",
        ", ".join(f"{name} {version}" for name, version in finding.versions.items()),
        code,
        finding.finished,
    ]
    if finding.runs:
        made.append(f"runs {', '.join(f'`{run}`' for run in finding.runs)}")
    return f"*{'; '.join(made)}*"
