"""The page `reports/claims.md`: the whole ledger, at a glance and claim by claim."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from reports.pages import markdown
from reports.verdicts import by_claim, ledger, others
from reports.verdicts.by_claim import EXPERIMENTS_PAGE, ClaimVerdict
from reports.verdicts.findings import BY_OTHERS, WORDS, Finding
from reports.verdicts.words import CONTRADICTED, HOLDING, MARKS, NOT_RUN, SO_FAR_AGAINST
from sweeps.study import Study

# Told apart without colour too.
HOW_TO_READ = (
    "Every claim that the lecture notes and the papers make, in our own words, with what they print for it and all "
    "verdicts on it. **reproduced**: the stated test holds, all of its parts. **sense reproduced, figure differs**: what "
    "is claimed holds, and the number printed for it is another here. **contradicted**: a part of it holds the other way "
    "round. "
    "**inconclusive**: neither. **partly**: what has been run is as claimed, and parts haven't been. **so far as claimed**, "
    "**so far against**, **open**: the same of shortened trainings, which say how a compressed training ends, not the "
    "paper's. **not run**: there is nothing to test yet. A verdict holds for its data set, budget and machine only."
)


def files(
    verdicts: Mapping[str, Sequence[ClaimVerdict]],
    studied: Collection[Study] = (),
    found: Mapping[str, Sequence[Finding]] = MappingProxyType({}),
) -> dict[str, bytes]:
    """Make the page, by its path below `reports/`.

    studied: the studies, by which others' figures are found. found: by claim, of which those of others' weights count here.
    """
    lines = {
        claim: [
            *_verdicts(of_claim),
            *_by_others(claim, of_claim, studied),
            *_by_weights(found.get(claim, ())),
        ]
        for claim, of_claim in verdicts.items()
    }
    families: dict[str, list[str]] = {}
    for claim in verdicts:
        families.setdefault(claim.partition(".")[0], []).append(claim)
    page = markdown.page(
        "# Every claim, and where it stands",
        HOW_TO_READ,
        "## At a glance",
        " · ".join(f"{mark} {word}" for word, mark in MARKS.items()),
        _glance(families, verdicts),
        *(_family(family, claims, lines) for family, claims in families.items()),
        "## Named in the notes, and what was decided",
        markdown.table(
            ("system", "here", "why"), [(named.system, named.decided, named.why) for named in ledger.named()]
        ),
    )
    return {"claims.md": page.encode()}


def linked(claim: str) -> str:
    """Return the claim's id, leading to its row on the page."""
    return f"[`{claim}`](claims.md#{claim})"


def where(verdict: ClaimVerdict) -> str:
    """Return place and budget, linked to the page if there is one; empty where the claim holds anywhere."""
    budget = verdict.budget and f"budget `{verdict.budget}`"
    text = ", ".join(filter(None, [markdown.escaped(verdict.place), budget]))
    return f"[{text or 'evidence'}]({verdict.page})" if verdict.page else text


def evidence(verdict: ClaimVerdict) -> list[str]:
    """Return the lines of evidence as Markdown."""
    return [markdown.escaped(line) if verdict.is_of_finding else line for line in verdict.evidence]


def _glance(families: Mapping[str, Sequence[str]], verdicts: Mapping[str, Sequence[ClaimVerdict]]) -> str:
    """A mark a claim, of its best verdicts."""
    return markdown.bullets(
        [
            f"[{ledger.family(family)}](#{family}) "
            + " ".join(f"[{MARKS[by_claim.summary(verdicts[claim])]}](#{claim})" for claim in claims)
            for family, claims in families.items()
        ]
    )


def _family(family: str, claims: Sequence[str], lines: Mapping[str, Sequence[str]]) -> str:
    rows = []
    for claim in claims:
        entry = ledger.find(claim)
        sentence = f"{entry.sentence} *Printed: {entry.printed}.* ({entry.source})".replace("..*", ".*")
        rows.append([f'<a id="{claim}"></a>`{claim}`', sentence, "<br>".join(lines[claim])])
    title = f'## <a id="{family}"></a>{ledger.family(family)}'
    return f"{title}\n\n" + markdown.table(("claim", "sentence", "verdicts"), rows)


def _verdicts(verdicts: Sequence[ClaimVerdict]) -> list[str]:
    """A line a verdict with its place; trained ones that haven't been run are one line, with the studies to run."""
    lines = [_line(verdict) for verdict in verdicts if verdict.word != NOT_RUN]
    waiting = [verdict for verdict in verdicts if verdict.word == NOT_RUN]
    if pages := list(dict.fromkeys(verdict.page for verdict in waiting if verdict.page)):
        links = ", ".join(f"[{Path(page).stem}]({page})" for page in pages)
        trained_before = any(v.kind == "trained" and v.word != NOT_RUN for v in verdicts)
        lines.append(f"{MARKS[NOT_RUN]} not run{' elsewhere' * trained_before}: {links}")
    for other in waiting:
        if not other.page:
            lines.append(f"{MARKS[NOT_RUN]} not run ({other.kind}): {'; '.join(other.evidence)}")
    return lines


def _by_others(claim: str, verdicts: Sequence[ClaimVerdict], studied: Collection[Study]) -> list[str]:
    """What other people's trainings say of it, and whether they oppose ours; nothing if nobody published any."""
    votes = others.on_claim(claim, studied)
    if not votes:
        return []
    ahead = votes.count("for") - votes.count("against")
    ours = {verdict.word for verdict in verdicts if verdict.kind == "trained"}
    opposed = (ahead < 0 and ours & HOLDING) or (ahead > 0 and ours & {CONTRADICTED, SO_FAR_AGAINST})
    enough = len(votes) >= others.ENOUGH
    return [f"by others: {others.tally(votes)}" + "; **opposed to ours**" * bool(opposed and enough)]


def _by_weights(found: Sequence[Finding]) -> list[str]:
    """What this project finds in networks that others trained."""
    return [
        f"{BY_OTHERS}: {WORDS[finding.holds]} ([evidence]({EXPERIMENTS_PAGE}#{finding.claim}))"
        for finding in found
        if finding.by_others
    ]


def _line(verdict: ClaimVerdict) -> str:
    line = f"{MARKS[verdict.word]} **{verdict.word}** ({verdict.kind})"
    line += f": {place}" if (place := where(verdict)) else ""
    if verdict.kind == "trained":  # the evidence fills the study's page
        return line + (f". {verdict.tested}" if verdict.tested else "")
    return f"{line}. {'; '.join(evidence(verdict))}"
