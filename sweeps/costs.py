"""What missing runs would take, on this machine and on a GPU that is named, estimated without training anything.

A network's speed is taken from finished runs of it on this device; else, by the ratio of multiply-adds, from
finished runs of its architecture, or from timing a few steps of the cheapest network of that architecture, once:
what was timed is remembered in the runs' folder. Reading and decoding large images isn't counted.
"""

import functools
import json
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from architectures.counts import Counts
from lightning_modules import files
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue
from lightning_modules.execution import gpu
from lightning_modules.execution.cores import cpu_name
from lightning_modules.execution.estimate import images_worth
from lightning_modules.execution.estimate import timed as timed_steps
from lightning_modules.record import Record
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
REMEMBERED = "timed.json"
COUNTED = Path(__file__).parent.parent / "reports" / "cache.json"


class Costs:
    """Estimate runs' time, one run on each GPU of this machine or, without any, on each core.

    cells: all that will be asked about, so that each architecture is timed once, by its cheapest network. timing: False
    times nothing; what was neither run nor timed is taken to be as fast as the median of all that was.
    """

    def __init__(self, cells: Iterable[Cell], runs: Path, timing: bool = True) -> None:
        self.kind = "cuda" if gpu.usable() else "cpu"
        self.side_by_side = len(slots.gpus()) or slots.usable_cores()
        self.device = _device(self.kind)
        self.configurations: dict[tuple, Configuration] = {}  # seeds make no difference
        read = functools.cache(studies.read)
        for cell in cells:
            if _row(cell) not in self.configurations:
                self.configurations[_row(cell)] = studies.configure(
                    read(cell.study), cell.variant, cell.dataset, cell.budget, cell.seed
                )
        self.work = self._counted()
        self.speeds: dict[str, float] = {}  # of a network in one of these runs, training images per second
        self.sources: dict[str, str] = {}
        self._find_speeds(runs, timing)

    def seconds(self, cells: Iterable[Cell]) -> float:
        """Return the wall-clock time of the runs, side by side on all of this machine."""
        return sum(self.of(cell) for cell in cells) / self.side_by_side

    def of(self, cell: Cell) -> float:
        """Return the wall-clock time of one run on its GPU or core."""
        configuration = self.configurations[_row(cell)]
        return _images_worth(configuration) / self.speeds[_network(vars(configuration))]

    def operations_of_a_step(self, cell: Cell) -> float:
        """Return the operations of one optimiser step of a run."""
        configuration = self.configurations[_row(cell)]
        images = configuration.recipe["batch_size"]
        return PASSES * FLOPS_PER_MULT_ADD * images * self.work[_network(vars(configuration))]

    def gpu_hours(self, cells: Iterable[Cell]) -> float:
        """Return the hours of one `GPU` that the runs would take, by their multiply-adds."""
        configurations = [self.configurations[_row(cell)] for cell in cells]
        work = sum(PASSES * self.work[_network(vars(c))] * _images_worth(c) for c in configurations)
        return FLOPS_PER_MULT_ADD * work / (GPU_FLOPS * GPU_SHARE) / 3600

    def basis(self) -> str:
        """Say what the estimates rest on, and how far to trust them."""
        numbers = sorted(Counter(self.sources.values()).items())
        sources = ", ".join(f"{number} {source}" for source, number in numbers)
        return (
            f"Times are for {self.side_by_side} × {self.device} ({'GPUs' if self.kind == 'cuda' else 'cores'}), a run on each. "
            f"Speeds of networks: {sources}. From their own runs they are good to about a quarter, else to a factor of two; what was timed is kept in the runs' "
            f"folder, in {REMEMBERED}, and timed again without it. "
            f"Hours of an {GPU} are multiply-adds over a third of the {GPU_FLOPS / 1e12:g} TFLOP/s of fp32 that its data "
            "sheet states: an assumption, nothing was timed on one, and small networks reach less."
        )

    def _counted(self) -> dict[str, float]:
        """Count the multiply-adds of every network, or look them up where the pages have counted them."""
        networks = {_network(vars(c)): c for c in self.configurations.values()}
        known = _counted_for_pages()
        with Steps(len(networks), "of the networks counted") as counting:
            return {name: _mult_adds(networks[name], known) for name in counting.each(networks)}

    def _find_speeds(self, runs: Path, timing: bool) -> None:
        same: dict[str, list[float]] = defaultdict(list)
        rates: dict[str, list[float]] = defaultdict(list)  # of an architecture, multiply-adds per second
        for record in state.readable_records(runs):
            if (speed := self._speed(record)) is not None:
                same[_network(record.config)].append(speed)
                if "teacher" not in record.config:
                    rates[record.arch].append(speed * record.mult_adds)
        unknown: dict[str, Configuration] = {}
        for configuration in self.configurations.values():
            network = _network(vars(configuration))
            if network in same:
                self.speeds[network] = statistics.median(same[network])
                self.sources[network] = "from their own runs"
            else:
                unknown[network] = configuration

        cheapest: dict[str, Configuration] = {}  # of the architectures without a run
        for network in sorted(unknown, key=self.work.__getitem__):
            if (arch := unknown[network].arch) not in rates:
                cheapest.setdefault(arch, unknown[network])
        timed = self._timed(cheapest if timing else {}, runs / REMEMBERED)
        known = [*map(statistics.median, rates.values()), *timed.values()]
        usual = statistics.median(known) if known else 1.0
        for network, configuration in unknown.items():
            arch = configuration.arch
            rate = statistics.median(rates[arch]) if arch in rates else timed.get(arch, usual)
            self.speeds[network] = rate / self.work[network]
            self.sources[network] = "from relatives' runs" if arch in rates else "from timing relatives"

    def _speed(self, record: Record) -> float | None:
        """Training images per second of one GPU or core, where the run's were of this machine's kind."""
        machine, speeds = record.machine, record.curve["images_per_second"]
        if machine["device"] != self.device or not speeds:
            return None
        return statistics.median(speeds) / (
            machine["devices"] * (machine["threads"] if self.kind == "cpu" else 1)
        )

    def _timed(self, cheapest: dict[str, Configuration], path: Path) -> dict[str, float]:
        """Return multiply-adds per second of architectures: remembered, or timed now and then remembered."""
        here = f"{self.device}, torch {version('torch')}"
        remembered = _remembered(path)
        known = remembered.setdefault(here, {})
        left = [arch for arch in cheapest if arch not in known]
        with Steps(len(left), "of the architectures timed", long=True) as steps:
            for arch in steps.each(left, lambda arch: f"timing a few steps of {arch}"):
                seconds = timed(cheapest[arch], TIMED_IMAGES[self.kind], self.kind)
                known[arch] = self.work[_network(vars(cheapest[arch]))] / seconds
                with suppress(OSError):  # where it can't be kept it is timed again
                    files.write(path, json.dumps(remembered, indent=1).encode())
        return known


