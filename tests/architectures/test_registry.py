"""The catalogue: a family is one file, every mistake is one clear line, and nothing heavy is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

import architectures
from architectures import build, catalogue, find, resolve

MADE_UP = '''
from typing import Literal

from torch import nn

from architectures.registry import Stem, register


@register(cifar={"width": 8})
def tiny(*, stem: Stem, num_classes: int, width: int, rates: tuple[int, ...] = (1, 2), bias: bool = True,
         pool: Literal["max", "average"] = "max", slope: float = 0.1) -> nn.Module:
    """A made-up network.

    Knobs:
        width (w): channels of the only layer,
            on two lines.
        rates: none.
        bias: none.
        pool: none.
        slope (α): none.
    """
    if width < 1:
        raise ValueError(f"width {width} is too small; it must be at least 1")
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(width), nn.Linear(width, num_classes, bias=bias))
'''


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A family that is added by putting one file into a folder of the package."""
    (tmp_path / "made_up.py").write_text(MADE_UP, encoding="utf-8")
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(tmp_path)])
    yield find("tiny")
    sys.modules.pop("architectures.made_up", None)


def test_one_file_adds_an_architecture(tiny):
    assert (tiny.family, tiny.summary, tiny.stems) == ("made_up", "A made-up network.", ("cifar",))
    assert list(tiny.knobs) == ["width", "rates", "bias", "pool", "slope"]
    width = tiny.knobs["width"]
    assert (width.symbol, width.help, width.kind) == ("w", "channels of the only layer, on two lines.", "int")
    assert tiny.knobs["pool"].choices == ("max", "average")
    assert build("tiny", stem="cifar", num_classes=3, width=5)[2].weight.shape == (3, 5)
    assert "densenet_bc" in catalogue()


def test_catalogue_of_another_folder(tmp_path):
    (tmp_path / "made_up.py").write_text(MADE_UP, encoding="utf-8")
    assert list(catalogue([tmp_path])) == ["tiny"]


def test_shared_layers_are_no_families():
    layers = Path(architectures.__file__).parent / "layers"
    assert {path.stem for path in layers.glob("*.py")} >= {"conv_bn", "squeeze_excitation"}
    assert not catalogue([layers])
    families = {architecture.family for architecture in catalogue().values()}
    assert {"resnet", "senet"} <= families
    assert not families & {"layers", *(path.stem for path in layers.glob("*.py"))}


def test_what_the_package_registers():
    assert list(catalogue()) == sorted(catalogue())
    assert {"densenet", "densenet_b", "densenet_c", "densenet_bc", "plain", "resnet", "resnext"} <= set(
        catalogue()
    )
    assert find("densenet_bc").knobs["compression"].symbol == "θ"
    assert resolve("densenet_bc", "imagenet", {"depth": 169}) == {
        "depth": 169, "growth_rate": 32, "compression": 0.5, "dropout": 0.0,
    }  # fmt: skip


def test_a_later_knob_is_silent_at_its_default(tmp_path, monkeypatch):
    later = MADE_UP.replace('{"width": 8})', '{"width": 8}, later=("slope",))')
    (tmp_path / "made_up.py").write_text(later, encoding="utf-8")
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(tmp_path)])
    silent = resolve("tiny", "cifar", {})
    assert list(silent) == ["width", "rates", "bias", "pool"] and find("tiny").knobs["slope"].later
    assert resolve("tiny", "cifar", {"slope": 0.1}) == silent
    assert resolve("tiny", "cifar", {"slope": 0.2}) == silent | {"slope": 0.2}


@pytest.mark.parametrize(
    ("knob", "text", "value"),
    [("width", "12", 12), ("rates", "6,12,24,16", (6, 12, 24, 16)), ("bias", "false", False),
     ("bias", "true", True), ("pool", "average", "average"), ("slope", "1", 1.0), ("slope", "1e-3", 0.001)],
)  # fmt: skip
def test_command_line_values(tiny, knob, text, value):
    parsed = tiny.knobs[knob].parse(text)
    assert parsed == value and type(parsed) is type(value)


