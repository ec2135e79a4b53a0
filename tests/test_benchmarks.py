"""The benchmarks' frame: their form, how a page is put together, and what is counted. No test is timed."""

import importlib
import subprocess

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

import benchmarks.__main__ as frame
import run as run_py
from benchmarks import first_gpu, growth, input_chain, networks
from benchmarks.table import Target, compared, take_turns
from lightning_modules.data.batches import EpochSampler, TrainBatches
from lightning_modules.data.preprocessing import Preprocessing


def test_ratios_are_medians_over_the_turns_to_the_first_line():
    text = compared("way", "images/s", {"usual": [1, 2, 9], "ours": [4, 5, 6]}, {"ours": Target(2.5)})
    assert text.splitlines() == [
        "| way   | images/s: median (min–max) | ratio: median (min–max) | wanted           |",
        "| ----- | -------------------------: | ----------------------: | ---------------- |",
        "| usual |                    2 (1–9) |                       1 | —                |",
        "| ours  |                    5 (4–6) |        2.50 (0.67–4.00) | ≥ 2.5: undecided |",
    ]


def test_a_limit_is_reached_or_missed_where_all_turns_agree():
    at_least, at_most = Target(2.0), Target(2.0, at_least=False)
    assert at_least.verdict([2.0, 2.0, 3.0]) == "≥ 2: reached"
    assert at_least.verdict([1.0, 2.0, 3.0]) == "≥ 2: undecided"
    assert at_least.verdict([1.0, 1.9, 2.1]) == "≥ 2: undecided"
    assert at_least.verdict([1.0, 1.8, 1.9]) == "≥ 2: missed"
    assert at_most.verdict([1.0, 1.5, 2.0]) == "≤ 2: reached"
    assert at_most.verdict([1.9, 2.1, 2.2]) == "≤ 2: undecided"
    assert at_most.verdict([2.1]) == "≤ 2: missed"


def test_ways_take_turns():
    called = []
    found = take_turns({"a": lambda: called.append("a") or 1.0, "b": lambda: called.append("b") or 2.0}, 2)
    assert called == ["a", "b", "a", "b"] and found == {"a": [1.0, 1.0], "b": [2.0, 2.0]}


@pytest.fixture
def run(monkeypatch, tmp_path):
    """`run(names, printed)`: the command line, where every benchmark prints the same; the page."""
    monkeypatch.setattr(frame, "RESULTS", tmp_path)
    monkeypatch.setattr(frame, "device", lambda: "Abacus, 2 cores")

    def run(names: list[str], printed: str, code: int = 0) -> str:
        real = subprocess.run

        def measured(command, **options):
            if not command[-1].startswith("benchmarks."):
                return real(command, **options)  # git's
            return subprocess.CompletedProcess(command, code, printed, "Traceback\nOSError: no disk")

        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "run", measured)
            assert frame.main(names) == code
        return (tmp_path / "abacus-2-cores.md").read_text()

    return run


def test_a_page_keeps_the_tables_that_are_not_run_again(run, capsys):
    run(["input_chain", "start_up"], "| old |")
    page = run(["start_up"], "| new |")
    assert page.startswith("<!-- generated") and "# Speed on Abacus, 2 cores" in page
    sections = frame.parts(page)
    assert list(sections) == ["input_chain", "start_up"]
    assert "| old |" in sections["input_chain"] and "| new |" in sections["start_up"]
    assert "| old |" not in sections["start_up"] and "torch" in sections["start_up"]
    assert run(["start_up"], "", code=1) == page
    assert "start_up: OSError: no disk" in capsys.readouterr().err


def test_an_unknown_benchmark_is_refused(capsys):
    assert frame.main(["start_ups"]) == 2
    assert "did you mean start_up?" in capsys.readouterr().err


def test_every_benchmark_says_what_it_measures():
    for path in sorted((frame.RESULTS.parent).glob("*.py")):
        if path.stem not in ("__init__", *frame.NO_BENCHMARK):
            module = importlib.import_module(f"benchmarks.{path.stem}")
            assert module.__doc__.splitlines()[0].endswith("."), path.name
            assert callable(module.main), path.name