def timed(configuration: Configuration, images: int, kind: str) -> float:
    """Time a few training steps of so many images, on one core where there is no GPU; return seconds per image."""
    import torch

    torch.set_num_threads(1)  # as runs side by side have
    with torch.random.fork_rng(devices=[]):
        teacher = Configuration(**configuration.teacher).build().eval() if configuration.teacher else None
        network = configuration.build()
        return timed_steps(network, configuration.resolution, kind, images=images, teacher=teacher).training


def _device(kind: str) -> str:
    if kind == "cpu":
        return cpu_name()
    import torch

    return torch.cuda.get_device_name()


def _remembered(path: Path) -> dict[str, dict[str, float]]:
    """What was timed before, by device; nothing of a damaged file, since it can be timed again."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {
            device: {arch: rate for arch, rate in rates.items() if 0 < rate < math.inf}
            for device, rates in known.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


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
    own = [config[name] for name in ("arch", "stem", "classes", "knobs", "resolution")]
    return json.dumps([*own, teacher.get("arch"), teacher.get("knobs")], sort_keys=True)


def _counted_for_pages() -> dict[str, int]:
    """Return multiply-adds that `reports/cache.json` has; whether they are those of today's code matters little here."""
    try:
        counted = json.loads(COUNTED.read_text(encoding="utf-8"))["counts"]
        return {network: Counts(**counts).mult_adds for network, (_, counts) in counted.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def _mult_adds(configuration: Configuration, known: dict[str, int]) -> float:
    """Of a network and a third of its teacher's, which only answers: a training step is three forward passes' work."""
    named = {
        name: getattr(configuration, name) for name in ("arch", "stem", "knobs", "resolution", "classes")
    }
    named["knobs"] = tuple(named["knobs"].items())
    name = f"Network({', '.join(f'{key}={value!r}' for key, value in named.items())})"  # as pages know it
    if name in known:
        mult_adds = known[name]
    else:
        from lightning_modules import training

        mult_adds = training.counted(configuration, training.on_meta(configuration))["mult_adds"]
    teacher = configuration.teacher
    return mult_adds + (_mult_adds(Configuration(**teacher), known) / 3 if teacher else 0)
