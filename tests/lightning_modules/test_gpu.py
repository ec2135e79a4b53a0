"""A GPU that torch can't use is never passed over in silence: each case in one line that names a remedy."""

import os
import subprocess

import pytest
import torch

import run
from lightning_modules.execution import gpu
from lightning_modules.exit_codes import BAD_INPUT, DONE
from sweeps import slots

NVRM = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\nGCC version: 12\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Pretend a machine: `machine(available=False, cuda="13.0", driver=NVRM)`, with an NVIDIA GPU if it has a driver."""

    def pretend(
        available: bool, cuda: str | None = "13.0", driver: str = "", capability: tuple = (9, 0)
    ) -> None:
        (tmp_path / "version").write_text(driver)
        if driver:
            (tmp_path / "nvidia0").touch()
        monkeypatch.setattr(gpu, "DEVICES", tmp_path)
        monkeypatch.setattr(gpu, "DRIVER", tmp_path / "version")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90", "sm_100a", "compute_120"])
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: capability)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Tesla V100")
        gpu.usable.cache_clear()

    yield pretend
    gpu.usable.cache_clear()


def test_a_gpu_that_works_and_none_at_all(machine):
    machine(available=True, driver=NVRM)
    assert gpu.usable() and slots.gpus() == ["0"]
    machine(available=False)
    assert gpu.present()  # the first machine's file
    (gpu.DEVICES / "nvidia0").unlink()
    assert not gpu.usable() and slots.gpus() == []


def test_torch_is_not_imported_where_linux_shows_no_gpu(machine, monkeypatch):
    machine(available=True)  # it would say so, but isn't asked
    assert not gpu.usable()
    for name in ("nvidia-uvm", "nvhost-gpu", "kfd"):
        (gpu.DEVICES / name).touch()
        gpu.usable.cache_clear()
        assert gpu.usable()
        (gpu.DEVICES / name).unlink()


def test_windows_gpu_seen_from_its_linux_is_nvidias_where_its_tool_is(machine, monkeypatch):
    machine(available=False)
    (gpu.DEVICES / "dxg").touch()
    monkeypatch.setattr(gpu.shutil, "which", lambda name: None)
    assert not gpu.present() and not gpu.usable()
    monkeypatch.setattr(gpu.shutil, "which", lambda name: name)
    gpu.usable.cache_clear()
    with pytest.raises(ValueError, match="an NVIDIA GPU is here"):
        gpu.usable()


@pytest.mark.parametrize(
    ("cuda", "said"),
    [
        (
            "13.0",
            r"driver 535\.129\.03.*can't use it: CUDA 13\.0 needs driver 580 or newer, or take the wheels",
        ),
        ("12.6", r"CUDA 12\.6 needs driver 525 or newer"),
        ("14.1", r"CUDA 14\.1 needs a newer driver"),
        (
            None,
            r"is built without CUDA: install a wheel with it \(README, Machines\); an empty CUDA_VISIBLE_DEVICES",
        ),
    ],
)
def test_a_driver_too_old_and_a_wheel_without_cuda_are_told(machine, cuda, said):
    machine(available=False, cuda=cuda, driver=NVRM)
    with pytest.raises(ValueError, match=said):
        gpu.usable()
    with pytest.raises(ValueError, match="an NVIDIA GPU is here"):
        slots.gpus()


def test_a_gpu_older_than_the_wheels_code_is_told(machine):
    machine(available=True, driver=NVRM, capability=(7, 0))
    with pytest.raises(
        ValueError, match=r"GPU 0 \(Tesla V100\) has compute capability 7\.0, which torch .* no code"
    ):
        gpu.usable()


def test_a_run_is_refused_before_it_takes_the_cpu_and_goes_on_it_if_told(
    machine, monkeypatch, capsys, tmp_path
):
    monkeypatch.chdir(tmp_path)
    machine(available=False, driver=NVRM)
    assert run.main(["--arch", "resnet"]) == BAD_INPUT
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "an NVIDIA GPU is here" in said
    assert run.main(["--arch", "resnet", "--describe"]) == DONE  # which needs no device
    assert (
        run.configure(run.parse(["--arch", "resnet", "--accelerator", "cpu"])).configuration.budget == "smoke"
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    gpu.usable.cache_clear()
    assert run.configure(run.parse(["--arch", "resnet"])).configuration.budget == "smoke"


def test_torch_is_asked_by_cuda_itself_whatever_lightning_has_set(machine, monkeypatch):
    machine(available=False)
    (gpu.DEVICES / "nvidia0").unlink(missing_ok=True)
    (gpu.DEVICES / "kfd").touch()
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    seen = []
    monkeypatch.setattr(
        torch.cuda, "is_available", lambda: bool(seen.append(os.environ.get("PYTORCH_NVML_BASED_CUDA_CHECK")))
    )
    assert not gpu.usable() and seen == [None]
    assert os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] == "1"


def test_the_driver_is_asked_of_its_tool_where_no_file_tells_it(machine, monkeypatch):
    machine(available=False)
    answer = subprocess.CompletedProcess([], 0, "551.23\n551.23\n", "")
    monkeypatch.setattr(gpu.subprocess, "run", lambda *_, **__: answer)
    assert gpu.driver() == "551.23"
