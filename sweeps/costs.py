"""What missing runs would take on this machine, estimated without training anything.

A network's speed is taken from finished runs of it on this device; else, by the ratio of multiply-adds, from
finished runs of its architecture, or from timing a few steps of the cheapest network of that architecture.
Reading and decoding large images isn't counted.
"""

import json
import statistics
from collections import defaultdict
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
    """Estimates for one run on each GPU of this machine or, without any, on each core.

    cells: all that will be asked about, so that each architecture is timed once, by its cheapest network.
    """

    def __init__(self, cells: Iterable[Cell], runs: Path) -> None:
        self.kind = "cuda" if torch.cuda.is_available() else "cpu"
        self.places = len(slots.gpus()) or slots.usable_cores()
        torch.set_num_threads(1)  # as runs side by side have
        self.device = describe(self.kind, 1, 1, "32-true")["device"]
        self.speeds: dict[str, float] = {}  # of a network in one place, training images per second
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
            places = machine["devices"] * (machine["threads"] if self.kind == "cpu" else 1)
            speed = statistics.median(speeds) / places
            same[_network(record.config)].append(speed)
            if "teacher" not in record.config:
                rates[record.arch].append(speed * record.mult_adds)
        recorded = set(rates)

        unknown: dict[str, tuple[float, Configuration]] = {}
        for wanted in self.networks.values():
            network = _network(vars(wanted))
            if network in same:
                self.speeds[network] = statistics.median(same[network])
                self.sources[network] = "from their own runs"
            elif network not in unknown:
                unknown[network] = _mult_adds(wanted), wanted
        for network, (mult_adds, wanted) in sorted(unknown.items(), key=lambda item: item[1][0]):
            if wanted.arch not in rates:
                each = timed(wanted, TIMED_IMAGES[self.kind])
                rates[wanted.arch].append(mult_adds / each)
            self.speeds[network] = statistics.median(rates[wanted.arch]) / mult_adds
            self.sources[network] = (
                "from relatives' runs" if wanted.arch in recorded else "from timing relatives"
            )

    def seconds(self, cells: Iterable[Cell]) -> float:
        """Wall-clock time of the runs, every place of this machine being at work."""
        return sum(self._seconds(self.networks[_row(cell)]) for cell in cells) / self.places

    def basis(self) -> str:
        """What the estimates rest on, and how far to trust them."""
        found = list(self.sources.values())
        sources = ", ".join(f"{found.count(source)} {source}" for source in sorted(set(found)))
        return (
            f"Times are for {self.places} × {self.device} ({'GPUs' if self.kind == 'cuda' else 'cores'}), a run on each. "
            f"Speeds of networks: {sources}. The first are good to about a quarter, the others to a factor of two."
        )

    def _seconds(self, wanted: Configuration) -> float:
        tests = catalogue.find(wanted.dataset).test_images
        worth = images_worth(wanted.epochs, wanted.train_images, wanted.curve_test_images, tests)
        return worth / self.speeds[_network(vars(wanted))]


def _row(cell: Cell) -> tuple[str, str, str, str]:
    return cell.study, cell.variant, cell.dataset, cell.budget


def _network(config: dict) -> str:
    """What decides the work of a step: the network and, where there is one, its teacher."""
    teacher = config.get("teacher") or {}
    parts = [config["arch"], config["knobs"], config["resolution"], teacher.get("arch"), teacher.get("knobs")]
    return json.dumps(parts, sort_keys=True)


def timed(wanted: Configuration, images: int) -> float:
    """Seconds of a training step, an image."""
    with torch.random.fork_rng():
        teacher = Configuration(**wanted.teacher).build().eval() if wanted.teacher else None
        return seconds_per_image(wanted.build(), wanted.resolution, images=images, teacher=teacher)


def _mult_adds(wanted: Configuration) -> float:
    """Of a network and a third of its teacher's, which only answers: a training step is three forward passes' work."""
    own = training.counted(wanted, training.on_meta(wanted))["mult_adds"]
    return own + (_mult_adds(Configuration(**wanted.teacher)) / 3 if wanted.teacher else 0)
