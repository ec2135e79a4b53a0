"""What missing runs would take on this machine, estimated without training anything.

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
from lightning_modules.execution.estimate import images_worth, seconds_per_image
from lightning_modules.execution.machine import describe
from sweeps import slots, state
from sweeps import study as studies
from sweeps.study import Cell

TIMED_IMAGES = {"cuda": 64, "cpu": 4}  # per step: few don't fill a GPU, many keep a core for minutes


class Costs:
    """Estimate runs' time, one run on each GPU of this machine or, without any, on each core.

    cells: all that will be asked about, so that each architecture is timed once, by its cheapest network.
    """

    def __init__(self, cells: Iterable[Cell], runs: Path) -> None:
        self.kind = "cuda" if torch.cuda.is_available() else "cpu"
        self.side_by_side = len(slots.gpus()) or slots.usable_cores()
        torch.set_num_threads(1)  # as runs side by side have
        self.device = describe(self.kind, 1, 1, "32-true")["device"]
        self.speeds: dict[str, float] = {}  # of a network in one of these runs, training images per second
        self.sources: dict[str, str] = {}
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
        for configuration in self.networks.values():
            network = _network(vars(configuration))
            if network in same:
                self.speeds[network] = statistics.median(same[network])
                self.sources[network] = "from their own runs"
            elif network not in unknown:
                unknown[network] = _mult_adds(configuration), configuration
        for network, (mult_adds, configuration) in sorted(unknown.items(), key=lambda item: item[1][0]):
            arch = configuration.arch
            if arch not in rates:
                rates[arch].append(mult_adds / timed(configuration, TIMED_IMAGES[self.kind]))
            self.speeds[network] = statistics.median(rates[arch]) / mult_adds
            self.sources[network] = "from relatives' runs" if arch in recorded else "from timing relatives"

    def seconds(self, cells: Iterable[Cell]) -> float:
        """Return the wall-clock time of the runs, side by side on all of this machine."""
        return sum(self._seconds(self.networks[_row(cell)]) for cell in cells) / self.side_by_side

    def basis(self) -> str:
        """Say what the estimates rest on, and how far to trust them."""
        numbers = sorted(Counter(self.sources.values()).items())
        sources = ", ".join(f"{number} {source}" for source, number in numbers)
        return (
            f"Times are for {self.side_by_side} × {self.device} ({'GPUs' if self.kind == 'cuda' else 'cores'}), a run on each. "
            f"Speeds of networks: {sources}. The first are good to about a quarter, the others to a factor of two."
        )

    def _seconds(self, configuration: Configuration) -> float:
        test_images = catalogue.find(configuration.dataset).test_images
        worth = images_worth(
            configuration.epochs, configuration.train_images, configuration.curve_test_images, test_images
        )
        return worth / self.speeds[_network(vars(configuration))]


def _row(cell: Cell) -> tuple[str, str, str, str]:
    return cell.study, cell.variant, cell.dataset, cell.budget


def _network(config: dict) -> str:
    """What decides the work of a step: the network and, where there is one, its teacher."""
    teacher = config.get("teacher") or {}
    parts = [config["arch"], config["knobs"], config["resolution"], teacher.get("arch"), teacher.get("knobs")]
    return json.dumps(parts, sort_keys=True)


def timed(configuration: Configuration, images: int) -> float:
    """Time a few training steps of so many images; return seconds per image."""
    with torch.random.fork_rng():
        teacher = Configuration(**configuration.teacher).build().eval() if configuration.teacher else None
        return seconds_per_image(
            configuration.build(), configuration.resolution, images=images, teacher=teacher
        )


def _mult_adds(configuration: Configuration) -> float:
    """Of a network and a third of its teacher's, which only answers: a training step is three forward passes' work."""
    mult_adds = training.counted(configuration, training.on_meta(configuration))["mult_adds"]
    teacher = configuration.teacher
    return mult_adds + (_mult_adds(Configuration(**teacher)) / 3 if teacher else 0)
