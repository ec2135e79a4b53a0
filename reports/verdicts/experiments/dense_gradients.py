"""Gradients on their way back through dense connections, without batch normalisation (DenseNet, Section 3).

With batch normalisation gradients don't vanish in the plain networks of ResNet's paper (`gradients.py`), so that nothing
is left to ease. Without it, and with the weights drawn as Xavier's paper has them, each ReLU halves the square of what
comes back. Held against each other are a plain network and the DenseNet of the nearest depth, at their initial weights.
"""

import numpy as np

from reports.verdicts.experiments import Outcome, Setup, experiment, gradients, rules, table, trained
from sweeps import study as studies

PLAIN, DENSE = ("deep_vs_shallow", "plain-44"), ("densenet_cifar", "densenet-40-12+")
DRAW = "xavier"
RULE = (
    "rule: of the gradient's norm in the last third of the layers a greater share comes back to the first third in the "
    "DenseNet than in the plain network"
)


@experiment("densenet.eases_gradients")
def dense_connections(setup: Setup) -> Outcome:
    """Hold if gradients come back through a DenseNet of 40 layers better than through a plain network of 44."""
    reaches = {name: _reaches(*row, setup) for name, row in (("plain", PLAIN), ("DenseNet", DENSE))}
    logs = {name: np.log10(values) for name, values in reaches.items()}
    gained = (logs["DenseNet"] - logs["plain"]).tolist()
    rows = [[seed, plain, dense] for seed, (plain, dense) in enumerate(zip(*reaches.values(), strict=True))]
    return Outcome(
        rules.above(gained, 0.0),
        (
            f"powers of ten that more comes back in the DenseNet: {rules.shown(gained)} seeds",
            *(f"{name}: {rules.shown(values.tolist())} powers of ten" for name, values in logs.items()),
            f"{RULE}; initial weights, {DRAW} draw, no batch normalisation; 95 % interval over seeds",
        ),
        {"tables": [table("Gradients' norm, first third of the layers over last", ["seed", *reaches], rows)]},
    )


def _reaches(study_name: str, variant: str, setup: Setup) -> list[float]:
    """Return the reach of a row's network, a seed each."""
    study = studies.read(study_name)
    configurations = [studies.configure(study, variant, "cifar10", "paper", seed) for seed in study.seeds]
    return [
        gradients.reach(
            gradients.gradient_norms(
                gradients.bare(configuration, DRAW).to(setup.device),
                *trained.training_batch(configuration, setup),
            )
        )
        for configuration in configurations
    ]
