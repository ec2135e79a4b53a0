"""The first half-hour with a GPU: what has to work there, each step with what is expected of it (`first_gpu.md`).

    uv run -m benchmarks.first_gpu

Every step is a process of its own and is tried whatever became of those before it. Figures are expectations from data
sheets and other projects; none was measured before the first page.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lightning_modules.execution import gpu
from lightning_modules.exit_codes import BAD_INPUT, DONE, TERMINATED
from reports.pages import markdown

ROOT = Path(__file__).parent.parent
SECONDS = 900  # that a step may take


@dataclass(frozen=True)
class Outcome:
    """How a step ended. found: in words, what stands beside what was expected."""

    passed: bool
    found: str


@dataclass(frozen=True)
class Step:
    """title, expected: in words. check: tries it in a folder for its runs."""

    title: str
    expected: str
    check: Callable[[Path], Outcome]


def run(arguments: str, folder: Path, seconds: float = SECONDS) -> subprocess.CompletedProcess:
    """Run `run.py` with runs of its own."""
    return execute(["run.py", *arguments.split(), "--no-wandb", "--runs-dir", str(folder / "runs")], seconds)


def execute(command: list[str], seconds: float = SECONDS) -> subprocess.CompletedProcess:
    """Run a Python program of this repository; one that takes too long has exit code 124."""
    try:
        return subprocess.run(
            [sys.executable, *command], check=False, cwd=ROOT, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, 124, "", f"it took more than {late.timeout:g} seconds")


def last_line(process: subprocess.CompletedProcess) -> str:
    """Return what a process said last, of its errors if it failed."""
    text = process.stdout if process.returncode == DONE else process.stderr or process.stdout
    return (text.strip().splitlines() or ["nothing was said"])[-1]


def driver_and_capability(folder: Path) -> Outcome:
    import torch

    names = [
        f"{torch.cuda.get_device_name(index)}, compute capability {major}.{minor}"
        for index in range(torch.cuda.device_count())
        for major, minor in [torch.cuda.get_device_capability(index)]
    ]
    return Outcome(bool(names), f"driver {gpu.driver()}, CUDA {torch.version.cuda}; {'; '.join(names)}")


def suite(folder: Path) -> Outcome:
    process = execute(["-m", "pytest", "-q", "-x"], 2 * SECONDS)
    return Outcome(process.returncode == DONE, last_line(process))


def trains(arguments: str) -> Callable[[Path], Outcome]:
    """Return the check that a run ends with a record; its speed is that of its last epoch."""

    def check(folder: Path) -> Outcome:
        process = run(arguments, folder)
        if process.returncode != DONE:
            return Outcome(False, last_line(process))
        announced = re.findall(r"This run takes (.*) on this machine", process.stdout)
        (path,) = (folder / "runs").glob("*/record.json")
        record = json.loads(path.read_text())
        speed = record["curve"]["images_per_second"][-1]
        batch = record["config"]["recipe"]["batch_size"]
        took = f"{record['wall_seconds']:,.0f} s, announced {announced[0] if announced else 'nothing'}"
        found = f"{speed:,.0f} images/s, {1000 * batch / speed:.1f} ms a step; {took}"
        return Outcome(True, f"{found}; test error {record['test']['error']:.2f} %")

    return check


def goes_on(folder: Path) -> Outcome:
    """Stop a run in mid-epoch by SIGTERM, and repeat the same command."""
    arguments = "--arch resnet --depth 20 --budget mini"
    command = ["run.py", *arguments.split(), "--no-wandb", "--runs-dir", str(folder / "runs")]
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    begun = time.monotonic()
    while process.poll() is None and not _steps(folder) and time.monotonic() - begun < SECONDS:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)
    again = run(arguments, folder)
    passed = process.returncode == TERMINATED and again.returncode == DONE
    return Outcome(passed, f"stopped with exit code {process.returncode}; then: {last_line(again)}")


def _steps(folder: Path) -> int:
    try:
        (path,) = (folder / "runs").glob("*/progress.json")
        return json.loads(path.read_text())["step"]
    except (OSError, ValueError, KeyError):
        return 0


def tunes(arch: str, precision: str) -> Callable[[Path], Outcome]:
    """Return the check that settings are measured; those whose logits differ are left out by themselves."""

    def check(folder: Path) -> Outcome:
        process = run(f"--arch {arch} --precision {precision} --budget mini --tune", folder)
        left_out = process.stdout.count("left out, ")
        taken = re.findall(r"This run would take: (.*?) \(measured", process.stdout)
        found = f"{taken[0] if taken else last_line(process)}; {left_out} left out"
        return Outcome(process.returncode == DONE and not left_out, found)

    return check


def waits(folder: Path) -> Outcome:
    """Count the host's waits in three steps, as torch warns of them."""
    process = execute(["-c", WAITS])
    numbers = re.findall(r"waits: (\d+)", process.stdout)
    return Outcome(numbers == ["0"], f"{numbers[0]} waits" if numbers else last_line(process))


