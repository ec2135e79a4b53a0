"""run.py's command line: answers at once, and bad input gets one clear line and exit code 2."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import run
from lightning_modules import cli, console
from lightning_modules.execution import estimate, run_lock
from lightning_modules.execution.machine import CannotRun, Machine
from tests.reports.conftest import facts_of

ROOT = Path(__file__).parent.parent

EVALUATED = ["--arch", "resnet", "--weights", "none.pth", "--evaluate"]


def refused(capsys, *argv: str) -> str:
    assert run.main(list(argv)) == 2
    said = capsys.readouterr()
    assert said.err.startswith("run.py: ") and said.err.count("\n") == 1, said.err
    return said.err


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ([], "--arch NAME or --study NAME --variant NAME"),
        (["--arch", "densnet_bc"], "did you mean densenet_bc"),
        (["--arch", "densenet_bc", "--compresion", "0.5"], "did you mean --compression"),
        (["--arch", "densenet_bc", "--compression", "half"], "compression: 'half' is not a number"),
        (
            ["--arch", "highway", "--gate-bias", "1e308"],
            "gate_bias: '1e308' is not a number of at most 3.4e38",
        ),
        (["--arch", "resnet", "--recipe.augmentation=--"], "--recipe.augmentation=-- gives no value"),
        (["--arch", "resnet", "\n"], "unknown argument '\\n'; there are"),
        (["--arch", "densenet_bc", "--seeed", "1"], "did you mean --seed"),
        (["--arch", "densenet_bc", "--seed", "one"], "--seed"),
        (["--arch", "densenet_bc", "--seed", "-1"], "seed must be 0 or more"),
        (["--arch", "densenet_bc", "--dataset", "cifar11"], "did you mean cifar10"),
        (["--arch", "densenet_bc", "--budget", "cheap"], "choose from"),
        (["--arch", "densenet_bc", "--batch-size", "0"], "batch_size must be 1 or more, not 0"),
        (["--arch", "densenet_bc", "--lr", "nan"], "--lr is a number in single precision, not 'nan'"),
        (["--arch", "densenet_bc", "--recipe", "densenet"], "densenet_cifar"),
        (["--arch", "densenet_bc", "--variant", "bc"], "add --study"),
        (["--study", "densenet_bc_compresion", "--variant", "bc"], "did you mean densenet_bc_compression"),
        (["--study", "densenet_bc_compression"], "--variant is missing"),
        (["--study", "densenet_bc_compression", "--variant", "bd"], "did you mean"),
        (
            ["--study", "densenet_bc_compression", "--variant", "bc", "--dataset", "svhn"],
            "runs on cifar10, cifar100, imagenet, imagenet_256, imagenette",
        ),
        (["--study", "densenet_bc_compression", "--variant", "bc", "--lr", "1"], "a study fixes its runs"),
        (["--arch", "densenet_bc", "--compression", "1.5"], "compression"),
        (["--arch", "densenet_bc", "--depth", "41"], "41"),
        (["--arch", "resnet", "--resolution", "64"], "resolution on cifar10 must be from 16 to 32, not 64"),
        (["--arch", "resnet", "--dataset", "imagenet", "--resolution", "64"], "from 79 to 600, not 64"),
        (
            ["--arch", "alexnet", "--dataset", "imagenet", "--resolution", "96"],
            "the network can't take images of 96×96",
        ),
        (
            ["--arch", "resnet", "--log-model", "--no-wandb"],
            "--log-model uploads to W&B: leave out --no-wandb",
        ),
        (["--arch", "resnet", "--log-model", "--logger", "csv"], "--log-model uploads to W&B"),
        ([*EVALUATED, "--std", "0,0,0"], "'0,0,0' must be of 0.001 to 1"),
        ([*EVALUATED, "--mean", "nan,0,0"], "'nan,0,0' must be of 0 to 1"),
        ([*EVALUATED, "--mean", "125.3,123,113.9"], "must be of 0 to 1; divide by 255"),
        ([*EVALUATED, "--mean", "0.5,0.5"], "'0.5,0.5' is not three numbers"),
        ([*EVALUATED], "cannot read none.pth (No such file or directory)"),
        (["--weights", "none.pth", "--evaluate"], "cannot read none.pth"),
        (["--arch", "resnet", "--evaluate"], "--evaluate needs --weights FILE"),
        (["--arch", "resnet", "--weights", "w.pth"], "--weights is for the evaluation of given weights: add"),
        (["--arch", "resnet", "--mean", "0.5,0.5,0.5"], "--mean is for the evaluation of given weights: add"),
        (
            ["--arch", "resnet", "--evaluate", "--weights", "w.pth"],
            "cannot read w.pth (No such file or directory)",
        ),
        (["--arch", "resnet", "--evaluate", "--weights", "w.pth", "--mean", "0.5"], "--mean"),
        (
            ["--arch", "resnet", "--evaluate", "--weights", "w.pth", "--evaluation", "ten_crop"],
            "leave out --evaluation and --test-size",
        ),
    ],
)
def test_bad_input_names_the_remedy(argv, complaint, capsys, tmp_path):
    assert complaint in refused(capsys, *argv, "--runs-dir", str(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


LIGHT = """
import importlib, sys
for line in sys.argv[2:]:
    try:
        code = importlib.import_module(sys.argv[1]).main(line.split())
    except SystemExit as stop:
        code = stop.code
    assert code == (0 if line in ("--help", "--list") or line.endswith(" --help") else 2), (line, code)
    heavy = {"torch", "torchvision", "numpy", "pandas", "scipy", "matplotlib", "wandb", "pytorch_lightning"}
    assert not heavy & set(sys.modules), (line, heavy & set(sys.modules))
