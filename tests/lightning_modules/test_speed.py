"""How a network is run: chosen by what was measured, the same up to rounding, kept by a run that goes on."""

import copy
import json
from dataclasses import replace

import pytest
import torch
from filelock import FileLock

import architectures
from lightning_modules import training
from lightning_modules.configuration import resolve
from lightning_modules.execution import choice, estimate, memory, settings, tuning
from lightning_modules.execution.estimate import Pace, of_like_runs, timed
from lightning_modules.execution.machine import CannotRun, describe, set_precision
from lightning_modules.execution.settings import ExecutionSettings
from lightning_modules.execution.share import Share, of_this_process
from tests.reports.conftest import facts_of, sealed

HERE = Share("cpu", batch=128)
LAYOUTS = ("channels_last", "contiguous")


def configured(arch: str = "resnet", epochs: int = 4, **knobs):
    return resolve(arch, {"depth": 8} | knobs, dataset="cifar10", budget="smoke", seed=0, epochs=epochs)


def test_the_table_names_families_that_exist_and_turns_where_the_other_layout_wins(monkeypatch):
    families = {architecture.family for architecture in architectures.catalogue().values()}
    assert set(choice.NCHW_TIMES["cpu"]) <= families
    assert choice.of_table(configured(), "cpu").layout == "channels_last"
    monkeypatch.setitem(choice.NCHW_TIMES["cpu"], "resnet", 0.8)
    assert choice.of_table(configured(), "cpu").layout == "contiguous"


@pytest.mark.parametrize(
    ("precision", "layout"),
    [("32-true", "contiguous"), ("tf32", "channels_last"), ("bf16-mixed", "channels_last")],
)
def test_a_gpu_that_nothing_was_measured_on_takes_the_layout_of_its_arithmetic(
    monkeypatch, precision, layout
):
    wanted = replace(configured(), precision=precision)
    assert choice.of_table(wanted, "cuda").layout == layout
    assert str(choice.of_table(wanted, "cuda")) == f"{layout} (not measured on GPUs yet; --tune does)"
    monkeypatch.setitem(choice.NCHW_TIMES["cuda"], "resnet", 1.3)
    assert choice.of_table(wanted, "cuda").layout == "channels_last"


def test_a_run_takes_what_was_measured_on_its_machine_else_the_table_and_goes_on_as_it_began(tmp_path):
    wanted, data = configured(), tmp_path / "data"
    network = training.on_meta(wanted)
    assert choice.choose(wanted, HERE, data, tmp_path, network) == choice.of_table(wanted, "cpu")
    found = [
        tuning.Measured(ExecutionSettings("contiguous"), (0.1, 0.2, 0.3), 0.0),
        tuning.Measured(ExecutionSettings("channels_last"), (0.3,), 0.0),
        tuning.Measured(ExecutionSettings("channels_last", "default"), (0.1,), 2000.0),
    ]
    tuning._remember(wanted, "cpu", data, found)
    chosen = choice.choose(wanted, HERE, data, tmp_path, network)
    assert chosen.layout == "contiguous" and str(data / "speed.json") in str(chosen)

    (tmp_path / "checkpoint.ckpt").touch()
    (data / "speed.json").unlink()
    assert choice.choose(wanted, HERE, data, tmp_path, network) == chosen


def test_a_long_run_is_measured_before_it_begins_once(tmp_path, monkeypatch, capsys):
    measured = [tuning.Measured(ExecutionSettings("contiguous"), (0.1,), 0.0)]
    asked: list[str] = []
    monkeypatch.setattr(tuning, "measure", lambda wanted, share: asked.append(wanted.arch) or measured)

    def choose(folder: str, mult_adds: float) -> ExecutionSettings:
        wanted = configured()
        return choice.choose(wanted, HERE, tmp_path, tmp_path / folder, training.on_meta(wanted), mult_adds)

    assert choose("short", 1e6).layout == "channels_last" and not asked
    assert choose("long", 1e14).layout == "contiguous" and asked == ["resnet"]
    assert "A long run" in capsys.readouterr().out
    assert choose("second", 1e14).layout == "contiguous" and asked == ["resnet"]


