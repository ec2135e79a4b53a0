"""Parameters and mult-adds of a study's variants, counted on the networks that this code builds."""

from collections.abc import Mapping
from typing import NamedTuple

from lightning_modules.data.catalogue import DATASETS
from reports.verdicts import complexity
from reports.verdicts.complexity import Network
from sweeps.study import Study


class Count(NamedTuple):
    """All parameters of a network, and the multiply-adds of one image through it."""

    parameters: int
    mult_adds: int


Counts = Mapping[tuple[str, str], Count]  # by variant name and data set name


def count_variants(study: Study) -> Counts:
    """Build every variant for every data set on the meta device and count it."""
    counts = {}
    for name in study.datasets:
        dataset = DATASETS[name]
        for variant in study.variants_on(name):
            knobs = variant.knobs_for(dataset.stem)
            resolution = study.resolution_of(variant, dataset.stem) or dataset.resolution
            network = Network.of(variant.arch, dataset.stem, knobs, resolution, dataset.classes)
            counted = complexity.counts(network)
            counts[variant.name, name] = Count(counted.parameters, counted.mult_adds)
    return counts