"""


@pytest.mark.parametrize(
    ("program", "lines"),
    [
        (
            "run",
            ["", "--help", "--list", "--arch densenet_bc --help", "--arch densenet_bc --dept 1"]
            + ["--arch resnet --dataset cifar11", "--arch resnet --seed -1", "--arch resnet --evaluate"]
            + ["--study densenet_bc_compression", "--study densenet_bc_compression --variant bd"],
        ),
        ("lightning_modules.data.imagenet", ["--help", "unpack --help", "shrink nowhere anywhere"]),
        ("reports.__main__", ["--help", "no_study", "why densenet_bc_compression/bd", "find no.claim"]),
        ("sweeps.__main__", ["--help", "list --help", "list no_study"]),
        ("sweeps.local", ["--help", "", "no_study", "densenet_bc_compression --variants bd"]),
        ("sweeps.slurm", ["--help", "no_study --partition gpu"]),
        ("sweeps.to_wandb", ["--help"]),
        ("benchmarks.__main__", ["--help", "no_benchmark"]),
    ],
)
def test_help_list_and_mistakes_import_nothing_heavy(program, lines):
    command = [sys.executable, "-c", LIGHT, program, *lines]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_of_an_architecture_shows_its_knobs_with_the_papers_symbols(capsys):
    with pytest.raises(SystemExit):
        run.main(["--arch", "densenet_bc", "--help"])
    shown = capsys.readouterr().out
    assert "--growth-rate" in shown and "k: channels that each layer adds" in shown and "θ: share" in shown
    assert "--cardinality" not in shown
    assert re.search("weight_decay +float: of L2", shown) and "--weight-decay" in shown


def test_list_names_architectures_data_sets_and_studies(capsys):
    assert run.main(["--list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("densenet_bc", "resnext", "cifar100", "densenet_bc_compression"))


def test_describe_prints_the_papers_table_without_training(capsys):
    assert run.main(["--arch", "densenet_bc", "--describe"]) == 0
    shown = capsys.readouterr().out
    assert "[1×1 conv, 48; 3×3 conv, 12] × 16" in shown and "769,162" in shown


def test_the_full_command_is_the_users_own_at_the_papers_budget():
    asked = ["--arch", "densenet_bc", "--budget=smoke", "--depth", "40", "--epochs", "2"]
    assert console.full_command(asked) == "uv run run.py --arch densenet_bc --depth 40 --budget paper"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "about a second"), (89, "about 89 seconds"), (240, "about 4 minutes"), (2e5, "about 2 days")],
)
def test_durations_are_told_as_precisely_as_they_are_known(seconds, words):
    assert estimate.duration(seconds) == words


def test_a_logger_that_is_not_installed_is_named_with_its_remedy(monkeypatch, capsys):
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    said = refused(capsys, "--arch", "resnet", "--logger", "tensorboard")
    assert "--logger tensorboard needs its package: uv run --with tensorboard" in said


def whole_run(tmp_path: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "tests" / "tiny.py"), "--dataset", "tiny", *argv]
    command += ["--data-dir", str(tmp_path / "data"), "--runs-dir", str(tmp_path / "runs")]
    return subprocess.run(
        command,
        text=True,
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
        | {"PYTHONPATH": str(ROOT)}
        | environment,
    )


def test_without_an_account_the_run_is_offline_and_says_so(tmp_path):
    done = whole_run(
        tmp_path,
        "--arch",
        "resnet",
        "--depth",
        "8",
        "--recipe.lr_milestones",
        "0.3,0.6",
        "--budget",
        "smoke",
        HOME=str(tmp_path),
        CUDA_VISIBLE_DEVICES="",
    )
    assert done.returncode == 0, done.stderr
    assert "2 epochs of 100 images instead of 164 of 200" in done.stdout
    assert "Changed in the recipe: lr_milestones 0.3,0.6 instead of 0.5,0.75." in done.stdout
    assert "--recipe.lr_milestones 0.3,0.6" in done.stdout
    assert "--budget paper" in done.stdout and "wandb sync " in done.stdout
    assert "test error" in done.stdout and "of 103 images" in done.stdout
    assert list(tmp_path.glob("runs/wandb/offline-run-*/*.wandb"))


def test_a_diverging_run_fails_in_one_line_and_that_is_its_record(tmp_path):
    argv = ("--arch", "plain", "--depth", "8", "--budget", "smoke", "--lr", "1e38", "--no-wandb")
    done = whole_run(tmp_path, *argv)
    assert done.returncode == 1 and "a lower --lr may train" in done.stderr and "Traceback" not in done.stderr
    (record,) = (json.loads(path.read_text()) for path in tmp_path.glob("runs/*/record.json"))
    # the one step of the first epoch is the last with a loss that is a number
    assert (record["test"], record["diverged"], record["curve"]["lr"]) == (None, 2, [1e38])
    again = whole_run(tmp_path, *argv)
    assert again.returncode == 1 and "already done: diverged in epoch 2" in again.stdout


def test_two_processes_never_share_a_run(tmp_path, capsys):
    argv = ["--arch", "resnet", "--budget", "paper", "--runs-dir", str(tmp_path)]
    folder = tmp_path / run.configure(run.parse(argv)).configuration.run_id
    folder.mkdir()
    with run_lock.lock(folder):
        assert run.main(argv) == 3
    assert "; --wait waits for it" in capsys.readouterr().err


def test_a_runs_folder_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert "choose another --runs-dir" in refused(
        capsys, "--arch", "densenet_bc", "--budget", "smoke", "--runs-dir", str(tmp_path / "file" / "runs")
    )


def test_a_damaged_record_is_named(tmp_path, capsys):
    argv = ["--arch", "resnet", "--budget", "smoke", "--runs-dir", str(tmp_path)]
    asked = run.configure(run.parse(argv)).configuration
    folder = tmp_path / asked.run_id
    folder.mkdir()
    forged = facts_of(asked, 5_000, None, None) | {"wall_seconds": 1.0}
    for text, complaint in (('{"test": {', "Expecting"), (json.dumps(forged), "its digest doesn't fit")):
        (folder / "record.json").write_text(text)
        said = refused(capsys, *argv)
        assert "record.json is damaged (" in said and complaint in said and "; delete it to run again" in said


def test_a_damaged_checkpoint_is_named(tmp_path):
    arguments = ["--arch", "resnet", "--depth", "8", "--budget", "smoke", "--no-wandb"]
    assert whole_run(tmp_path, *arguments).returncode == 0
    (folder,) = (tmp_path / "runs").iterdir()
    (folder / "record.json").unlink()
    (folder / "checkpoint.ckpt").write_bytes((folder / "checkpoint.ckpt").read_bytes()[:1000])
    done = whole_run(tmp_path, *arguments)
    assert (
        done.returncode == 2
        and "checkpoint.ckpt is damaged" in done.stderr
        and "Traceback" not in done.stderr
    )


def test_a_checkpoint_is_evaluated_as_it_was_trained_or_the_difference_is_refused_by_name(tmp_path, capsys):
    arguments = ("--arch", "resnet", "--depth", "8", "--recipe.normalisation", "mean", "--budget", "smoke")
    trained = whole_run(tmp_path, *arguments, "--no-wandb")
    assert trained.returncode == 0, trained.stderr
    (checkpoint,) = tmp_path.glob("runs/*/checkpoint.ckpt")
    given = ("--weights", str(checkpoint), "--evaluate", "--accelerator", "cpu")

    done = whole_run(tmp_path, *given)
    assert done.returncode == 0, done.stderr
    heading = f"resnet with the weights of checkpoint.ckpt (run {checkpoint.parent.name}) on Tiny"
    assert done.stdout.startswith(heading) and "evaluated in " in done.stdout
    figure = re.search(r"error (\S+ % \(\S+ of 103 images\)) after", trained.stdout)[1]
    assert f"top-1 error {figure}" in done.stdout

    for changes, told in (
        (("--arch", "plain"), "was trained with arch resnet, not plain; leave that out"),
        (("--arch", "resnet", "--depth", "14"), "was trained with depth 8, not 14"),
        (("--arch", "resnet", "--depth-mult", "2"), "was trained with depth_mult 1.0, not 2.0"),
        (("--resolution", "24"), "was trained with resolution 32, not 24"),
        (("--recipe", "densenet_cifar"), "was trained with "),
        (("--recipe.normalisation", "channel"), "was trained with normalisation mean, not channel"),
        (("--dataset", "cifar10"), "was trained with dataset tiny, not cifar10"),
    ):
        assert told in refused(capsys, *given, *changes)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--devices", "0,1", "--accelerator", "cpu"], "--devices 0,1 --strategy auto can't be had here"),
        (["--accelerator", "tpu"], "--accelerator tpu"),
        (["--strategy", "sunshine"], "--strategy sunshine"),
    ],
)
def test_a_machine_that_lightning_refuses_is_one_line(argv, complaint, tmp_path):
    asked = Machine(
        **{flag.removeprefix("--"): value for flag, value in zip(argv[::2], argv[1::2], strict=True)}
    )
    with pytest.raises(CannotRun, match=re.escape(complaint)) as refusal:
        asked.trainer(logger=False, default_root_dir=tmp_path)
    assert "\n" not in str(refusal.value)


def test_a_sweep_may_write_switches_with_their_values():
    options = cli.parse(["--arch", "nin", "--deterministic=True", "--wait=false", "--no-wandb=true"])
    assert options.deterministic and options.no_wandb and not options.wait
    with pytest.raises(ValueError, match="deterministic"):
        cli.parse(["--arch", "nin", "--deterministic=2"])


def test_a_name_that_is_too_long_is_one_line(capsys, tmp_path):
    assert run.main(["--arch", "nin", "--no-wandb", "--runs-dir", str(tmp_path / ("a" * 300))]) == 2
    assert "File name too long" in (error := capsys.readouterr().err) and error.count("\n") == 1


def test_a_console_that_lacks_a_sign_gets_another():
    code = "from lightning_modules.execution import environment; environment.print_anything(); print('a ≤ b')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
    )
    assert done.returncode == 0 and done.stdout.split() == [b"a", b"?", b"b"]
