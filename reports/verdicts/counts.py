"""Parameters and mult-adds of a study's variants, counted on the networks that this code builds."""

from collections.abc import Iterator, Mapping
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


class VariantCounts(Mapping[tuple[str, str], Count]):
    """The counts of every variant on every data set of a study, each made when it is asked for."""

    def __init__(self, study: Study):
        self.study = study

    def __getitem__(self, names: tuple[str, str]) -> Count:
        if names not in tuple(self):
            raise KeyError(names)
        variant, dataset = self.study.variant(names[0]), DATASETS[names[1]]
        knobs = variant.knobs_for(dataset.stem)
        resolution = self.study.resolution_of(variant, dataset.stem) or dataset.resolution
        network = Network.of(variant.arch, dataset.stem, knobs, resolution, dataset.classes)
        counted = complexity.counts(network)
        return Count(counted.parameters, counted.mult_adds)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for dataset in self.study.datasets:
            for variant in self.study.variants_on(dataset):
                yield variant.name, dataset

    def __len__(self) -> int:
        return sum(1 for _ in self)
