"""Records of somebody's machines in one file, which others judge before they take it in.

JSON lines: a header `{"by", "made", "commit", "records", "digest"}`, then that many records as their runs wrote them. The
digest is the SHA-256 of the lines after the header. It shows damage and haste, as the records' own do, and stops no
forger, who can compute it anew: against those stand the names, the devices, and repeats on other machines.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import BinaryIO

from architectures.spelling import number_of
from lightning_modules import files, provenance
from lightning_modules.json_fields import check_type, loads
from lightning_modules.record import Record
from reports.runs import records
from sweeps import study as declared

HEADER = {"by": str, "made": str, "commit": str | None, "records": int, "digest": str}
LONGEST_LINE = 1 << 18  # bytes; a record of 650 epochs, the longest recipe, has a third
LONGEST_NAME = 60  # characters
LONGEST_TEXT = 300  # characters of any text in a record; the longest are addresses

StudyOf = Callable[[str, str | None], str | None]  # `Committed.study_of`


@dataclass(frozen=True)
class Contribution:
    """A file of records whose header is true: those that pass, with their contributor, and a line for each refused."""

    by: str
    studies: Mapping[str, str]  # by run id
    records: list[Record]
    refused: list[str]

    def __str__(self) -> str:
        """Return the summary, one line."""
        parts = [f"{number_of(len(self.records), 'record')} by {self.by}"]
        for title, values in (
            ("studies", list(self.studies.values())),
            ("budgets", [record.budget for record in self.records]),
            ("precision", [record.machine["precision"] for record in self.records]),
            ("devices", [record.machine["device"] for record in self.records]),
        ):
            counted = ", ".join(f"{value} {count}" for value, count in sorted(Counter(values).items()))
            parts.append(f"{title}: {counted or 'none'}")
        changed = sum(record.git["dirty"] is not False for record in self.records)
        return "; ".join([*parts, f"{changed} of code that no commit holds"])


def pack(
    folder: Path, names: Sequence[str], by: str, study_of: StudyOf, target: Path
) -> tuple[Path, Contribution]:
    """Write the records of the runs in `folder`, of the named studies or of all, into a new file in `target`.

    Returns the file, and what others will find in it. Raises ValueError, in one line, if there is nothing to pack.
    """
    check_name(by)
    readable, complaints = records.read_all(folder, whole_paths=True)
    good: list[Record] = []
    studies: dict[str, str] = {}
    refused = complaints
    for record in readable:
        try:
            study = _study(record, study_of)
        except ValueError as error:
            refused.append(f"{record.where}: left out, {error}")
            continue
        if not names or study in names:
            good.append(record)
            studies[record.run_id] = study
    if not good:
        raise ValueError(
            f"{folder} holds no finished run of {', '.join(names) or 'a study'}"
            + "".join(f"; {line}" for line in refused[:1])
        )
    lines = b"".join(_line(replace(record, contributor=None).as_dict()) for record in good)
    digest = hashlib.sha256(lines).hexdigest()
    header = {
        "by": by, "made": provenance.now(), "commit": provenance.git_state()["commit"], "records": len(good),
        "digest": digest,
    }  # fmt: skip
    path = target / f"{re.sub(r'[^a-z0-9]+', '-', by.lower()).strip('-') or 'records'}-{digest[:8]}.jsonl"
    files.write(path, _line(header) + lines)
    return path, Contribution(by, studies, good, refused)


def read(path: Path, study_of: StudyOf) -> Contribution:
    """Read a file of records and judge each of them, none held against those that are committed.

    Raises ValueError, in one line, if its header is missing or false: then it isn't what was packed.
    """
    good: dict[str, Record] = {}
    studies: dict[str, str] = {}
    refused: list[str] = []
    digest, count = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            header = _header(path, file.readline(LONGEST_LINE))
            for count, line in enumerate(_lines(file, digest), start=1):
                where = f"{path.name}:{count + 1}"
                try:
                    record = _record(line, where, header)
                    if record.run_id in good:
                        raise ValueError(f"run {record.run_id} is there twice")
                    studies[record.run_id] = _study(record, study_of)
                    good[record.run_id] = record
                except ValueError as error:
                    refused.append(f"{where}: refused, {str(error)[:LONGEST_TEXT]}")
    except OSError as error:
        raise ValueError(f"cannot read {path} ({error.strerror})") from error
    if count != header["records"]:
        raise ValueError(
            f"{path}: its header says {header['records']} records, and it has {count}; pack it again"
        )
    if digest.hexdigest() != header["digest"]:
        raise ValueError(f"{path}: its header's digest isn't that of its records; pack it again")
    return Contribution(header["by"], studies, list(good.values()), refused)


def check_name(by: str) -> None:
    """Raise ValueError, in one line, for what no page could show as a contributor's name."""
    if not (by == by.strip() and 0 < len(by) <= LONGEST_NAME and by.isprintable()):
        raise ValueError(
            f"a contributor's name is 1 to {LONGEST_NAME} printable characters, not {by[:LONGEST_NAME]!r}"
        )


