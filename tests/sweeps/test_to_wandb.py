"""The W&B sweeps: in step with the studies, over the same cells, and of other budgets beside them."""

import itertools

import pytest
import yaml

from sweeps import study as studies
from sweeps import to_wandb


@pytest.mark.parametrize("name", studies.names())
def test_every_committed_sweep_is_in_step_and_goes_over_the_same_cells(name):
    study, swept = studies.read(name), []
    for sweep_name, datasets in to_wandb.sweeps_of(study).items():
        text = (to_wandb.FOLDER / f"{sweep_name}.yaml").read_text(encoding="utf-8")
        assert text == to_wandb.sweep(study, sweep_name, datasets), "run `uv run -m sweeps.to_wandb`"
        axes = {
            key: spec.get("values", [spec.get("value")])
            for key, spec in yaml.safe_load(text)["parameters"].items()
        }
        assert axes["budget"] == ["paper"]
        points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        assert [point["seed"] for point in points] == sorted(point["seed"] for point in points)
        swept += [(point["study"], point["variant"], point["dataset"], point["seed"]) for point in points]
    study = study.also_on([to_wandb.STAND_IN])
    cells = [(c.study, c.variant, c.dataset, c.seed) for c in studies.cells(study, "paper")]
    assert sorted(swept) == sorted(cells)


def test_no_sweep_is_left_over():
    made = {name for study in map(studies.read, studies.names()) for name in to_wandb.sweeps_of(study)}
    assert {
        path.relative_to(to_wandb.FOLDER).with_suffix("").as_posix() for path in to_wandb.written("paper")
    } == made


def test_sweeps_at_another_budget_leave_the_committed_ones_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(to_wandb, "FOLDER", tmp_path)
    assert to_wandb.main([]) == to_wandb.main(["--budget", "short"]) == to_wandb.main(["--check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * len(to_wandb.written("paper")) and lines[-1].startswith("written: sweeps/short/")
    committed, short = (
        yaml.safe_load((tmp_path / folder / "imagenet" / "vgg_kernel.yaml").read_text(encoding="utf-8"))
        for folder in ("", "short")
    )
    assert (committed.pop("name"), short.pop("name")) == ("vgg_kernel_imagenet", "vgg_kernel_imagenet_short")
    assert committed["parameters"].pop("budget") == {"value": "paper"}
    assert short["parameters"].pop("budget") == {"value": "short"} and short == committed
    (tmp_path / "short" / "left.yaml").write_text("")
    assert to_wandb.main(["--budget", "short", "--check"]) == 1
    assert capsys.readouterr().out == "stale: sweeps/short/left.yaml\n"
