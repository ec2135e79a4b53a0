"""What each committed picture was drawn from: it is drawn again when its points or the code that draws them change.

Drawing takes a fifth of a second a picture and seconds to import; a fresh clone need not, because `drawn.json` is
committed with a fingerprint of the code. A picture that isn't as it was drawn is drawn anew.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reports.plots import picture
from reports.verdicts import remembered

NAME = "drawn.json"
CODE = ("reports/plots/*.py", "reports/verdicts/statistics.py")


class Drawn:
    """The pictures that have been asked for since the beginning, as the content of the file."""

    def content(self) -> bytes:
        """The same for the same pictures, drawn or found; a line a picture: digests of its source and of its bytes."""
        made = {path: f"{key} {_digest(picture.DRAWN[key])}" for path, key in sorted(picture.USED.items())}
        kept = {"code": remembered.fingerprint(CODE), "pictures": made}
        return (json.dumps(kept, indent=0) + "\n").encode()


@contextmanager
def pictures(folder: Path) -> Iterator[Drawn]:
    """Take the pictures of the folder that its file knows, if they came from the present code."""
    picture.USED.clear()
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        kept = json.loads((folder / NAME).read_text(encoding="utf-8"))
        known = kept["pictures"] if kept["code"] == remembered.fingerprint(CODE) else {}
        for path, (key, digest) in ((path, line.split()) for path, line in known.items()):
            content = (folder / path).read_bytes() if (folder / path).is_file() else b""
            if _digest(content) == digest:
                picture.DRAWN[key] = content
    yield Drawn()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
