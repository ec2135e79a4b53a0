"""A file's tensors in a network of this project whatever the file calls them, and whether the two are one function."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

import torch
from torch import Tensor, nn

from lightning_modules.configuration import Configuration
from lightning_modules.weights import references
from lightning_modules.weights.reading import WeightsFile
from lightning_modules.weights.references import Reference, evaluated

# Two builds of one function differ by rounding: by at most these parts of what two images' logits differ, and of the
# largest logit.
OF_SPREAD, OF_LARGEST = 1e-2, 1e-6


@dataclass(frozen=True)
class Fit:
    """What to load. epsilons: of batch normalisation, by layer, where the file's code has others than ours.

    by_name: whether the file has this project's own names. notes: lines that the user should see.
    """

    tensors: dict[str, Tensor]
    epsilons: dict[str, float]
    by_name: bool
    notes: tuple[str, ...]

    def load_into(self, network: nn.Module) -> None:
        """Give a network these weights and ε."""
        network.load_state_dict(self.tensors, strict=False)  # old files lack batch counters
        for name, epsilon in self.epsilons.items():
            network.get_submodule(name).eps = epsilon  # type: ignore[assignment]  # torch types no plain attributes


def fit(network: nn.Module, file: WeightsFile, configuration: Configuration | None = None) -> Fit:
    """Fit the file to a network, by names or, where they differ, by the order of the tensors and every shape.

    The code that has the file's names is looked for (`references.search`); if it is known, its logits and the
    network's must agree, and its ε is taken over. Otherwise the notes say that the order alone decided.
    configuration: of the network, by which a knob that decides can be named.
    Raises ValueError, in one line, if the file doesn't fit, is no finite numbers, or is of another function.
    """
    given = evaluated(file.tensors)
    if evaluated(network.state_dict()).keys() == given.keys():
        return Fit(paired(network, given, file.name), {}, True, file.notes)
    classes = next((t.shape[0] for t in reversed(evaluated(network.state_dict()).values()) if t.ndim), 0)
    known = references.search(given, classes, configuration)
    if not known:
        if list(given) == sorted(given) and len(given) > 2:
            raise ValueError(
                f"{file.name} has its tensors in alphabetical order under names that neither this project, torchvision "
                "nor timm uses: their order is lost; save them in the network's order"
            )
        note = f"{file.name} was fitted by order: no code known here has its names, so it may be another function"
        return Fit(paired(network, given, file.name), {}, False, (*file.notes, note))
    order = [name for name in evaluated(_on_meta(known[0]).state_dict()) if name in given]
    given = {name: given[name] for name in order}
    fitted = Fit(paired(network, given, file.name), {}, False, file.notes)
    names = dict(zip(evaluated(network.state_dict()), order, strict=True))
    resolution = configuration.resolution if configuration else 224
    return _agreeing(network, known, given, fitted, names, resolution, file.name, configuration)


def _agreeing(network, known, given, fitted, names, resolution, source, configuration) -> Fit:
    """The fit with the ε of the first reference whose logits are the network's. Raises ValueError if there is none."""
    others: list[str] = []
    for reference in known:
        theirs = reference.build()
        theirs.load_state_dict(given, strict=False)
        trial = replace(fitted, epsilons=_epsilons(network, theirs, names))
        if _same_function(network, trial, theirs, resolution):
            note = f"{source} has the names of {reference.name}, whose outputs agree with this network's"
            if trial.epsilons:
                note += (
                    f"; its ε of batch normalisation is taken over: {next(iter(trial.epsilons.values())):g}"
                )
            if more := [other.name for other in known if other is not reference]:
                note += f" (also the names of {', '.join(more[:3])}{' …' if len(more) > 3 else ''})"
            return replace(trial, notes=(*fitted.notes, note))
        others.append(reference.name)
    complaint = f"{source} has the names of {' and '.join(list(dict.fromkeys(others))[:2])}, which is another function than this network"
    theirs = known[0].build()
    theirs.load_state_dict(given, strict=False)
    for flag, variant in _neighbours(configuration):
        names_there = dict(zip(evaluated(variant.state_dict()), given, strict=True))
        trial = Fit(paired(variant, given, source), _epsilons(variant, theirs, names_there), False, ())
        if _same_function(variant, trial, theirs, resolution):
            raise ValueError(f"{complaint}; add {flag}")
    raise ValueError(f"{complaint}: their outputs differ; choose another --arch or other knobs")


