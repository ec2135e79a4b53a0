"""The network that a file's names and shapes belong to: of this project, of torchvision or of timm.

Names identify code as no shapes can: torchvision's ResNet-50 has the tensors of the paper's, and strides elsewhere.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

import architectures
from lightning_modules.configuration import Configuration


@dataclass(frozen=True)
class Reference:
    """A network that others build. name: with its source, "torchvision's resnet50"."""

    name: str
    build: Callable[[], nn.Module]


class OtherShapes(Exception):
    """A network under construction has a parameter that the file has not."""


# What builders raise that need numbers, packages or arguments of their own.
NOT_BUILT = (
    OtherShapes,
    RuntimeError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ImportError,
    AssertionError,
)


def search(
    tensors: Mapping[str, Tensor], classes: int, configuration: Configuration | None
) -> list[Reference]:
    """Return the networks with exactly these names and shapes, those of this project and torchvision first.

    A network is given up at its first parameter of a shape that the file hasn't got, on the meta device: thousands
    take seconds. tensors: without batch counters and auxiliary classifiers, which no evaluation uses.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    left: Counter[tuple[int, ...]] = Counter()

    def give_up(module: nn.Module, name: str, parameter: Tensor | None) -> None:
        if parameter is not None:
            left[tuple(parameter.shape)] -= 1
            if left[tuple(parameter.shape)] < 0:
                raise OtherShapes

    matching = []
    hook = register_module_parameter_registration_hook(give_up)
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for candidate in _candidates(classes, configuration):
                left.clear()
                left.update(shapes.values())
                try:
                    network = candidate.build()
                except NOT_BUILT:
                    continue
                if {name: tuple(t.shape) for name, t in evaluated(network.state_dict()).items()} == shapes:
                    matching.append(candidate)
    finally:
        hook.remove()
    return matching


def evaluated(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that an evaluation uses: no batch counters, no auxiliary classifiers (aux1, AuxLogits)."""
    return {
        name: value
        for name, value in tensors.items()
        if not name.endswith("num_batches_tracked")
        and not any(part.lower().startswith("aux") for part in name.split("."))
    }


def _candidates(classes: int, configuration: Configuration | None) -> Iterator[Reference]:
    if configuration:
        yield from _of_this_project(configuration)
    import timm
    import torchvision

    for library, names, build in (
        (
            "torchvision",
            torchvision.models.list_models(module=torchvision.models),
            torchvision.models.get_model,
        ),
        ("timm", timm.list_models(), timm.create_model),
    ):
        for name in names:
            yield Reference(f"{library}'s {name}", _builder(build, name, classes))


def _builder(build: Callable[..., nn.Module], name: str, classes: int) -> Callable[[], nn.Module]:
    def built() -> nn.Module:
        try:  # GoogLeNet and Inception v3 alone know this argument
            return build(name, num_classes=classes, aux_logits=False)
        except (TypeError, ValueError):
            return build(name, num_classes=classes)

    return built


def _of_this_project(configuration: Configuration) -> Iterator[Reference]:
    """Every other architecture with the configuration's knobs as far as it has them, and with one of them changed."""
    for name, architecture in architectures.catalogue().items():
        if name == configuration.arch or configuration.stem not in architecture.stems:
            continue
        shared = {k: value for k, value in configuration.knobs.items() if k in architecture.knobs}
        for knobs in [shared, *(changed for _, changed in one_knob_changed(name, shared))]:
            build = partial(
                architectures.build, name, stem=configuration.stem, num_classes=configuration.classes, **knobs
            )
            yield Reference(f"this project's {name}", build)


def one_knob_changed(arch: str, knobs: Mapping) -> Iterator[tuple[str, dict]]:
    """Yield the knobs with one choice made otherwise, after the flag that says so, "--stride-in 3x3"."""
    for knob in architectures.find(arch).knobs.values():
        for value in knob.choices or ((True, False) if knob.kind == "bool" else ()):
            if value != knobs.get(knob.name):
                flag = (
                    f"--{knob.name.replace('_', '-')} {str(value).lower() if knob.kind == 'bool' else value}"
                )
                yield flag, {**knobs, knob.name: value}
