"""Decoding: PIL's pixels for every kind of file, and a reason for every file that holds no whole image."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_modules.data.decoding import BrokenImage, read_image
from tests.image_folder import jpeg

PICTURE = Image.open(io.BytesIO(jpeg((200, 90, 40), (60, 45))))


def encoded(picture: Image.Image, kind: str = "JPEG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        encoded(PICTURE),
        encoded(PICTURE, progressive=True),
        encoded(PICTURE.convert("L")),
        encoded(PICTURE.convert("CMYK")),
        encoded(PICTURE, "PNG"),
        encoded(PICTURE.convert("P"), "PNG"),
        encoded(PICTURE.convert("RGBA"), "PNG"),
        encoded(PICTURE, "WEBP", lossless=True),
        encoded(PICTURE.convert("P"), "GIF"),
    ],
    ids=["rgb", "progressive", "grey", "cmyk", "png", "palette", "rgba", "webp", "gif"],
)
def test_the_pixels_are_pils(tmp_path, content):
    (tmp_path / "image").write_bytes(content)
    image = read_image(tmp_path / "image")
    expected = np.array(Image.open(io.BytesIO(content)).convert("RGB"))
    assert image.dtype == torch.uint8 and torch.equal(image, torch.from_numpy(expected).permute(2, 0, 1))
    assert image.float().std() > 1


def test_an_animation_gives_its_first_picture(tmp_path):
    second = Image.new("RGB", PICTURE.size)
    PICTURE.convert("P").save(tmp_path / "image", "GIF", save_all=True, append_images=[second])
    assert read_image(tmp_path / "image").float().mean() > 50


def test_sixteen_bits_become_eight(tmp_path):
    values = np.array([[0, 255, 256, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "image", "PNG")
    assert read_image(tmp_path / "image")[0].tolist() == [[0, 0, 1, 255]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (encoded(PICTURE)[:-30], "incomplete or truncated"),
        (encoded(PICTURE)[:200], "incomplete or truncated|JPEG"),
        (encoded(PICTURE, "PNG")[:2000], "Out of bound read"),
        (b"<html>this photo is no longer available</html>", "Unsupported image file"),
    ],
)
def test_what_is_no_whole_image_is_refused_with_its_reason(tmp_path, content, reason):
    (tmp_path / "image").write_bytes(content)
    with pytest.raises(BrokenImage, match=reason):
        read_image(tmp_path / "image")


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(BrokenImage, match="No such file"):
        read_image(tmp_path / "nothing")
    with pytest.raises(BrokenImage, match="Is a directory"):
        read_image(tmp_path)