def _neighbours(configuration: Configuration | None) -> Iterator[tuple[str, nn.Module]]:
    """Yield the networks of as many tensors that differ in one knob from the configuration's, and the knob's flag."""
    if not configuration:
        return
    shapes = [tuple(t.shape) for t in evaluated(configuration.build().state_dict()).values()]
    for flag, knobs in references.one_knob_changed(configuration.arch, configuration.knobs):
        try:
            variant = replace(configuration, knobs=knobs).build()
        except ValueError:
            continue
        if [tuple(t.shape) for t in evaluated(variant.state_dict()).values()] == shapes:
            yield flag, variant


def _same_function(network: nn.Module, fitted: Fit, theirs: nn.Module, resolution: int) -> bool:
    """Whether both give the same logits for random images."""
    fitted.load_into(network)
    images = torch.randn(2, 3, resolution, resolution, generator=torch.Generator().manual_seed(0))
    training = network.training
    try:
        with torch.no_grad():
            ours, expected = network.eval()(images), theirs.eval()(images)
    except RuntimeError:  # a network of one size only, and it isn't this one
        return False
    finally:
        network.train(training)
    spread, largest = (expected[0] - expected[1]).abs().max(), expected.abs().max()
    return bool((ours - expected).abs().max() <= OF_SPREAD * spread + OF_LARGEST * largest)


def _epsilons(ours: nn.Module, theirs: nn.Module, names: Mapping[str, str]) -> dict[str, float]:
    """By our layers, the ε of theirs where it differs; names: ours to theirs."""
    epsilons = {}
    for our_name, their_name in names.items():
        layer, their_layer = our_name.rpartition(".")[0], their_name.rpartition(".")[0]
        epsilon = getattr(theirs.get_submodule(their_layer), "eps", None)
        if our_name.endswith("running_mean") and epsilon not in (None, ours.get_submodule(layer).eps):
            epsilons[layer] = epsilon
    return epsilons


def _on_meta(reference: Reference) -> nn.Module:
    with torch.device("meta"):
        return reference.build()


def paired(network: nn.Module, given: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Return the tensors under the network's own names. Raises ValueError that names the first that doesn't fit."""
    tensors = evaluated(network.state_dict())
    by_name = tensors.keys() == given.keys()
    pairs = [(name, name) for name in tensors] if by_name else list(zip_longest(tensors, given))
    for ours, theirs in pairs:
        if ours is None or theirs is None or _core(tensors[ours]) != _core(given[theirs]):
            raise ValueError(
                f"{source} does not fit this network: {_described(tensors, ours)} would be {_described(given, theirs)} of the file; "
                "other knobs may fit"
            )
        _check_numbers(given[theirs], theirs, source)
    return {ours: given[theirs].reshape(tensors[ours].shape) for ours, theirs in pairs}


def _check_numbers(tensor: Tensor, name: str, source: str) -> None:
    """Raise ValueError unless a tensor holds finite real numbers."""
    if not tensor.is_floating_point() or tensor.layout != torch.strided or tensor.is_meta:
        kind = "no numbers" if tensor.is_meta else str(tensor.dtype).removeprefix("torch.")
        kind += "" if tensor.layout == torch.strided else f", {str(tensor.layout).removeprefix('torch.')}"
        raise ValueError(f"{source}: {name} holds {kind}; save it as dense float32")
    if not torch.isfinite(tensor.float()).all():
        raise ValueError(f"{source}: {name} holds numbers that aren't finite; the file is of no use")


def _core(tensor: Tensor) -> tuple[int, ...]:
    """The shape, the same for a fully connected layer and a 1×1 convolution."""
    return tuple(tensor.shape[:2] if tensor.shape[2:] == (1, 1) else tensor.shape)


def _described(tensors: Mapping[str, Tensor], name: str | None) -> str:
    return f"{name} ({'×'.join(map(str, tensors[name].shape))})" if name else "nothing"
