"""Files written whole or not at all."""

import os
import tempfile
from pathlib import Path

UNFINISHED = ".part"


def write(path: Path, *contents: bytes | memoryview, durable: bool = True) -> None:
    """Write the contents one after the other, atomically: beside the target, then renamed over it. Raises OSError.

    durable: wait until the disk has it, which a file that is soon written anew needs not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(contents)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's 0600 would keep others from reading a committed page
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove what killed writes have left in a folder that no other process writes into."""
    for path in folder.glob(f"*{UNFINISHED}"):
        path.unlink(missing_ok=True)