WAITS = """
import warnings, torch
from types import SimpleNamespace
from lightning_modules.classifier import Classifier
from lightning_modules.configuration import resolve
module = Classifier(resolve("mobilenet_v2", {}, dataset="imagenette", budget="smoke", seed=0).as_dict()).cuda()
side = module.config["resolution"]
batch = torch.randn(32, 3, side, side, device="cuda"), torch.zeros(32, dtype=torch.long, device="cuda")
module.trainer = SimpleNamespace(global_step=0, world_size=1)
parts = module.configure_optimizers()
module.trainer.optimizers = [parts["optimizer"]]
def step():
    parts["optimizer"].zero_grad()
    module.training_step(batch, 0).backward()
    parts["optimizer"].step()
    parts["lr_scheduler"]["scheduler"].step()
step()
torch.cuda.set_sync_debug_mode("warn")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(3):
        step()
print("waits:", sum("synchroniz" in str(one.message) for one in caught))
"""


def out_of_memory(folder: Path) -> Outcome:
    """Ask for a batch that no GPU holds, which is refused in one line that names the remedy."""
    process = run("--arch mobilenet_v3_large --dataset imagenette --batch-size 65536 --budget smoke", folder)
    said = process.stderr.strip().splitlines()
    passed = process.returncode == BAD_INPUT and "--devices" in last_line(process)
    return Outcome(passed and len(said) == 1, last_line(process))


def two_devices(folder: Path) -> Outcome:
    import torch

    if torch.cuda.device_count() < 2:
        return Outcome(True, "left out: there is one GPU")
    return trains("--arch resnet --depth 20 --budget mini --devices 2")(folder)


def side_by_side(folder: Path) -> Outcome:
    runs = ["--runs-dir", str(folder / "runs"), "--no-wandb"]
    command = ["-m", "sweeps.local", "resnet_depth", "--budget", "smoke", "--per-gpu", "4", *runs]
    begun = time.monotonic()
    process = execute(command)
    return Outcome(process.returncode == DONE, f"{time.monotonic() - begun:.0f} s; {last_line(process)}")


def steps() -> Iterator[Step]:
    """Yield the steps, in their order."""
    yield Step("driver and capability", "driver 580 or newer, 7.5 or higher", driver_and_capability)
    yield Step("the test suite", "all pass", suite)
    cifar = "--arch resnet --depth 20 --budget short"
    yield Step("ResNet-20, short", "4–8 ms a step, 15–30 thousand images/s, about 8 %", trains(cifar))
    yield Step("SIGTERM in mid-epoch", "exit code 143, then done", goes_on)
    yield Step("AlexNet, deterministic", "a record", trains("--arch alexnet --budget smoke --deterministic"))
    yield Step("DenseNet-BC, one epoch", "15–25 ms a step, as announced",
               trains("--arch densenet_bc --budget mini --epochs 1"))  # fmt: skip
    for arch in ("resnet", "densenet_bc", "mobilenet_v2", "vgg"):
        for precision in ("32-true", "tf32", "bf16-mixed"):
            expected = "reduce-overhead 2–4 times as fast; none left out, so that logits are eager's"
            yield Step(f"--tune, {arch}, {precision}", expected, tunes(arch, precision))
    yield Step("MobileNet v2 at Imagenette's size", "no wait of the host in a step", waits)
    for precision, thousands in (("32-true", 0.9), ("tf32", 1.4), ("bf16-mixed", 2.4)):
        arguments = f"--arch resnet --depth 50 --dataset imagenette --budget smoke --precision {precision}"
        yield Step(f"ResNet-50, {precision}", f"{thousands} thousand images/s on an H100", trains(arguments))
    yield Step("two devices", "a record", two_devices)
    yield Step("--per-gpu 4", "all cells done", side_by_side)
    yield Step("too little memory", "one line with need, free and remedy", out_of_memory)


def tried(step: Step) -> list[str]:
    """Return the step's row; what goes wrong in a check is its outcome."""
    print(f"{step.title} …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            outcome = step.check(Path(folder))
        except Exception as error:  # noqa: BLE001 (the others are tried in any case)
            outcome = Outcome(False, f"{type(error).__name__}: {error}".splitlines()[0])
    verdict = "pass" if outcome.passed else "**fail**"
    return [step.title, step.expected, markdown.escaped(outcome.found), verdict]


def main() -> None:
    if not gpu.usable():
        raise SystemExit("there is no GPU that torch can use here; the checklist needs one")
    rows = [tried(step) for step in steps()]
    print(markdown.table(("step", "expected", "found", "verdict"), rows))


if __name__ == "__main__":
    os.environ.setdefault("WANDB_MODE", "disabled")
    main()
