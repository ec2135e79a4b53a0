"""The architectures: plain `nn.Module`s built by name, one family per file.

Nothing here knows of training, tracking, studies or printed figures. Importing this package doesn't
import torch: `architectures.counting` and `architectures.describe` do, and so does `build`.
"""

from architectures.registry import Architecture, Knob, Stem, build, catalogue, find, register, resolve

__all__ = ["Architecture", "Knob", "Stem", "build", "catalogue", "find", "register", "resolve"]
