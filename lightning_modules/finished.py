"""What a finished run left in its folder: its record, and the configuration that another run can learn from."""

from pathlib import Path

from lightning_modules.configuration import Configuration
from lightning_modules.record import Record


def read(path: Path) -> Record:
    """Return the record in a file, which proves itself. Raises ValueError, in one line with the remedy; OSError."""
    try:
        return Record.parse(path.read_bytes(), str(path))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it to run again") from error


def trained(folder: Path) -> Configuration:
    """Return what the run in `folder` trained. Raises ValueError, in one line, unless it ended with a test."""
    try:
        record = read(folder / "record.json")
    except OSError as error:
        raise ValueError(f"{folder} holds no finished run ({error.strerror}: record.json)") from error
    if record.diverged:
        raise ValueError(f"the run in {folder} diverged; choose another teacher")
    return Configuration(**record.config)
