"""Measures the settings of a network on the machine at hand, and remembers what it found: `uv run run.py --tune`."""

import copy
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn

from architectures.spelling import number_of
from lightning_modules import files
from lightning_modules.configuration import MIXED_PRECISIONS, Configuration
from lightning_modules.data import catalogue
from lightning_modules.execution.allocator import keep_freed_memory
from lightning_modules.execution.estimate import duration, images_worth
from lightning_modules.execution.machine import CannotRun, autocast, describe, set_precision
from lightning_modules.execution.settings import (
    CompileMode,
    ExecutionSettings,
    Layout,
    compiled,
    compiler_missing,
    laid_out,
)
from lightning_modules.execution.share import Share
from lightning_modules.losses import losses
from lightning_modules.steps import Steps

ROUNDS = 5
TOLERANCE = 1e-3  # of the largest logit, by which those of fp32 may differ


@dataclass(frozen=True)
class Measured:
    """Seconds of an image in every step that was timed, and those that compiling took before."""

    setting: ExecutionSettings
    seconds: tuple[float, ...]
    compiling: float

    def taking(self, images: float) -> float:
        """Return the seconds that so many training images take, compiling counted."""
        return images * statistics.median(self.seconds) + self.compiling


def tune(configuration: Configuration, share: Share, data_dir: Path) -> None:
    """Measure, say what was found, and remember it in `speed.json` of `data_dir` for later runs."""
    begun, kind = time.monotonic(), share.kind
    set_precision(configuration.precision)
    device = describe(kind, 1, 1, configuration.precision)["device"]
    side = configuration.resolution
    print(f"{configuration.arch} at {side}×{side} on {device}: timing its steps in every setting", flush=True)
    measurements = measure(configuration, share)
    print(f"{'layout':15}{'compiled':18}{'images/s: median (min–max)':30}compiling")
    for measured in measurements:
        low, middle, high = (1 / f(measured.seconds) for f in (max, statistics.median, min))
        speed = f"{middle:,.1f} ({low:,.1f}–{high:,.1f})"
        compiling = duration(measured.compiling) if measured.compiling else ""
        print(f"{measured.setting.layout:15}{measured.setting.compiled or 'no':18}{speed:30}{compiling}")
    _remember(configuration, kind, data_dir, measurements)
    chosen = recall(configuration, kind, data_dir)
    print(f"This run would take: {chosen}")
    settings = number_of(len(measurements), "setting")
    print(f"{settings} measured in {duration(time.monotonic() - begun)}")


def measured_now(configuration: Configuration, share: Share, data_dir: Path) -> ExecutionSettings | None:
    """Measure for a run that is about to begin, and return what it takes; None where that can't be found out now.

    Whatever goes wrong is said and stops nothing: the run has another setting to fall back on.
    """
    lock = FileLock(data_dir / ".tuning.lock", blocking=False)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with lock:
            print("A long run: how its network is fastest here is measured first, once.", flush=True)
            tune(configuration, share, data_dir)
    except Timeout:
        print("Another run is measuring how a network is fastest here; this one begins without.", flush=True)
    except Exception as error:  # noqa: BLE001 (compilers and drivers raise many kinds)
        print(f"It could not be measured ({' '.join(str(error).split())[:200]}).", flush=True)
    torch.compiler.reset()  # or the compiler keeps the networks that were timed, and their memory
    if share.kind == "cuda":
        torch.cuda.empty_cache()
    return recall(configuration, share.kind, data_dir)


