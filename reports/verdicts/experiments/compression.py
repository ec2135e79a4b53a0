"""What pruning, quantising and a singular value decomposition make of an AlexNet that has been trained here.

Ten networks a seed are evaluated on the whole test set: minutes on a CPU.
"""

from collections.abc import Mapping, Sequence
from statistics import mean

from lightning_modules import weights
from lightning_modules.data.preprocessing import EvaluationProtocol
from lightning_modules.execution.machine import Machine
from reports.verdicts.experiments import Outcome, Setup, experiment, rules, table, trained
from reports.verdicts.experiments.deep_compression import compress

STUDY, VARIANT, DATASET = "squeezenet_vs_alexnet", "alexnet", "cifar10"
# SqueezeNet, Table 2: the sizes of AlexNet are a fifth and a ninth; Deep Compression prunes to a ninth too. The others
# show from where on a method costs something when nothing is trained afterwards.
PRINTED = {"svd": 1 / 5, "pruning": 1 / 9, "deep_compression": 1 / 9}
DENSITIES = {method: (0.5, 1 / 3, density) for method, density in PRINTED.items()}
# Percentage points of error; in the table the decomposition costs 1.2, pruning and quantising cost nothing.
MARGIN = 0.5

TITLE = "AlexNet on CIFAR-10 before and after, mean over seeds; nothing is trained afterwards"
COLUMNS = (
    "method",
    "density",
    "error (%) before",
    "after",
    "points",
    "bytes before",
    "after",
    "times smaller",
)


@experiment("compression.no_loss")
def no_loss(setup: Setup) -> Outcome:
    """Errors before and after, at the densities of Table 2 and at milder ones.

    Departure: Han et al. train on after pruning, and here nothing is: so what pruning costs here decides nothing,
    and what it doesn't cost does.
    """
    runs = trained.runs(setup, STUDY, [VARIANT], DATASET)
    seeds = [compared(run, setup) for run in runs[VARIANT]]
    costs = {
        method: [seed[method, density]["after"] - seed[method, density]["before"] for seed in seeds]
        for method, density in PRINTED.items()
    }
    rule = (
        f"rule: pruning and deep compression cost less than {MARGIN:g} points of error and the decomposition costs "
        f"more, at the densities of the printed table; 95 % intervals over seeds, budget {runs.budget}; undecided where "
        "pruning costs something, since nothing is trained afterwards as it is in the papers"
    )
    evidence = [
        f"{method.replace('_', ' ')} to {PRINTED[method]:.0%}: {rules.shown(cost)} points of error"
        for method, cost in costs.items()
    ]
    return Outcome(
        judge(costs),
        (*evidence, rule),
        {"tables": [table(TITLE, COLUMNS, _rows(seeds))]},
        runs.ids,
    )


def judge(costs: Mapping[str, Sequence[float]]) -> bool | None:
    """Judge what each method costs in points of error, a seed each."""
    free = rules.all_hold(rules.below(costs[method], MARGIN) for method in ("pruning", "deep_compression"))
    return rules.above(costs["svd"], MARGIN) if free else None


def compared(run: trained.Run, setup: Setup) -> dict[tuple[str, float], dict]:
    """Return by method and density errors in per cent and bytes of a run's network, before and after."""
    from lightning_modules import evaluation  # imports Lightning

    configuration = run.configuration
    machine = Machine(accelerator=setup.device, data_dir=setup.data, wandb=False)
    network, data, _ = evaluation.loaded(
        configuration, weights.read(run.checkpoint), machine, EvaluationProtocol()
    )
    compressed_networks = {
        (method, density): compress(network, method, density=density)
        for method, densities in DENSITIES.items()
        for density in densities
    }
    networks = [network, *(compressed.network for compressed in compressed_networks.values())]
    before, *after = evaluation.errors(networks, data, configuration, machine)
    return {
        key: {
            "before": before["error"],
            "after": tested["error"],
            "bytes_before": compressed.bytes_before,
            "bytes_after": compressed.bytes_after,
        }
        for (key, compressed), tested in zip(compressed_networks.items(), after, strict=True)
    }


def _rows(seeds: Sequence[Mapping[tuple[str, float], Mapping]]) -> list[list]:
    rows = []
    for method, density in seeds[0]:
        before, after, large, small = (
            mean(seed[method, density][side] for seed in seeds)
            for side in ("before", "after", "bytes_before", "bytes_after")
        )
        name = method.replace("_", " ")
        rows.append(
            [name, f"{density:.2f}", before, after, after - before, round(large), round(small), large / small]
        )
    return rows
