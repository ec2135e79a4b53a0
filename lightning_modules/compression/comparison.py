"""What compression makes of given weights: errors and bytes before and after, on the whole test set of a data set."""

import hashlib
from pathlib import Path

from lightning_modules import evaluation, record
from lightning_modules.compression import compress
from lightning_modules.configuration import Configuration
from lightning_modules.data.preprocessing import EvaluationProtocol
from lightning_modules.execution.machine import Machine

FORMAT = 1
COUNTED = ("images", "errors", "error", "top5_errors", "top5_error")


def compare(
    configuration: Configuration,
    path: Path,
    machine: Machine,
    viewing: EvaluationProtocol,
    method: str,
    options: dict,
) -> dict:
    """Evaluate the weights in `path`, compress them, and evaluate them again.

    method, options: as `compress` takes them. Returns JSON-able facts: which weights, what was done, and
    `before` and `after`, each with its errors, numbers and bytes; `parts` of the bytes after.
    Raises as `evaluate` and `compress`.
    """
    network, data = evaluation.loaded(configuration, path, machine, viewing)
    compressed = compress(network, method, **options)
    before, after = evaluation.errors([network, compressed.network], data, configuration, machine)
    return {
        "format": FORMAT,
        "kind": "compression",
        "arch": configuration.arch,
        "knobs": configuration.knobs,
        "dataset": configuration.dataset,
        "resolution": configuration.resolution,
        "evaluation": viewing.views,
        "mean": before["mean"],
        "std": before["std"],
        "weights": {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
        "method": method,
        "options": {name: value for name, value in options.items() if value is not None},
        "before": _side(before, compressed.numbers_before, compressed.bytes_before),
        "after": _side(after, compressed.numbers_after, compressed.bytes_after),
        "parts": compressed.parts,
        "git": record.git_state(),
    }


def _side(tested: dict, numbers: int, size: int) -> dict:
    return {name: tested[name] for name in COUNTED} | {"numbers": numbers, "bytes": size}


def report(compared: dict, configuration: Configuration, path: Path, viewing: EvaluationProtocol) -> None:
    """Print it."""
    before, after = compared["before"], compared["after"]
    done = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in compared["options"].items())
    print(evaluation.heading(configuration, path, viewing), evaluation.inputs(compared), sep="\n")
    print(f"{compared['method'].replace('_', ' ')}: {done}; nothing is trained afterwards")
    for name, side in (("before", before), ("after", after)):
        print(
            f"{name:6}  top-1 error {side['error']:5.2f} % ({side['errors']:,} of {side['images']:,} images), "
            f"top-5 error {side['top5_error']:5.2f} %, {side['numbers']:,} numbers, {side['bytes']:,} bytes"
        )
    parts = ", ".join(f"{name} {size:,}" for name, size in compared["parts"].items())
    print(f"{before['bytes'] / after['bytes']:.1f} times smaller; bytes of {parts}")
