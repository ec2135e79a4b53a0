"""What experiments have found: the evidence on the claims that are measured with a stopwatch or computed from networks.

`python -m reports find CLAIM` makes the claim's experiment (`reports/verdicts/experiments/`) on the machine at hand and leaves
`reports/findings/<claim>.<machine>.json`, one file a machine, committed. Pages read only these files.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lightning_modules import files
from reports.verdicts import ledger

FOLDER = Path(__file__).parents[1] / "findings"
FORMAT = 1
FIELDS: dict[str, type | tuple[type, ...]] = {
    "format": int, "claim": str, "holds": (bool, type(None)), "evidence": list, "data": dict, "runs": list,
    "machine": dict, "machine.device": str, "machine.kind": str, "machine.threads": int,
    "versions": dict, "git": dict, "finished": str,
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """The outcome of one experiment on one machine.

    holds: None where it decides neither way. evidence: a line each. data: JSON-able, what tables and figures show.
    runs: ids of the trained runs whose weights it looked into; weights from elsewhere are named in the evidence.
    machine, versions, git, finished: as in a record.
    """

    claim: str
    holds: bool | None
    evidence: tuple[str, ...]
    data: Mapping = field(repr=False)
    runs: tuple[str, ...]
    machine: Mapping
    versions: Mapping
    git: Mapping
    finished: str
    format: int = FORMAT

    @property
    def machine_slug(self) -> str:
        """The kind of machine as a part of a file's name."""
        return re.sub(r"[^a-z0-9]+", "-", self.machine["device"].lower()).strip("-")


def write(finding: Finding, folder: Path = FOLDER) -> Path:
    """Write a finding in place of an earlier one from the same kind of machine; returns its file."""
    path = folder / f"{finding.claim}.{finding.machine_slug}.json"
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
    if strange := sorted(set(facts) - set(FIELDS)):
        raise ValueError(f"the field '{strange[0]}' is unknown")
    ledger.find(facts["claim"])
    return Finding(**facts | {"evidence": tuple(facts["evidence"]), "runs": tuple(facts["runs"])})
