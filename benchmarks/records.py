"""Time and memory of reading records, from ten of them to a hundred thousand.

    python -m benchmarks.records [most]

The records are made up in a temporary folder after the first committed one, once as lines of `.jsonl` files, once
as run folders; each is read in a process of its own. `and curves` then looks at every curve once, as the figures of
a report over all of them would.
"""

import copy
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

from reports import records

MODEL = Path(records.__file__).parent / "records" / "densenet_bc_compression.jsonl"
EPOCHS = {"short": 30, "paper": 300}
PER_FILE = 1_000  # records of one study


def made_up(number: int, model: dict, epochs: int) -> dict:
    """A record of its own id, whose curve has so many epochs and as many digits as a real one."""
    facts = copy.deepcopy(model)
    facts |= {"run_id": f"{number:012x}", "seed": number}
    before = facts["curve"]
    facts["curve"] = {
        name: [values[epoch % len(values)] for epoch in range(epochs)] for name, values in before.items()
    }
    facts["curve"]["epoch"] = list(range(1, epochs + 1))
    return facts


def write(folder: Path, count: int, epochs: int, as_lines: bool) -> None:
    with open(MODEL, encoding="utf-8") as file:
        model = json.loads(next(file))
    for first in range(0, count, PER_FILE):
        made = [made_up(number, model, epochs) for number in range(first, min(first + PER_FILE, count))]
        if as_lines:
            lines = "".join(json.dumps(facts) + "\n" for facts in made)
            (folder / f"study_{first}.jsonl").write_text(lines, encoding="utf-8")
            continue
        for facts in made:
            (folder / facts["run_id"]).mkdir()
            (folder / facts["run_id"] / "record.json").write_text(json.dumps(facts, indent=1))


def measure(folder: Path, curves: bool) -> tuple[int, float, float]:
    """How many records were read, in how many seconds of one core, and the process's peak memory in MiB."""
    started = time.process_time()
    found, warnings = records.read([folder])
    assert not warnings, warnings[0]
    if curves:
        assert all(record.facts["curve"]["epoch"] for record in found)
    seconds = time.process_time() - started
    return len(found), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(most: int = 100_000) -> None:
    print("| records | kept as | epochs | read: s | ms each | peak MiB | and curves: s | peak MiB |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|")
    for count in (10**power for power in range(1, 7) if 10**power <= most):
        for as_lines, epochs in ((True, EPOCHS["short"]), (False, EPOCHS["short"]), (True, EPOCHS["paper"])):
            with tempfile.TemporaryDirectory() as name:
                write(Path(name), count, epochs, as_lines)
                # a process for each, because a peak is the whole process's
                with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
                    read, seconds, peak = pool.apply(measure, (Path(name), False))
                    _, with_curves, higher = pool.apply(measure, (Path(name), True))
            assert read == count
            kept = "lines" if as_lines else "folders"
            print(
                f"| {count:,} | {kept} | {epochs} | {seconds:.2f} | {1000 * seconds / count:.2f} "
                f"| {peak:.0f} | {with_curves:.2f} | {higher:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
