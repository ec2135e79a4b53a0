"""A folder of runs while others write there: records, and what the unfinished runs show."""

import os
import time
from pathlib import Path

from lightning_modules.record import Record
from reports.runs import records
from sweeps import state, unfinished


class RunsFolder:
    """What is known of the runs in a folder, and the committed records, which stand against repetitions.

    records: by run id. damaged: by run id, what is wrong with a record that doesn't prove itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        committed, self.warnings = records.read([state.RECORDS])
        self.records: dict[str, Record] = {record.run_id: record for record in committed}
        self.damaged: dict[str, str] = {}
        self._begun: set[str] = set()
        self._first_seen: dict[str, tuple[float, float]] = {}  # when, and what share was done

    def read(self) -> None:
        """Read the records that have come since the last time; damaged ones again, which may have been mended."""
        self.damaged.clear()
        self._begun = set(os.listdir(self.path)) if self.path.is_dir() else set()
        for run_id in sorted(state.finished(self.path) - self.records.keys()):
            readable, complaints = records.read_file(self.path / run_id / "record.json")
            self.records |= {record.run_id: record for record in readable}
            self.damaged |= dict.fromkeys([run_id] * len(complaints), " ".join(complaints))

    def state(self, run_id: str) -> unfinished.State:
        """Return where a run without a readable record stands."""
        if run_id not in self._begun:  # thousands are missing, and the disk may be far away
            return "missing"
        if run_id in self.damaged:
            return "failed"
        ended = (self.path / run_id / "record.json").exists()  # since the records were read
        return "running" if ended else unfinished.state(self.path / run_id)

    def fraction(self, run_id: str) -> float:
        """Return how much of its training an unfinished run has done, from 0 to 1."""
        return unfinished.fraction(self.path / run_id)

    def why(self, run_id: str) -> str:
        """Return what is known of why a run has failed: the last of its log, or what its record lacks."""
        return self.damaged.get(run_id) or unfinished.last_line(self.path / run_id)

    def seconds_by_progress(self, run_id: str) -> float | None:
        """Return what a running run takes from beginning to end, by its progress since it was first seen; None if unknown."""
        now, fraction = time.monotonic(), self.fraction(run_id)
        then, before = self._first_seen.setdefault(run_id, (now, fraction))
        return (now - then) / (fraction - before) if fraction > before else None
