"""Whether a file still has the bytes that it was written with: a flipped bit in a weight changes no shape."""

import errno
import hashlib
import os
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

# A seal is the comment at the end of a zip: "sha256:" and the digest of all bytes before it, in hexadecimal.
MARK = b"sha256:"
SEAL_BYTES = len(MARK) + 64

# torch.hub's rule: the first digits of a file's SHA-256 stand in its name, resnet50-11ad3fa6.pth. A date does, too.
HUB = re.compile(r"-(?=[0-9]*[a-f])([0-9a-f]{8,64})$")

# A zip of torch stores its tensors as they are; a compressed one that unpacks to more than this is a bomb.
MOST_COMPRESSION = 10


ANY_WRITE_BIT = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class Damaged(ValueError):
    """A file's bytes are not those that were written; the message is one line that names it."""


def sealed(archive: bytes | memoryview) -> bytes:
    """Return a zip archive without a comment as the same archive with the seal as its comment."""
    body = bytes(archive[:-2]) + SEAL_BYTES.to_bytes(2, "little")
    return body + MARK + hashlib.sha256(body).hexdigest().encode()


def verify(path: Path, digests: Mapping[str, str] = MappingProxyType({})) -> bool:
    """Check the file by what is known of its bytes, and return whether anything was.

    That is our own seal, a digest in a file beside it (`NAME.sha256`), the digest in its name as torch.hub and the
    cache of Hugging Face write it, a zip's checksums, and the given SHA-256 by the source that tells it.
    Raises Damaged, and OSError.
    """
    content = path.read_bytes()
    if _seal(content):
        if content != sealed(content[: -SEAL_BYTES - 2] + b"\0\0"):
            raise Damaged(f"{path} is damaged: its SHA-256 isn't that of its seal")
        if not digests:
            return True
    archive = content.startswith(b"PK\3\4") or zipfile.is_zipfile(path)
    if archive:
        _verify_zip(path)
    digest, expected = hashlib.sha256(content).hexdigest(), {**_expected(path), **digests}
    for source, digits in expected.items():
        if not digest.startswith(digits):
            raise Damaged(
                f"{path} is damaged, or another file: its SHA-256 is {digest[:16]}…, and {source} says {digits[:16]}; "
                "fetch it again"
            )
    return archive or bool(expected)


def keep(path: Path) -> str:
    """Keep the digest of a file without checksums beside it, for `verify`, and return the line that says so."""
    digest, beside = hashlib.sha256(path.read_bytes()).hexdigest(), _beside(path)
    try:
        if not beside.parent.stat().st_mode & ANY_WRITE_BIT:  # which root could pass over
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        beside.write_text(f"{digest}  {path.name}\n", encoding="utf-8")  # as sha256sum writes it
        outcome = f"kept in {beside.name}"
    except OSError as error:
        outcome = f"not kept beside it: {error.strerror}"
    return f"{path.name} has no checksum; compare its SHA-256 with its source's: {digest} ({outcome})"


def _seal(content: bytes) -> bool:
    """Whether the bytes end in a seal or what is left of one."""
    tail = content[-SEAL_BYTES - 22 :]
    end = tail.rfind(b"PK\5\6")  # of a zip: 22 bytes, the comment's length in the last two
    return MARK in tail or end >= 0 and tail[end + 20 : end + 22] == SEAL_BYTES.to_bytes(2, "little")


def _verify_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            declared = sum(entry.file_size for entry in archive.infolist())
            if declared > MOST_COMPRESSION * path.stat().st_size:
                raise Damaged(
                    f"{path} declares {declared / 1e9:.1f} GB in {path.stat().st_size / 1e6:.1f} MB; "
                    "save its state dict anew, uncompressed"
                )
            broken = archive.testzip()
    except Damaged:
        raise
    except Exception as error:  # zipfile raises many kinds for damaged archives
        raise Damaged(f"{path} is damaged: {' '.join(str(error).split())}") from error
    if broken:
        raise Damaged(f"{path} is damaged: the checksum of {broken} differs")


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _expected(path: Path) -> dict[str, str]:
    """Return the first digits of the file's SHA-256 by the source that tells them."""
    expected, beside = {}, _beside(path)
    if beside.is_file():
        words = beside.read_text(encoding="utf-8", errors="replace").split()
        if not words or not re.fullmatch("[0-9a-fA-F]{64}", words[0]):
            raise Damaged(f"{beside} holds no SHA-256; delete it")
        expected[beside.name] = words[0].lower()
    if in_name := HUB.search(path.stem):
        expected["its name"] = in_name[1]
    if re.fullmatch("[0-9a-f]{64}", path.resolve().name):
        expected["the name of its blob"] = path.resolve().name
    return expected