def test_what_a_forward_pass_saves_is_counted_once_a_storage():
    images = torch.randn(2, 3, 4, 4)
    # The convolution keeps its input, the ReLU its output, which the second convolution keeps too.
    network = nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU(), nn.Conv2d(5, 1, 1))
    assert growth.saved_bytes(network, images) == 4 * (2 * 3 * 16 + 2 * 5 * 16)


def test_our_networks_are_as_large_as_their_counterparts():
    with torch.device("meta"):
        for title, (arch, knobs, counterpart) in networks.PAIRS.items():
            ours, theirs = (
                sum(parameter.numel() for parameter in network.parameters())
                for network in (networks.build(arch, knobs), counterpart())
            )
            assert ours == pytest.approx(theirs, rel=0.03), title


def test_a_smaller_counterpart_may_be_faster_in_proportion():
    def wanted(ours: int, theirs: int) -> Target:
        return networks.as_fast(nn.Conv2d(3, ours, 1), nn.Conv2d(3, theirs, 1))

    assert wanted(8, 4) == Target(0.5)
    assert wanted(8, 16) == wanted(100, 98) == Target(1.0)  # larger, and the same network but for details


def test_the_profile_of_the_input_names_the_operations_of_a_batch():
    pixels = np.zeros((20, 32, 32, 3), np.uint8)
    how = Preprocessing((1.0,) * 3, (2.0,) * 3)
    batches = TrainBatches(pixels, np.zeros(20, np.int64), batch_size=10, seed=0, preprocessing=how)
    loader = DataLoader(batches, batch_size=None, sampler=EpochSampler(batches))
    _, _, *rows = input_chain.profile(loader, most=50).splitlines()
    shares = [int(row.split("|")[3].strip(" %")) for row in rows]
    assert shares == sorted(shares, reverse=True) and 90 <= sum(shares) <= 105
    assert any("`aten::gather`" in row for row in rows)


def test_the_checklist_of_the_first_gpu_asks_for_what_there_is(monkeypatch, tmp_path):
    """Every command of it is one that run.py takes; none is started here."""
    asked: list[list[str]] = []

    def noted(command: list[str], seconds: float = 0) -> subprocess.CompletedProcess:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "noted")

    monkeypatch.setattr(first_gpu, "execute", noted)
    monkeypatch.setattr(first_gpu.gpu, "driver", lambda: "580.65")
    monkeypatch.setattr(first_gpu.subprocess, "Popen", lambda command, **_: Stopped())
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Abacus")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (9, 0))
    rows = [first_gpu.tried(step) for step in first_gpu.steps()]
    assert len({row[0] for row in rows}) == len(rows)
    assert [row[0] for row in rows if row[-1] == "pass"] == ["driver and capability"]
    commands = [command[1:] for command in asked if command[0] == "run.py"]
    assert len(commands) == 21
    for arguments in commands:
        options = run_py.parse(arguments, run_py.__doc__)
        options.accelerator = "cpu"
        assert run_py.configure(options).configuration.run_id
    compile(first_gpu.WAITS, "waits", "exec")


class Stopped:
    """A process that SIGTERM has ended."""

    returncode = 143
    poll = staticmethod(lambda: 143)
    send_signal = staticmethod(lambda number: None)
    communicate = staticmethod(lambda timeout: ("", ""))


def test_a_check_that_breaks_is_a_failure_and_the_others_go_on(capsys):
    def broken(folder):
        raise OSError("no | disk")

    row = first_gpu.tried(first_gpu.Step("one", "something", broken))
    assert row == ["one", "something", "OSError: no &#124; disk", "**fail**"]
    assert "one …" in capsys.readouterr().err


def test_the_checklist_is_asked_for_by_name(monkeypatch):
    assert first_gpu.__name__.rpartition(".")[2] in frame.benchmark_names()
    assert "first_gpu" not in frame.parse([]) and frame.parse(["first_gpu"]) == ["first_gpu"]
    monkeypatch.setattr(first_gpu.gpu, "usable", lambda: False)
    with pytest.raises(SystemExit, match="there is no GPU"):
        first_gpu.main()
