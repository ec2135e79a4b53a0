"""Whether W&B can be used is the client's own answer: every form of a login that it has counts, and no other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import architectures
from lightning_modules.configuration import Run, resolve
from lightning_modules.execution import wandb_login
from lightning_modules.tracking import flat
from tests.wandb_server import KEY, WandbServer


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """The home of somebody who has never logged in."""
    for name in [name for name in os.environ if name.startswith("WANDB_") or name == "NETRC"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server():
    with WandbServer() as server:
        yield server


def test_a_login_by_the_clients_own_command_counts(home, server):
    assert "`uv run wandb login`" in wandb_login.refusal()
    wandb = Path(sys.executable).with_name("wandb")
    subprocess.run([wandb, "login", "--host", server.url, KEY], check=True, capture_output=True)
    assert wandb_login.refusal() is None


def test_a_mode_that_is_set_is_kept(home, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert wandb_login.refusal() == "WANDB_MODE is `offline`"


NETRC = "machine {host} login user password " + KEY + "\n"
SETTINGS = "[default]\nbase_url = {url}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "variables", "permissions"),
    [
        ({".netrc": NETRC, ".config/wandb/settings": SETTINGS}, {}, 0o600),
        ({".netrc": NETRC}, {"WANDB_BASE_URL": "{url}"}, 0o600),
        ({"secret/netrc": NETRC}, {"WANDB_BASE_URL": "{url}", "NETRC": "{home}/secret/netrc"}, 0o600),
        ({"_netrc": NETRC}, {"WANDB_BASE_URL": "{url}"}, 0o600),
        ({".netrc": NETRC}, {"WANDB_BASE_URL": "{url}"}, 0o644),
        ({".config/wandb/settings": SETTINGS + f"api_key = {KEY}\n"}, {}, 0o600),
        ({}, {"WANDB_BASE_URL": "{url}", "WANDB_API_KEY": KEY}, 0o600),
    ],
    ids=[
        "settings",
        "WANDB_BASE_URL",
        "NETRC",
        "_netrc",
        "group-readable",
        "key in settings",
        "WANDB_API_KEY",
    ],
)
def test_every_form_of_a_login_counts(home, server, monkeypatch, files, variables, permissions):
    facts = {"url": server.url, "host": server.url.removeprefix("http://"), "home": home}
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**facts))
        path.chmod(permissions)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(**facts))
    assert wandb_login.refusal() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"WANDB_API_KEY": "short"}, "API key must have 40"),
        ({"WANDB_API_KEY": KEY, "WANDB_BASE_URL": "nowhere"}, "base_url"),
        ({"WANDB_API_KEY": KEY, "WANDB_BASE_URL": "http://nowhere.invalid"}, "nowhere.invalid"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(home, monkeypatch, variables, reason):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    said = wandb_login.refusal()
    assert reason in said and "\n" not in said


@pytest.mark.parametrize("arch", sorted(architectures.catalogue()))
def test_the_config_has_every_value_under_a_name_of_its_own(arch):
    for stem in architectures.find(arch).stems:
        dataset = {"cifar": "cifar10", "imagenet": "imagenet"}[stem]
        configuration = resolve(arch, {}, dataset=dataset, budget="smoke", seed=0)
        config = flat(Run(configuration), {"parameters": 1, "mult_adds": 2})
        assert (config["epochs"], config["recipe_epochs"]) == (4, configuration.recipe["epochs"])
        assert config.items() >= configuration.knobs.items()


def test_two_values_under_one_name_are_refused():
    configuration = resolve("resnet", {}, dataset="cifar10", budget="smoke", seed=0)
    with pytest.raises(ValueError, match="two values of a run are called depth"):
        flat(Run(configuration), {"depth": 1})
