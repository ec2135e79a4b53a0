"""The page `reports/claims.md`: the whole ledger, at a glance and claim by claim."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from reports.pages import markdown
from reports.verdicts import ledger, standing
from reports.verdicts.standing import Standing
from reports.verdicts.words import MARKS, NOT_RUN

# Told apart without colour too.
HOW_TO_READ = (
    "Every claim that the documents make, in our own words, with what they print for it and all verdicts on it. "
    "**reproduced**: the stated test holds, all of its parts. **contradicted**: a part of it holds the other way round. "
    "**inconclusive**: neither. **partly**: what has been run is as claimed, and parts haven't been. **so far as claimed**, "
    "**so far against**, **open**: the same of shortened trainings, which say how a compressed training ends, not the "
    "paper's. **not run**: there is nothing to test yet. A verdict holds for its data set, budget and machine only."
)


def files(standings: Mapping[str, Sequence[Standing]]) -> dict[str, bytes]:
    """The page, by its path below `reports/`."""
    families: dict[str, list[str]] = {}
    for claim in standings:
        families.setdefault(claim.partition(".")[0], []).append(claim)
    page = markdown.page(
        "# Every claim, and where it stands",
        HOW_TO_READ,
        "## At a glance",
        " · ".join(f"{mark} {word}" for word, mark in MARKS.items()),
        _glance(families, standings),
        *(_family(family, claims, standings) for family, claims in families.items()),
    )
    return {"claims.md": page.encode()}


def linked(claim: str) -> str:
    """The claim's id, leading to its row on the page."""
    return f"[`{claim}`](claims.md#{claim})"


def _glance(families: Mapping[str, Sequence[str]], standings: Mapping[str, Sequence[Standing]]) -> str:
    """A mark a claim, of its best verdicts."""
    return markdown.bullets(
        [
            f"[{family}](#{family}) "
            + " ".join(f"[{MARKS[standing.summary(standings[claim])]}](#{claim})" for claim in claims)
            for family, claims in families.items()
        ]
    )


def _family(family: str, claims: Sequence[str], standings: Mapping[str, Sequence[Standing]]) -> str:
    rows = []
    for claim in claims:
        entry = ledger.find(claim)
        sentence = f"{entry.sentence} *Printed: {entry.printed}.* ({entry.source})".replace("..*", ".*")
        rows.append([f'<a id="{claim}"></a>`{claim}`', sentence, "<br>".join(_verdicts(standings[claim]))])
    return f'## <a id="{family}"></a>{family}\n\n' + markdown.table(("claim", "sentence", "verdicts"), rows)


def _verdicts(standings: Sequence[Standing]) -> list[str]:
    """A line a verdict with its place; trained ones that haven't been run are one line, with the studies to run."""
    lines = [_line(standing) for standing in standings if standing.word != NOT_RUN]
    waiting = [standing for standing in standings if standing.word == NOT_RUN]
    if studies := list(dict.fromkeys(s.page for s in waiting if s.page)):
        links = ", ".join(f"[{Path(page).stem}]({page})" for page in studies)
        lines.append(
            f"{MARKS[NOT_RUN]} not run: {links}" if not lines else f"{MARKS[NOT_RUN]} other places: {links}"
        )
    for other in waiting:
        if not other.page:
            lines.append(f"{MARKS[NOT_RUN]} not run ({other.kind}): {'; '.join(other.evidence)}")
    return lines


def _line(standing: Standing) -> str:
    line = f"{MARKS[standing.word]} **{standing.word}** ({standing.kind})"
    line += f": {standing.where}" if standing.where else ""
    if standing.kind == "trained":  # the evidence fills the study's page
        return line + (f". {standing.tested}" if standing.tested else "")
    return f"{line}. {'; '.join(standing.evidence)}"