def _line(values: dict) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def _lines(file: BinaryIO, digest: "hashlib._Hash") -> Iterator[bytes]:
    """Yield the lines that are left, cut off after LONGEST_LINE bytes, which is all of one that is held at a time."""
    while line := file.readline(LONGEST_LINE):
        digest.update(line)
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE)
            digest.update(rest)
        yield line


def _header(path: Path, line: bytes) -> dict:
    """Return the first line's values. Raises ValueError, in one line."""
    try:
        header = loads(line)
        if not isinstance(header, dict) or header.keys() != HEADER.keys():
            raise ValueError(f"expected {', '.join(HEADER)}")
        for name, kind in HEADER.items():
            check_type(header, name, name, kind)
        check_name(header["by"])
        datetime.strptime(header["made"], provenance.TIME)
    except (ValueError, RecursionError) as error:
        reason = str(error)[:LONGEST_TEXT]
        raise ValueError(f"{path}: its first line is no header of `contribute` ({reason})") from error
    return header


def _record(line: bytes, where: str, header: dict) -> Record:
    """Return the record in a line, which proves itself. Raises ValueError."""
    if len(line) == LONGEST_LINE:
        raise ValueError(f"the line is longer than any record ({LONGEST_LINE:,} bytes)")
    record = Record.parse(line, where)
    if record.contributor is not None:
        raise ValueError("it names a contributor, which the file's header does for all")
    if record.finished > header["made"]:
        raise ValueError(f"it finished at {record.finished}, after the file was made ({header['made']})")
    return replace(record, contributor=header["by"])


def _study(record: Record, study_of: StudyOf) -> str:
    """Return the study that a record belongs to. Raises ValueError, in one line, if it doesn't fit this version's studies."""
    study = study_of(record.run_id, record.study)
    if study is None:
        raise ValueError(f"no study declares its run {record.run_id} (another version, or another recipe)")
    if record.study is not None and (study != record.study or not _is_cell(record, study)):
        raise ValueError(
            f"run {record.run_id} isn't variant {record.variant!r} of study {record.study!r}, which it names"
        )
    counts = _counts(
        *(json.dumps(record.config[name]) for name in ("arch", "stem", "classes", "knobs", "resolution"))
    )
    if counts != (record.parameters, record.mult_adds):
        raise ValueError(
            f"its network has {record.parameters:,} parameters and {record.mult_adds:,} mult-adds, and that of this code "
            f"{counts[0]:,} and {counts[1]:,}"
        )
    if not all(isinstance(version, str) for version in record.versions.values()):
        raise ValueError("its versions aren't texts")
    for text in _texts(record.as_dict()):
        if len(text) > LONGEST_TEXT or not text.isprintable():
            raise ValueError(f"it holds a text that no run writes: {text[:40]!r}")
    return study


def _is_cell(record: Record, study: str) -> bool:
    """Whether the run is of the variant that the record names."""
    with suppress(ValueError):
        cell = declared.configure(
            declared.read(study),
            record.variant or "",
            record.dataset,
            record.budget,
            record.seed,
            record.machine["precision"],
        )
        return cell.run_id == record.run_id
    return False


@cache
def _counts(*network: str) -> tuple[int, int]:
    """Parameters and multiply-adds of a declared run's network, its values as JSON, as this code builds it."""
    import torch

    import architectures
    from architectures.counting import count

    arch, stem, classes, knobs, resolution = map(json.loads, network)
    with torch.device("meta"):
        counts = count(architectures.build(arch, stem=stem, num_classes=classes, **knobs), resolution)
    return counts.parameters, counts.mult_adds


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a JSON value, its keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from (text for part in value.values() for text in _texts(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in _texts(part))