def test_a_long_run_begins_even_where_measuring_fails_or_another_is_at_it(tmp_path, monkeypatch, capsys):
    def fails(*_):
        raise RuntimeError("no\ncompiler")

    monkeypatch.setattr(tuning, "measure", fails)
    assert tuning.measured_now(configured(), HERE, tmp_path / "data") is None
    assert "It could not be measured (no compiler)." in capsys.readouterr().out
    with FileLock(tmp_path / "data" / ".tuning.lock"):
        assert tuning.measured_now(configured(), HERE, tmp_path / "data") is None
    assert "Another run is measuring" in capsys.readouterr().out


def test_a_setting_that_the_compiler_fails_at_is_left_out(monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no code for this\nand much more")

    monkeypatch.setattr(tuning, "_modes", lambda *_: (("default",), ""))
    monkeypatch.setattr(tuning, "compiled", lambda network, setting: fails if setting.compiled else None)
    said: list[str] = []
    found = tuning.measure(configured(), HERE, said.append, rounds=1)
    assert [each.setting.compiled for each in found] == ["", ""]
    assert said == [
        f"left out, {layout}, compiled (default) (default): no code for this" for layout in LAYOUTS
    ]


def test_compiling_is_chosen_when_a_run_is_long_enough_to_win_it_back(tmp_path):
    found = [
        tuning.Measured(ExecutionSettings("channels_last"), (0.2,), 0.0),
        tuning.Measured(ExecutionSettings("channels_last", "default"), (0.1,), 3000.0),
    ]
    # 2,500 images an epoch, at a tenth of a second less each
    for epochs, mode in ((4, ""), (40, "default")):
        wanted = configured(epochs=epochs)
        tuning._remember(wanted, "cpu", tmp_path, found)
        assert tuning.recall(wanted, "cpu", tmp_path).compiled == mode


def test_measuring_takes_both_layouts_and_says_why_nothing_is_compiled(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CXX", "no-such-compiler")
    settings.compiler_missing.cache_clear()
    wanted = configured()
    said = []
    found = tuning.measure(wanted, HERE, said.append, rounds=1)
    assert [each.setting.layout for each in found] == ["channels_last", "contiguous"]
    assert all(each.seconds[0] > 0 and each.compiling == 0 for each in found)
    missing = "there is no C++ compiler no-such-compiler; install it or name one in CXX"
    assert said == [f"nothing is compiled: {missing}"]
    settings.compiler_missing.cache_clear()


@pytest.mark.parametrize("arch", ["stochastic_depth", "fractalnet"])
def test_what_the_host_draws_is_drawn_on_a_gpu_too(monkeypatch, arch):
    """Whether a block lives: the GPU's generator stays as it is."""
    wanted = resolve(arch, {}, dataset="cifar10", budget="smoke", seed=0)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: torch.zeros(16, dtype=torch.uint8))
    monkeypatch.setattr(tuning, "compiler_missing", lambda kind: "")
    with torch.device("meta"):
        modes, reason = tuning._modes(wanted.build(), torch.empty(2, 3, 32, 32), "cuda")
    assert not modes and "draws random numbers" in reason


def test_a_compiler_that_fails_on_a_gpu_is_named_before_a_run_meets_it(monkeypatch, tmp_path):
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("Failed to find C compiler\nand much more")

    monkeypatch.setattr(torch, "compile", fails)
    settings.compiler_missing.cache_clear()
    missing = settings.compiler_missing("cuda")
    assert missing.startswith("torch.compile fails here (Failed to find C compiler); it needs")
    (tmp_path / "checkpoint.ckpt").touch()
    (tmp_path / "speed.json").write_text(json.dumps(vars(ExecutionSettings(compiled="default"))))
    chosen = choice.choose(configured(), Share("cuda", 128), tmp_path, tmp_path, network=None)
    assert not chosen.compiled
    settings.compiler_missing.cache_clear()


def test_settings_that_do_not_fit_are_left_out(monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(tuning, "_modes", lambda *_: ((), ""))
    monkeypatch.setattr(tuning, "losses", full)
    said: list[str] = []
    with pytest.raises(CannotRun, match="16 images doesn't fit in the memory of cpu; take more --devices"):
        tuning.measure(configured(), HERE, said.append, rounds=1)
    assert [line.partition(":")[0] for line in said] == [
        "left out, channels_last (default)",
        "left out, contiguous (default)",
    ]


def test_a_step_is_timed_as_the_run_takes_it(monkeypatch):
    """With cuDNN's choice by measurement and the run's precision; the flags are as before afterwards."""
    network, seen = configured().build(), []
    network.register_forward_hook(
        lambda *_: seen.append((torch.backends.cudnn.benchmark, torch.is_autocast_enabled("cpu")))
    )
    before = torch.backends.cudnn.benchmark
    timed(network, 32, "cpu", images=2, precision="bf16-mixed")
    assert set(seen) == {(True, True)} and torch.backends.cudnn.benchmark is before
    seen.clear()
    timed(network, 32, "cpu", images=2, deterministic=True)
    assert set(seen) == {(False, False)}


def test_a_network_that_draws_random_numbers_is_not_compiled_and_keeps_the_layout_of_its_draws():
    wanted = resolve("densenet", {"depth": 10, "dropout": 0.2}, dataset="cifar10", budget="smoke", seed=0)
    said = []
    found = tuning.measure(wanted, HERE, said.append, rounds=1)
    assert [each.setting for each in found] == [ExecutionSettings("channels_last")]
    random, layout = said
    assert (
        random == "nothing is compiled: the network draws random numbers, and compiled it would draw others"
    )
    assert layout.startswith("left out, contiguous")


def test_both_layouts_train_alike_up_to_rounding():
    torch.manual_seed(0)
    first = configured().build()
    images, labels = torch.randn(8, 3, 32, 32), torch.arange(8)
    weights = []
    for layout in ("channels_last", "contiguous"):
        format_ = ExecutionSettings(layout).memory_format
        network = copy.deepcopy(first).to(memory_format=format_)
        stepper = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(2):
            stepper.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(images.to(memory_format=format_)), labels)
            loss.backward()
            stepper.step()
        weights.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-3, atol=1e-4)


