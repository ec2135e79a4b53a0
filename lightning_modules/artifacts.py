"""Checkpoints that `--log-model` uploaded to W&B: fetched once, then a run's folder like any other.

Fetching one needs W&B's client, a login and the network; what has been fetched is in the data folder, and a version that
is named by its number, `:v3`, is taken from there without asking anybody.
"""

import argparse
import re
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from lightning_modules import files
from lightning_modules.configuration import Configuration
from lightning_modules.execution.wandb_login import Unreachable, answering, refusal

PREFIX = "wandb:"
MODEL = "model.ckpt"  # in the artifact, as Lightning names it
CHECKPOINT = "checkpoint.ckpt"  # in a run's folder
_NAME = r"([\w-][\w.-]*)"
ADDRESS = re.compile(rf"{PREFIX}{_NAME}/{_NAME}/{_NAME}(?::{_NAME})?")
VERSION = re.compile(r"v\d+")


def localised(options: argparse.Namespace) -> argparse.Namespace:
    """Return run.py's options with files and folders in place of artifacts that they name. Raises ValueError as `folder`."""
    if options.teacher:
        options.teacher = folder(options.teacher, options.data_dir)
    for name in ("weights", "resume_from"):
        place = getattr(options, name)
        if str(place).startswith(PREFIX):
            setattr(options, name, folder(place, options.data_dir) / CHECKPOINT)
    return options


def folder(place: Path, data_dir: Path) -> Path:
    """Return the folder of a run that an option names, with its checkpoint and, once it was finished, its record.

    place: a folder as it is, or `wandb:ENTITY/PROJECT/NAME[:ALIAS]`, which is fetched to `data_dir`/wandb/ unless it is
    there. Raises ValueError, in one line, if it can't be fetched, has no checkpoint or came damaged.
    """
    address = str(place)
    if not address.startswith(PREFIX):
        return place
    if not (parts := ADDRESS.fullmatch(address)):
        raise ValueError(f"{address} is no artifact of W&B's: write {PREFIX}ENTITY/PROJECT/NAME[:ALIAS]")
    entity, project, name, alias = parts.groups(default="latest")
    collection = data_dir / "wandb" / entity / project / name
    if VERSION.fullmatch(alias) and (collection / alias).is_dir():
        return collection / alias
    if reason := refusal():
        raise ValueError(f"{address} cannot be fetched, because {reason}")
    try:
        collection.mkdir(parents=True, exist_ok=True)
        with answering():
            return _fetch(f"{entity}/{project}/{name}:{alias}", collection)
    except Unreachable as error:
        raise ValueError(
            f"{address} cannot be fetched ({error}); check its name and alias, or try again"
        ) from error


def _fetch(path: str, collection: Path) -> Path:
    """Download the artifact's version into its folder in `collection`, if it isn't there; raises whatever W&B's client does."""
    import wandb

    artifact = wandb.Api().artifact(path)
    target = collection / artifact.version
    with FileLock(collection / ".lock"):  # the other processes of a run ask for the same
        if target.is_dir():
            return target
        if MODEL not in artifact.manifest.entries:
            raise ValueError(f"it is of type {artifact.type} and holds no {MODEL}")
        print(f"fetching {path} from W&B ({artifact.size / 1e6:,.1f} MB)", flush=True)
        with tempfile.TemporaryDirectory(dir=collection, prefix=files.UNFINISHED) as unfinished:
            whole = Path(unfinished) / "whole"
            artifact.download(root=str(whole), skip_cache=True)
            artifact.verify(root=str(whole))  # each file's digest, as the manifest has it
            (whole / MODEL).rename(whole / CHECKPOINT)
            shutil.move(whole, target)
    return target


def begin_with(source: Path | None, folder: Path, configuration: Configuration) -> None:
    """Copy a checkpoint of this very run to its folder, from where it goes on; one that is there stays.

    source: None, where the run begins by itself. Raises ValueError, in one line, if the file is damaged or of another run; OSError.
    """
    if source is None:
        return

    from lightning_modules import weights  # takes torch, which an address that is misspelt needs not

    target = folder / CHECKPOINT
    if target.exists():
        print(f"{target} is there already, and the run goes on from it, not from {source}", flush=True)
        return
    saved = weights.read(source).configuration
    if saved is None or saved.run_id != configuration.run_id:
        of = f"run {saved.run_id}" if saved else "no run of this project"
        raise ValueError(
            f"{source} is of {of}, and this is run {configuration.run_id}: give the options that it was begun with"
        )
    files.write(target, source.read_bytes())
