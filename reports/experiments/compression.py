"""What pruning, quantising and a singular value decomposition make of networks that have been trained here."""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from lightning_modules import configuration
from reports.experiments import CannotExperiment, Outcome, Place, experiment

ARCH, DATASET = "alexnet", "cifar10"
# SqueezeNet, Table 2: the sizes of AlexNet are a fifth and a ninth; Deep Compression prunes to a ninth too. The others
# show from where on a method costs something when nothing is trained afterwards.
PRINTED = {"svd": 1 / 5, "pruning": 1 / 9, "deep_compression": 1 / 9}
DENSITIES = {method: (0.5, 1 / 3, density) for method, density in PRINTED.items()}
# Percentage points of error; in the table the decomposition costs 1.2, pruning and quantising cost nothing.
MARGIN = 0.5


@experiment("compression.no_loss")
def no_loss(place: Place) -> Outcome:
    """Errors of AlexNets on CIFAR-10 before and after, at the densities of Table 2 and at milder ones.

    Departure: Han et al. train on after pruning, and here nothing is: so what pruning costs here decides nothing,
    and what it doesn't cost does.
    """
    folders = list(_trained(place.runs))
    if not folders:
        raise CannotExperiment(
            f"no {ARCH} on {DATASET} has been trained in {place.runs}: python run.py --arch {ARCH}"
        )
    rows = {folder.name: compared(folder, place) for folder in folders}
    costs = {
        method: statistics.mean(
            row["after"] - row["before"]
            for one in rows.values()
            for row in one
            if row["method"] == method and row["density"] == density
        )
        for method, density in PRINTED.items()
    }
    spent = ", ".join(f"{run} {one[0]['budget']}" for run, one in rows.items())
    return Outcome(
        holds=judged(costs),
        evidence=(
            *(
                f"{method.replace('_', ' ')} to {PRINTED[method]:.0%}: error {cost:+.2f} points"
                for method, cost in costs.items()
            ),
            f"mean over {len(rows)} trained networks ({spent}); nothing is trained afterwards, as it is in the papers",
        ),
        data={"runs": rows},
        runs=tuple(rows),
    )


def judged(costs: dict[str, float]) -> bool | None:
    """Whether the claim holds; None where pruning costs something, which training on could undo."""
    if costs["pruning"] >= MARGIN or costs["deep_compression"] >= MARGIN:
        return None
    return costs["svd"] >= MARGIN


def compared(folder: Path, place: Place) -> Sequence[dict]:
    """A row for each method and density: errors in per cent and bytes of the run in `folder`, before and after."""
    from lightning_modules import evaluation
    from lightning_modules.compression import compress
    from lightning_modules.data.preprocessing import Viewing
    from lightning_modules.training import Machine

    wanted = configuration.of_finished(folder)
    machine = Machine(accelerator=place.device, data_dir=place.data, wandb=False)
    network, data = evaluation.loaded(wanted, folder / "checkpoint.ckpt", machine, Viewing())
    made = {
        (method, density): compress(network, method, density=density)
        for method, densities in DENSITIES.items()
        for density in densities
    }
    networks = [network, *(compressed.network for compressed in made.values())]
    before, *after = evaluation.errors(networks, data, wanted, machine)
    return [
        {
            "budget": wanted.budget,
            "method": method,
            "density": density,
            "before": before["error"],
            "after": tested["error"],
            "bytes_before": compressed.bytes_before,
            "bytes_after": compressed.bytes_after,
        }
        for ((method, density), compressed), tested in zip(made.items(), after, strict=True)
    ]


def _trained(runs: Path) -> Iterator[Path]:
    """Folders of finished runs whose weights are there."""
    for record in sorted(runs.glob("*/record.json")):
        wanted = configuration.of_finished(record.parent)
        if (wanted.arch, wanted.dataset) == (ARCH, DATASET) and (record.parent / "checkpoint.ckpt").exists():
            yield record.parent
