"""What missing runs would take, on this machine and on a GPU that is named, estimated without training anything.

A network's speed is taken from finished runs of it on this device; else, by the ratio of multiply-adds, from
finished runs of its architecture, or from timing a few steps of the cheapest network of that architecture.
Reading and decoding large images isn't counted.
"""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import torch

from lightning_modules import training
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue
from lightning_modules.execution import gpu
from lightning_modules.execution.estimate import images_worth, seconds_per_image
from lightning_modules.execution.machine import describe
from lightning_modules.steps import Steps
from sweeps import slots, state
from sweeps import study as studies
from sweeps.study import Cell

# One GPU, to say what a study costs where it is meant to run: NVIDIA's data sheet of the A100 states 19.5 TFLOP/s of fp32,
# the default precision here. That a third of it is reached is an assumption; nothing was timed on one.
GPU, GPU_FLOPS, GPU_SHARE = "A100", 19.5e12, 1 / 3
FLOPS_PER_MULT_ADD = 2
PASSES = 3  # a training step is about three forward passes' work
TIMED_IMAGES = {"cuda": 64, "cpu": 4}  # per step: few don't fill a GPU, many keep a core for minutes


class Costs:
    """Estimate runs' time, one run on each GPU of this machine or, without any, on each core.

    cells: all that will be asked about, so that each architecture is timed once, by its cheapest network.
    """

    def __init__(self, cells: Iterable[Cell], runs: Path) -> None:
        self.kind = "cuda" if gpu.usable() else "cpu"
        self.side_by_side = len(slots.gpus()) or slots.usable_cores()
        torch.set_num_threads(1)  # as runs side by side have
        self.device = describe(self.kind, 1, 1, "32-true")["device"]
        self.speeds: dict[str, float] = {}  # of a network in one of these runs, training images per second
        self.sources: dict[str, str] = {}
        self.counted: dict[str, float] = {}
        self.networks: dict[tuple, Configuration] = {}  # seeds make no difference
        declared = {}
        for cell in cells:
            if _row(cell) not in self.networks:
                if cell.study not in declared:
                    declared[cell.study] = studies.read(cell.study)
                study = declared[cell.study]
                self.networks[_row(cell)] = studies.configure(
                    study, cell.variant, cell.dataset, cell.budget, cell.seed
                )

        same: dict[str, list[float]] = defaultdict(list)
        rates: dict[str, list[float]] = defaultdict(list)  # of an architecture, multiply-adds per second
        for record in state.records(runs).values():
            machine, speeds = record.machine, record.curve["images_per_second"]
            if machine["device"] != self.device or not speeds:
                continue
            processors = machine["devices"] * (machine["threads"] if self.kind == "cpu" else 1)
            speed = statistics.median(speeds) / processors
            same[_network(record.config)].append(speed)
            if "teacher" not in record.config:
                rates[record.arch].append(speed * record.mult_adds)
        recorded = set(rates)

        unknown: dict[str, tuple[float, Configuration]] = {}
        counting = Steps(len(self.networks), "of the networks counted")
        for configuration in counting.each(self.networks.values(), lambda configuration: configuration.arch):
            network = _network(vars(configuration))
            if network in same:
                self.speeds[network] = statistics.median(same[network])
                self.sources[network] = "from their own runs"
            elif network not in unknown:
                unknown[network] = self.mult_adds(configuration), configuration
        counting.close()
        cheapest_first = sorted(unknown.items(), key=lambda item: item[1][0])
        cheapest: dict[str, Configuration] = {}  # of the architectures without a run
        for _, (_, configuration) in cheapest_first:
            if configuration.arch not in rates:
                cheapest.setdefault(configuration.arch, configuration)
        with Steps(len(cheapest), "of the architectures timed", long=True) as steps:
            for arch in steps.each(cheapest, lambda arch: f"timing a few steps of {arch}"):
                seconds = timed(cheapest[arch], TIMED_IMAGES[self.kind], self.kind)
                rates[arch].append(self.mult_adds(cheapest[arch]) / seconds)
        for network, (mult_adds, configuration) in cheapest_first:
            arch = configuration.arch
            self.speeds[network] = statistics.median(rates[arch]) / mult_adds
            self.sources[network] = "from relatives' runs" if arch in recorded else "from timing relatives"

    def seconds(self, cells: Iterable[Cell]) -> float:
        """Return the wall-clock time of the runs, side by side on all of this machine."""
        return sum(self._seconds(self.networks[_row(cell)]) for cell in cells) / self.side_by_side

    def gpu_hours(self, cells: Iterable[Cell]) -> float:
        """Return the hours of one `GPU` that the runs would take, by their multiply-adds."""
        configurations = [self.networks[_row(cell)] for cell in cells]
        work = sum(PASSES * self.mult_adds(c) * _images_worth(c) for c in configurations)
        return FLOPS_PER_MULT_ADD * work / (GPU_FLOPS * GPU_SHARE) / 3600

    def mult_adds(self, configuration: Configuration) -> float:
        """Return the multiply-adds of a forward pass of a run's network, and a third of its teacher's."""
        network = _network(vars(configuration))
        if network not in self.counted:
            self.counted[network] = _mult_adds(configuration)
        return self.counted[network]

    def basis(self) -> str:
        """Say what the estimates rest on, and how far to trust them."""
        numbers = sorted(Counter(self.sources.values()).items())
        sources = ", ".join(f"{number} {source}" for source, number in numbers)
        return (
            f"Times are for {self.side_by_side} × {self.device} ({'GPUs' if self.kind == 'cuda' else 'cores'}), a run on each. "
            f"Speeds of networks: {sources}. From their own runs they are good to about a quarter, else to a factor of two. "
            f"Hours of an {GPU} are multiply-adds over a third of the {GPU_FLOPS / 1e12:g} TFLOP/s of fp32 that its data "
            "sheet states: an assumption, nothing was timed on one, and small networks reach less."
        )

    def _seconds(self, configuration: Configuration) -> float:
        return _images_worth(configuration) / self.speeds[_network(vars(configuration))]


def _images_worth(configuration: Configuration) -> float:
    """A run's work in training images."""
    return images_worth(
        configuration.epochs,
        configuration.train_images,
        configuration.curve_test_images,
        catalogue.find(configuration.dataset).test_images,
    )


def _row(cell: Cell) -> tuple[str, str, str, str]:
    return cell.study, cell.variant, cell.dataset, cell.budget


def _network(config: dict) -> str:
    """What decides the work of a step: the network and, where there is one, its teacher."""
    teacher = config.get("teacher") or {}
    parts = [config["arch"], config["knobs"], config["resolution"], teacher.get("arch"), teacher.get("knobs")]
    return json.dumps(parts, sort_keys=True)


def timed(configuration: Configuration, images: int, kind: str) -> float:
    """Time a few training steps of so many images; return seconds per image."""
    with torch.random.fork_rng(devices=[]):
        teacher = Configuration(**configuration.teacher).build().eval() if configuration.teacher else None
        return seconds_per_image(
            configuration.build(), configuration.resolution, kind, images=images, teacher=teacher
        )


def _mult_adds(configuration: Configuration) -> float:
    """Of a network and a third of its teacher's, which only answers: a training step is three forward passes' work."""
    mult_adds = training.counted(configuration, training.on_meta(configuration))["mult_adds"]
    teacher = configuration.teacher
    return mult_adds + (_mult_adds(Configuration(**teacher)) / 3 if teacher else 0)
