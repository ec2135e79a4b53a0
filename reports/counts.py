"""Parameters and mult-adds of a study's variants, counted on the networks that this code builds."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import architectures
from lightning_modules.data.catalogue import DATASETS
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
            knobs = architectures.resolve(variant.arch, dataset.stem, variant.knobs_for(dataset.stem))
            resolution = study.resolution_of(variant, dataset.stem) or dataset.resolution
            network = (variant.arch, dataset.stem, dataset.classes, tuple(knobs.items()))
            counts[variant.name, name] = _count(network, resolution)
    return counts


@cache  # networks come back in several studies, and the deepest take a second each
def _count(network: tuple, resolution: int) -> Count:
    import torch  # seconds: only where pages are made, not for --help

    from architectures.counting import count

    arch, stem, classes, knobs = network
    with torch.device("meta"):
        built = architectures.build(arch, stem=stem, num_classes=classes, **dict(knobs))
    counted = count(built, resolution)
    return Count(counted.parameters, counted.mult_adds)
