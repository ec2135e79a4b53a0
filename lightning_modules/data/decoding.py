"""From the bytes of an image file to its pixels."""

from pathlib import Path

import torch
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image


class BrokenImage(ValueError):
    """The file holds no whole image; the message says why in a few words."""


def read_image(path: Path) -> Tensor:
    """Read pixels (3, H, W) uint8, RGB; grey, palette, CMYK, 16-bit are converted, transparency is dropped.

    Equal to PIL's pixels, bit for bit. Raises BrokenImage for a file that is unreadable, empty, cut short or
    something else; libjpeg itself decides what it makes of a flipped bit.
    """
    try:
        content = path.read_bytes()
        if not content:
            raise BrokenImage("the file is empty")
        image = decode_image(torch.frombuffer(bytearray(content), dtype=torch.uint8), mode=ImageReadMode.RGB)
    except OSError as error:
        raise BrokenImage(error.strerror or str(error)) from error
    except RuntimeError as error:
        raise BrokenImage(str(error).partition(".")[0]) from error
    if image.ndim == 4:  # an animation
        image = image[0]
    return image if image.dtype == torch.uint8 else (image.int() >> 8).to(torch.uint8)