def measure(
    configuration: Configuration, share: Share, say: Callable[[str], None] = print, rounds: int = ROUNDS
) -> list[Measured]:
    """Time training steps with every setting that this machine can have, taking turns: on a CPU of a few images.

    Raises CannotRun if the device has the memory for none.
    """
    keep_freed_memory()
    torch.backends.cudnn.benchmark = True  # as in the run
    kind, device = share.kind, share.device
    few = 16 if configuration.resolution <= 32 else 2
    images = share.images if kind == "cuda" else few
    network = configuration.build().to(device)
    shown = torch.randn(images, 3, configuration.resolution, configuration.resolution, device=device)
    labels = torch.zeros(images, dtype=torch.long, device=device)
    modes, reason = _modes(network, shown, kind)
    if reason:
        say(f"nothing is compiled: {reason}")

    def step_of(setting: ExecutionSettings) -> Callable[[], Tensor]:
        replica = laid_out(copy.deepcopy(network), setting.memory_format)
        run = compiled(replica, setting) or replica
        batch = shown.to(memory_format=setting.memory_format)

        def step() -> Tensor:
            with autocast(configuration.precision, kind):
                logits, _, loss = losses(run(batch), labels, share_done=0)
            logits = logits.detach().float().clone()  # a CUDA graph's outputs are overwritten
            loss.backward()
            replica.zero_grad()
            return logits

        return step

    def timed(step: Callable[[], Tensor]) -> float:
        begun = time.perf_counter()
        step()
        if kind == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - begun

    steps, compiling, expected = {}, {}, None
    tried: tuple[CompileMode, ...] = ("", *modes)
    settings = [ExecutionSettings(layout, mode) for mode in tried for layout in get_args(Layout)]
    with Steps(len(settings), "of the settings tried", long=True) as tries:
        for setting in tries.each(settings, _title):
            begun = time.perf_counter()
            try:
                step = step_of(setting)
                with torch.random.fork_rng(devices=[torch.device(device)] if kind == "cuda" else []):
                    torch.manual_seed(0)  # a layout in which dropout falls otherwise is left out, too
                    logits = step()
            except torch.OutOfMemoryError:
                say(f"left out, {setting}: there is no memory left for it beside the others")
                continue
            except Exception as error:  # of the compiler, which has classes of its own for each of its parts
                if not setting.compiled:
                    raise
                say(f"left out, {setting}: {str(error).strip().partition(chr(10))[0][:200]}")
                continue
            compiling[setting] = time.perf_counter() - begun if setting.compiled else 0.0
            expected = logits if expected is None else expected
            off = float((logits - expected).abs().max() / expected.abs().max())
            if configuration.precision in MIXED_PRECISIONS or off <= TOLERANCE:
                steps[setting] = step
            else:
                say(f"left out, {setting}: a logit differs by {off:.1e} of the largest")
    if not steps:
        raise CannotRun(
            f"a step of {images} images doesn't fit in the memory of {device}; take more --devices"
        )
    taken: dict[ExecutionSettings, list[float]] = {setting: [] for setting in steps}
    with Steps(rounds * len(steps), "of the steps timed") as timings:
        for setting in timings.each(rounds * list(steps), _title):
            taken[setting].append(timed(steps[setting]) / images)
    return [Measured(setting, tuple(times), compiling[setting]) for setting, times in taken.items()]


def recall(configuration: Configuration, kind: str, data_dir: Path) -> ExecutionSettings | None:
    """Return the remembered setting that takes a run the least time; None if its network was never measured here.

    Compiling takes minutes, which a short run doesn't win back.
    """
    path = data_dir / "speed.json"
    source = f"measured on this machine: {path}"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))[_key(configuration, kind)]
        measurements = [Measured(ExecutionSettings(**row[0] | {"source": source}), *row[1:]) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None  # not there, or damaged: it can be measured again
    worth = images_worth(
        configuration.epochs,
        configuration.train_images,
        configuration.curve_test_images,
        catalogue.find(configuration.dataset).test_images,
    )
    return min(measurements, key=lambda measured: measured.taking(worth)).setting


def _title(setting: ExecutionSettings) -> str:
    return f"{setting.layout}, compiled ({setting.compiled})" if setting.compiled else setting.layout


def _remember(configuration: Configuration, kind: str, data_dir: Path, measurements: list[Measured]) -> None:
    path = data_dir / "speed.json"
    data_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(data_dir / ".speed.lock"):
        known = _measured_before(path)
        known[_key(configuration, kind)] = [
            (asdict(measured.setting), measured.seconds, measured.compiling) for measured in measurements
        ]
        files.write(path, json.dumps(known, indent=1).encode())


def _measured_before(path: Path) -> dict:
    """What is remembered; nothing of a damaged file, which would stop every later measurement."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _key(configuration: Configuration, kind: str) -> str:
    """Return what the speed of a training step depends on."""
    device = describe(kind, 1, 1, configuration.precision)["device"]
    network = configuration.arch, configuration.knobs, configuration.classes, configuration.resolution
    return json.dumps([device, torch.__version__, configuration.precision, *network], sort_keys=True)


def _modes(network: nn.Module, shown: Tensor, kind: str) -> tuple[tuple[CompileMode, ...], str]:
    """Return the modes of torch.compile that can be had here, or why none can."""
    before = _random_states(kind)
    network(shown)
    if not all(map(torch.equal, before, _random_states(kind))):
        return (), "the network draws random numbers, and compiled it would draw others"
    if missing := compiler_missing(kind):
        return (), missing
    return ("default", "reduce-overhead") if kind == "cuda" else ("default",), ""


def _random_states(kind: str) -> list[Tensor]:
    """Return the states of all generators: whole blocks are dropped by the host's, units by the device's."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if kind == "cuda" else [])]
