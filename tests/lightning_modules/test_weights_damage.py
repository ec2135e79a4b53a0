"""A byte flipped anywhere in a file changes no number that is read in silence; damage names its file."""

import hashlib
import random
import struct
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from lightning_modules import training, weights
from lightning_modules.callbacks.checkpointing import AtomicCheckpointIO
from lightning_modules.configuration import resolve


def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {f"layer{i}.weight": torch.randn(16, 16) for i in range(8)}


def checkpoint(path):
    """A checkpoint as Lightning hands it over, and its run."""
    wanted = resolve("resnet", {"depth": 8}, dataset="cifar10", budget="smoke", seed=0)
    tensors = {f"network.{name}": value for name, value in wanted.build().state_dict().items()}
    content = {"state_dict": tensors, "hyper_parameters": {"config": wanted.as_dict()}}
    AtomicCheckpointIO().save_checkpoint(content, path)
    return wanted


def flipped(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]


def complaint(path) -> str | None:
    try:
        weights.read(path)
    except ValueError as error:
        return str(error)
    return None


def test_a_flipped_bit_in_a_checkpoint_is_always_found(tmp_path):
    path, rng = tmp_path / "checkpoint.ckpt", random.Random(0)
    wanted = checkpoint(path)
    whole = path.read_bytes()
    training._check(path, wanted)
    for _ in range(200):
        path.write_bytes(flipped(whole, rng))
        with pytest.raises(training.CannotRun, match=r"checkpoint\.ckpt is damaged; delete it") as error:
            training._check(path, wanted)
        assert "\n" not in str(error.value)
        with pytest.raises(ValueError, match=r"checkpoint\.ckpt"):  # as a teacher, or as --weights
            weights.read(path)


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_flipped_bit_in_a_file_of_weights_is_found_or_changes_nothing(tmp_path, kind):
    path, rng = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth"), random.Random(1)
    if kind == "safetensors":
        save_file(state(), path)
    else:
        torch.save(state(), path, _use_new_zipfile_serialization=kind == "zip")
    whole, expected = path.read_bytes(), weights.read(path)
    assert bool(expected.notes) is (kind != "zip")  # its digest is kept beside it
    for _ in range(80):
        path.write_bytes(flipped(whole, rng))
        if (told := complaint(path)) is not None:
            assert path.name in told and "\n" not in told
            continue
        tensors = weights.read(path).tensors
        assert kind == "zip" and tensors.keys() == expected.tensors.keys()
        assert all(torch.equal(value, tensors[name]) for name, value in expected.tensors.items())


@pytest.mark.parametrize("cut", [1, 10, 60, 71, 72, 93, 94, 500, 5000])
def test_a_checkpoint_that_lost_its_end_is_named(tmp_path, cut):
    path = tmp_path / "checkpoint.ckpt"
    wanted = checkpoint(path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(training.CannotRun, match=r"checkpoint\.ckpt is damaged"):
        training._check(path, wanted)


def test_a_checkpoint_of_another_run_is_named(tmp_path):
    checkpoint(tmp_path / "checkpoint.ckpt")
    other = resolve("resnet", {"depth": 8}, dataset="cifar10", budget="smoke", seed=1)
    with pytest.raises(training.CannotRun, match="is of run .*; delete it"):
        training._check(tmp_path / "checkpoint.ckpt", other)


def test_digests_in_names_are_checked_as_torch_hub_and_hugging_face_write_them(tmp_path):
    digest, tensors = "12345678", state()
    while digest[:8].isdigit():  # which is taken for a date
        tensors["layer0.weight"] += 1
        torch.save(tensors, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
        content = (tmp_path / "w.pth").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
    for name, fits in (
        (f"w-{digest[:8]}.pth", True),
        ("w-0badcafe.pth", False),
        (digest, True),
        ("0" * 63 + "1", False),
    ):
        (tmp_path / name).write_bytes(content)
        if fits:
            assert not weights.read(tmp_path / name).notes
        else:
            with pytest.raises(ValueError, match=f"{name} is damaged, or another file"):
                weights.read(tmp_path / name)
    (tmp_path / "w-20240229.pth").write_bytes(content)  # a date
    assert "has no checksum; compare its SHA-256" in weights.read(tmp_path / "w-20240229.pth").notes[0]


def test_an_archive_that_unpacks_to_much_more_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", bytes(50_000_000))
    with pytest.raises(ValueError, match=r"bomb.pth declares 0.1 GB in 0.0 MB"):
        weights.read(tmp_path / "bomb.pth")


def test_a_header_that_declares_more_than_the_file_has_is_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", 3_000_000_000) + b"{}")
    with pytest.raises(ValueError, match=r"w.safetensors is no file of weights"):
        weights.read(tmp_path / "w.safetensors")


def test_what_killed_saves_left_is_removed_and_a_save_leaves_nothing(tmp_path):
    from lightning_modules import files

    for name in (".checkpoint.ckpt.a1b2.part", "checkpoint.4711.part"):
        (tmp_path / name).touch()
    checkpoint(tmp_path / "checkpoint.ckpt")
    files.remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.ckpt"]


def test_nothing_is_kept_in_a_folder_that_is_closed_even_to_root(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    torch.save(state(), folder / "w.pth", _use_new_zipfile_serialization=False)
    folder.chmod(0o555)
    try:
        assert "not kept beside it: Permission denied" in weights.read(folder / "w.pth").notes[0]
        assert [path.name for path in folder.iterdir()] == ["w.pth"]
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize("seal", [False, True])
def test_a_file_must_have_the_digest_that_its_source_tells(tmp_path, seal):
    path = tmp_path / "w.pth"
    if seal:
        checkpoint(path)
    else:
        torch.save(state(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights.read(path, digests={"a list": digest}).tensors
    with pytest.raises(ValueError, match=r"w\.pth is damaged, or another file: .* and a list says 0000"):
        weights.read(path, digests={"a list": "0" * 64})
