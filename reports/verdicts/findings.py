"""What experiments have found: the evidence on the claims that are measured with a stopwatch or computed from networks.

`uv run -m reports find CLAIM` makes the claim's experiment (`reports/verdicts/experiments/`) on the machine at hand and leaves
`reports/findings/<claim>.<machine>.json`, one file a machine, committed. Pages read only these files. What networks show that
others trained is in `<claim>.published.<machine>.json`; it stands beside a verdict and is never part of it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lightning_modules import files
from reports.verdicts import ledger
from reports.verdicts.experiments import Holds

FOLDER = Path(__file__).parents[1] / "findings"
FORMAT = 2
FIELDS: dict[str, type | tuple[type, ...]] = {
    "format": int, "claim": str, "holds": (bool, type(None), str), "evidence": list, "data": dict, "runs": list,
    "by_others": bool, "machine": dict, "machine.device": str, "machine.kind": str, "machine.threads": int,
    "versions": dict, "git": dict, "finished": str,
}  # fmt: skip

BY_OTHERS = "by others' weights"
WORDS: dict[Holds, str] = {
    True: "holds", "sense": "holds in sense, the figure differs", False: "doesn't hold", None: "undecided"
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """The outcome of one experiment on one machine.

    holds: see `Holds`. evidence: a line each, the one that decides first and the rule last. data: JSON-able, what
    tables and figures show. runs: ids of the trained runs whose weights it looked into.
    machine, versions, git, finished: as in a record. by_others: whether it is of networks that others trained, which
    the evidence names.
    """

    claim: str
    holds: Holds
    evidence: tuple[str, ...]
    data: Mapping = field(repr=False)
    runs: tuple[str, ...]
    machine: Mapping
    versions: Mapping
    git: Mapping
    finished: str
    by_others: bool = False
    format: int = FORMAT

    @property
    def machine_slug(self) -> str:
        """The kind of machine as a part of a file's name."""
        return re.sub(r"[^a-z0-9]+", "-", self.machine["device"].lower()).strip("-")


def write(finding: Finding, folder: Path = FOLDER) -> Path:
    """Write a finding in place of an earlier one from the same kind of machine; returns its file."""
    kind = ".published" if finding.by_others else ""
    path = folder / f"{finding.claim}{kind}.{finding.machine_slug}.json"
    files.write(path, (json.dumps(asdict(finding), indent=1, ensure_ascii=False) + "\n").encode())
    return path


def read(folder: Path | None = None) -> tuple[dict[str, list[Finding]], list[str]]:
    """Return all findings by claim, in the order of the files' names, and a warning for each that can't be read.

    folder: None for that of the committed ones.
    """
    findings: dict[str, list[Finding]] = {}
    warnings = []
    folder = folder or FOLDER
    for path in sorted(folder.glob("*.json")):
        try:
            finding = _parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            warnings.append(f"{folder.name}/{path.name}: skipped, {error}")
        else:
            findings.setdefault(finding.claim, []).append(finding)
    return findings, warnings


def without_others(findings: Mapping[str, Sequence[Finding]]) -> dict[str, list[Finding]]:
    """Return by claim the findings that a verdict may rest on."""
    ours = {
        claim: [finding for finding in of_claim if not finding.by_others]
        for claim, of_claim in findings.items()
    }
    return {claim: of_claim for claim, of_claim in ours.items() if of_claim}


def _parse(text: str) -> Finding:
    try:
        facts = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON ({error.msg}, line {error.lineno})") from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise ValueError(f"not a finding of format {FORMAT}")
    for name, kind in FIELDS.items():
        parent, _, leaf = name.rpartition(".")
        value = (facts[parent] if parent else facts).get(leaf, ...)
        if not isinstance(value, kind):
            raise ValueError(f"the field '{name}' is missing or of a wrong kind")  # noqa: TRY004 (a bad file)
    if facts["holds"] not in WORDS:
        raise ValueError("the field 'holds' is none of true, false, null, \"sense\"")
    if strange := sorted(set(facts) - set(FIELDS)):
        raise ValueError(f"the field '{strange[0]}' is unknown")
    ledger.find(facts["claim"])
    return Finding(**facts | {"evidence": tuple(facts["evidence"]), "runs": tuple(facts["runs"])})