@pytest.mark.parametrize(
    ("knob", "text", "meaning"),
    [("width", "1.5", "a whole number"), ("width", "", "a whole number"), ("bias", "maybe", "true or false"),
     ("rates", "1,,2", "whole numbers separated by commas"), ("pool", "mean", "one of max, average"),
     ("slope", "nan", "a number of at most 3.4e38"), ("slope", "half", "a number of at most 3.4e38")],
)  # fmt: skip
def test_command_line_mistakes(tiny, knob, text, meaning):
    with pytest.raises(ValueError, match=f"^{knob}: '{text}' is not {meaning}$"):
        tiny.knobs[knob].parse(text)


def test_types_given_in_python(tiny):
    knobs = resolve("tiny", "cifar", {"slope": 1, "rates": [3]})
    assert knobs["slope"] == 1.0 and isinstance(knobs["slope"], float)
    assert knobs["rates"] == (3,)
    for wrong in (
        {"width": True},
        {"width": 2.0},
        {"bias": 1},
        {"slope": "1"},
        {"rates": [True]},
        {"pool": None},
    ):
        with pytest.raises(ValueError, match="is not"):
            resolve("tiny", "cifar", wrong)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: find("densnet_bc"), "unknown architecture 'densnet_bc'; did you mean densenet_bc"),
        (lambda: find("zzz"), "unknown architecture 'zzz'; there are [0-9]+, such as alexnet, "),
        (lambda: resolve("densenet", "cifar", {"grow_rate": 1}), "'grow_rate'; did you mean growth_rate?"),
        (lambda: resolve("densenet", "cifar", {"stem": "cifar"}), "no knob 'stem'; there are .*depth"),
        (lambda: resolve("densenet", "imagenet", {}), "densenet has no stem 'imagenet'; choose from: cifar"),
        (lambda: build("resnet", stem="cifar", num_classes=0), "resnet: num_classes is 0"),
        (lambda: build("densenet_bc", stem="cifar", num_classes=9, depth=41),
         "densenet_bc: depth 41 is not 6n . 4; the nearest are 40 and 46"),
    ],
)  # fmt: skip
def test_mistakes_name_the_remedy(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("slope (α): none.", "", "slope has no line under 'Knobs:'"),
        ("slope (α): none.", "slope (α): none.\n        gain: none.", "gain is described"),
        ("slope: float = 0.1", "slope: float", "slope has no default for the stem 'cifar'"),
        ("slope: float = 0.1", "slope: float = PI", "default of slope must be written out as literals"),
        ("slope: float = 0.1", 'slope: float = "x"', "slope: 'x' is not a number"),
        ("slope: float = 0.1", "slope: complex = 0.1", "slope is annotated with complex"),
        ("slope: float = 0.1", "slope=0.1", "slope is annotated with nothing"),
        ('"width": 8}', '"width": 8}, later=("gain",)', "gain is described, called later"),
        ('"width": 8}', '"width": 8}, later=LATER', "later must be written out as literals"),
        ("cifar=", "cinic=", "@register takes one or more of: cifar, imagenet"),
        ("(*, stem", "(stem", "every argument must be a named keyword"),
        ('"width": 8', '"height": 8', "width has no default|height is"),
        ("return nn.", "return nn.(", "invalid syntax"),
    ],
)
def test_a_file_that_breaks_the_rules_is_named(tmp_path, old, new, message):
    assert old in MADE_UP
    (tmp_path / "made_up.py").write_text(MADE_UP.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=f"^made_up.py, line .*({message})"):
        catalogue([tmp_path])


def test_a_name_registered_twice(tmp_path):
    for file in ("one.py", "two.py"):
        (tmp_path / file).write_text(MADE_UP, encoding="utf-8")
    with pytest.raises(ValueError, match="'tiny' is registered in one.py and in two.py"):
        catalogue([tmp_path])


def test_listing_imports_neither_torch_nor_a_family():
    code = (
        "import sys, architectures; architectures.catalogue(); "
        "print([m for m in sys.modules if m == 'torch' or m == 'architectures.densenet'])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
