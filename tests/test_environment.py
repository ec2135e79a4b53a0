"""One environment, however it is installed: pyproject.toml declares it, requirements.lock fixes its versions."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKED = (ROOT / "requirements.lock").read_text()
LOCK = [line.removesuffix(" \\") for line in LOCKED.splitlines() if line.strip() and not line.startswith(" ")]
UPDATE = (
    "run `uv lock --upgrade && uv export --no-header --no-annotate --all-groups --all-extras -o requirements.lock` "
    "and copy its lines, without the hashes, into [tool.uv] constraint-dependencies"
)


def test_uv_and_pip_install_the_same_versions():
    assert PYPROJECT["tool"]["uv"]["constraint-dependencies"] == LOCK, UPDATE


def test_conda_installs_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert {"pip": ["-r requirements.lock"]} in environment["dependencies"]


@pytest.mark.parametrize(
    "declared",
    [
        *PYPROJECT["project"]["dependencies"],
        *(one for extra in PYPROJECT["project"]["optional-dependencies"].values() for one in extra),
        *PYPROJECT["dependency-groups"]["dev"],
    ],
)
def test_the_lock_satisfies_what_is_declared(declared):
    wanted = Requirement(declared)
    locked = [line for line in map(Requirement, LOCK) if line.name == wanted.name]
    assert locked, UPDATE
    for line in locked:
        (pin,) = line.specifier
        assert pin.operator == "==" and wanted.specifier.contains(pin.version, prereleases=True), UPDATE


def test_every_version_has_hashes():
    """A malicious upload under a pinned version has happened; pip refuses what doesn't fit its hash."""
    for entry in re.split(r"\n(?=\S)", LOCKED.strip()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


def test_the_lock_holds_no_address():
    assert not [line for line in LOCKED.splitlines() if re.search(r"://|@|\.whl", line)]