def test_what_is_kept_for_the_backward_pass_is_counted_without_values():
    wanted = resolve("densenet", {"depth": 10}, dataset="cifar10", budget="smoke", seed=0)
    counted = []
    for device in ("cpu", "meta"):
        with torch.device(device):
            counted.append(memory.saved_bytes(wanted.build(), torch.empty(2, 3, 32, 32)))
    assert counted[0] == pytest.approx(counted[1], rel=0.01) and counted[0] > 2**20


def test_memory_is_saved_where_the_batch_would_not_fit_and_only_by_networks_that_can(monkeypatch):
    dense = resolve("densenet", {"depth": 10}, dataset="cifar10", budget="smoke", seed=0)
    for free, saves in ((2**40, False), (2**20, True)):
        monkeypatch.setattr(memory, "free", lambda device, free=free: free)
        for wanted, expected in ((dense, saves), (configured(), False)):
            setting = memory.fitted(
                ExecutionSettings(compiled="default"), training.on_meta(wanted), wanted, HERE
            )
            assert setting.saves_memory is expected and bool(setting.compiled) is not expected
            assert ("; not compiled, because it saves memory" in str(setting)) is expected
    monkeypatch.undo()
    assert 2**20 < memory.free("cpu") < 2**62


def test_memory_is_asked_of_the_devices_own_gpu_for_its_own_images(monkeypatch):
    """The batch of 64 doesn't fit one GPU; a quarter of it does."""
    dense = resolve("densenet", {"depth": 10}, dataset="cifar10", budget="smoke", seed=0)
    network, asked = training.on_meta(dense), []
    of_batch = memory.saved_bytes(network, torch.empty(64, 3, 32, 32, device="meta"))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (asked.append(device), of_batch)[1:])
    for devices, saves in (("1", True), ("2,3,4,5", False)):
        share = of_this_process("cuda", 64, devices, 1, visible=8, environment={"LOCAL_RANK": "0"})
        assert memory.fitted(ExecutionSettings(), network, dense, share).saves_memory is saves
    assert asked == ["cuda:0", "cuda:2"]


@pytest.mark.parametrize(
    ("devices", "nodes", "environment", "device", "images"),
    [
        ("1", 1, {}, "cuda:0", 64),
        ("1,", 1, {}, "cuda:1", 64),
        (4, 1, {"LOCAL_RANK": "3"}, "cuda:3", 16),
        ("2,3", 1, {"LOCAL_RANK": "1"}, "cuda:3", 32),
        ("auto", 1, {}, "cuda:0", 8),
        (4, 2, {"SLURM_LOCALID": "2"}, "cuda:2", 8),
    ],
)
def test_the_share_of_a_process(devices, nodes, environment, device, images):
    share = of_this_process("cuda", 64, devices, nodes, visible=8, environment=environment)
    assert (share.device, share.images) == (device, images)


