"""W&B's log of a run, the `.wandb` file, where that is all that is left of it: the record is in the summary, as text.

As text, because the log writes 72.0 as 72, and a record's digest is of every digit. Nothing in Python reads such a file;
W&B's own `wandb leet inspect` does.
"""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from lightning_modules.record import Record

RECORD = "_record"  # in the summary; lightning_modules/tracking.py puts it there
SECONDS = 120  # for one log to be read
# Fields of a record that stand elsewhere in a log, or follow from what does.
ELSEWHERE = {
    "knobs",
    "recipe",
    "config",
    "curve",
    "best",
    "did_not_start",
    "budget_spent",
    "format",
    "wandb",
    "where",
}
ELSEWHERE |= {"evaluations", "contributor", "diverged"}  # which most records haven't


def read(log: Path) -> Record:
    """Return the record in a log. Raises ValueError, in one line, if it has none, with what is missing, or a damaged one."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(log)]
    try:
        process = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        logged = json.loads(process.stdout) if process.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError):
        logged = None
    if logged is None:
        raise ValueError("`wandb leet inspect` cannot read it")
    config, summary = logged.get("config") or {}, logged.get("summary") or {}
    if isinstance(text := summary.get(RECORD), str):
        return Record.parse(text, str(log))
    if "run_id" not in config:
        raise ValueError("not a run of this project (its config has no run_id)")
    if "finished" not in summary:
        raise ValueError(f"not finished (its state is {logged.get('state')})")
    known = {*config, *summary, *ELSEWHERE}
    known |= {name for name in ("git", "test") if any(key.startswith(f"{name}_") for key in summary)}
    missing = [field.name for field in fields(Record) if field.name not in known]
    raise ValueError(f"an older version's log, which doesn't hold the record's {', '.join(missing)}")
