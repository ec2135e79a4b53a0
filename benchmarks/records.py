"""Time and memory of reading records, from ten of them to a hundred thousand.

    python -m benchmarks.records [most]

The records are made up in a temporary folder (3 GB at the most) after the first committed one, as lines of `.jsonl`
files or as run folders. `curves` is what it takes on top to look at every curve once, as figures of them all would;
peaks are those of a process that does nothing else (Linux). Seconds are of CPU time.
"""

import json
import multiprocessing
import re
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Wanted
from reports import markdown, records

MODEL = Path(records.__file__).parent / "records" / "densenet_bc_compression.jsonl"
SHAPES = [("lines", 30), ("folders", 30), ("lines", 300)]  # how they are kept, and epochs of a curve
LIMITED, WANTED = 100_000, Wanted(30, at_least=False)
PER_FILE = 1_000  # records of one study


def write(folder: Path, count: int, kept_as: str, epochs: int) -> None:
    """Records of different runs, else alike; a curve has as many digits as a real one."""
    with open(MODEL, encoding="utf-8") as file:
        facts = json.loads(next(file))
    curve = {
        name: [values[epoch % len(values)] for epoch in range(epochs)]
        for name, values in facts["curve"].items()
    }
    facts["curve"] = curve | {"epoch": list(range(1, epochs + 1))}
    text = json.dumps(facts, indent=1 if kept_as == "folders" else None) + "\n"
    for first in range(0, count, PER_FILE):
        ids = [f"{number:012x}" for number in range(first, min(first + PER_FILE, count))]
        made = {run_id: text.replace(facts["run_id"], run_id) for run_id in ids}
        if kept_as == "lines":
            (folder / f"study_{first}.jsonl").write_text("".join(made.values()))
            continue
        for run_id, own in made.items():
            (folder / run_id).mkdir()
            (folder / run_id / "record.json").write_text(own)


def measure(folder: Path) -> tuple[int, float, float, float, float]:
    """Number of records; seconds and peak MiB of reading them; seconds and peak MiB with every curve."""
    begun = time.process_time()
    found, warnings = records.read([folder])
    read, peak = time.process_time() - begun, _peak()
    if warnings or not all(record.facts["curve"]["epoch"] for record in found):
        raise AssertionError(warnings)
    return len(found), read, peak, time.process_time() - begun - read, _peak()


def _peak() -> float:
    # Not getrusage, which counts the process that this one was forked from too.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status).group(1)) / 1024


def main(most: int = 100_000) -> None:
    rows = []
    counts = [10**power for power in range(1, 6) if 10**power <= most]
    for count in counts:
        for kept_as, epochs in SHAPES:
            with tempfile.TemporaryDirectory() as name:
                write(Path(name), count, kept_as, epochs)
                with multiprocessing.get_context("spawn").Pool(1) as pool:  # a peak is the whole process's
                    number, *figures = pool.apply(measure, (Path(name),))
            if number != count:
                raise AssertionError(f"{number} of {count} records were read")
            read, peak, curves, higher = figures
            verdict = WANTED.verdict([read]) if count == LIMITED else "—"
            sizes = [f"{read:.2f}", f"{peak:.0f}", f"{curves:.2f}", f"{higher:.0f}"]
            rows.append([f"{count:,}", kept_as, str(epochs), *sizes, verdict])
    columns = (
        "records",
        "kept as",
        "epochs",
        "read, s",
        "peak MiB",
        "curves, s",
        "peak MiB with curves",
        "wanted, s",
    )
    print(markdown.table(columns, rows, right=[columns[0], *columns[2:-1]]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