def test_a_setting_that_saves_memory_is_not_compiled_even_if_it_was_remembered_so(tmp_path):
    (tmp_path / "checkpoint.ckpt").touch()
    both = ExecutionSettings("contiguous", "default", True, "somewhere")
    (tmp_path / "speed.json").write_text(json.dumps(vars(both)))
    chosen = choice.choose(configured(), HERE, tmp_path, tmp_path, training.on_meta(configured()))
    assert str(chosen) == "contiguous, saving memory (somewhere; not compiled, because it saves memory)"


def test_tf32_is_a_precision_of_its_own():
    assert set_precision("tf32") == "32-true"
    assert torch.backends.cudnn.allow_tf32 and torch.backends.cuda.matmul.allow_tf32
    assert set_precision("32-true") == "32-true"
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
    assert replace(configured(), precision="tf32").run_id != configured().run_id


def test_a_setting_survives_json(tmp_path):
    (tmp_path / "checkpoint.ckpt").touch()
    whole = ExecutionSettings("contiguous", "", True, "somewhere")
    (tmp_path / "speed.json").write_text(json.dumps(vars(whole)))
    assert choice.choose(configured(), HERE, tmp_path, tmp_path, training.on_meta(configured())) == whole
    assert str(whole) == "contiguous, saving memory (somewhere)"


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"layout": 1, "more": 2}', "null"])
def test_damaged_measurements_are_made_again_and_a_runs_own_setting_is_named(tmp_path, damage):
    configuration = resolve("resnet", {"depth": 8}, dataset="cifar10", budget="smoke", seed=0)
    (tmp_path / "speed.json").write_text(damage)
    assert tuning.recall(configuration, "cpu", tmp_path) is None
    assert tuning._measured_before(tmp_path / "speed.json") in ({}, {"layout": 1, "more": 2})
    (tmp_path / "checkpoint.ckpt").touch()
    with pytest.raises(ValueError, match="speed.json is damaged .*; delete it"):
        choice.choose(configuration, HERE, tmp_path, tmp_path, network=None)


def test_a_step_and_a_forward_pass_are_timed_by_the_image():
    network, seen = configured().build(), []
    network.register_forward_hook(lambda module, *_: seen.append((module.training, torch.is_grad_enabled())))
    pace = timed(network, 32, "cpu", images=32)
    assert set(seen) == {(True, True), (False, False)} and min(pace.training, pace.evaluation) > 0
    halved = pace.on(2)
    assert halved.training == pace.training / 2 and halved.evaluation == pace.evaluation / 2
    seconds = Pace(training=0.1, evaluation=0.02).seconds(4, 2_500, 500, 10_000)
    assert seconds == pytest.approx(4 * 2_500 * 0.1 + (4 * 500 + 10_000) * 0.02)


def test_a_network_too_large_for_a_cpu_is_timed_with_few_images(monkeypatch):
    seen = []
    network = configured().build()
    network.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    monkeypatch.setattr(estimate, "LONGEST_STEP", 0.0)
    timed(network, 32, "cpu", images=128)
    assert set(seen) == {16, 1}


def test_finished_runs_like_it_tell_what_a_run_will_take(tmp_path):
    """Of the same work and machine; the median of those that can be read."""
    wanted = configured(epochs=30)
    machine = describe("cpu", 1, 128, "32-true", ExecutionSettings("channels_last"))

    def finish(name: str, configuration, seconds: float, **changes) -> None:
        facts = facts_of(configuration, 5000, None, None, wall_seconds=seconds)
        folder = tmp_path / name
        folder.mkdir()
        facts = sealed(facts | {"machine": facts["machine"] | machine | changes})
        (folder / "record.json").write_text(json.dumps(facts))

    assert of_like_runs(wanted, machine, tmp_path) is None
    for seed, seconds in enumerate((900.0, 1000.0, 1500.0)):
        finish(f"like-{seed}", replace(configured(), seed=seed), seconds)  # shorter ones tell it, too
    finish("other-network", configured(depth=14), 1.0)
    finish("other-threads", configured(), 1.0, threads=machine["threads"] + 1)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "record.json").write_text('{"arch": "resnet"')
    pace = of_like_runs(wanted, machine, tmp_path)
    assert pace is not None and str(pace) == "by 3 finished runs like it"
    spent = (4, 2_500, 500, 10_000)
    assert pace.seconds(*spent) == pytest.approx(1000.0)
    assert pace.seconds(30, *spent[1:]) > 5 * pace.seconds(*spent)
