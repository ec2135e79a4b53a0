"""Highway networks (arXiv:1507.06228): Table 2."""

import torch
from torch import nn

from architectures.counts import Counts
from architectures.highway import HighwayLayer
from reports.printed.figures import Figure
from reports.verdicts.checks import CIFAR, NEGLIGIBLE, exact, part, with_random_weights
from reports.verdicts.complexity import Network

TABLES = ("highway",)
CONVENTION = "all parameters, gates and biases among them; layers with weights on the main path"
DEPTHS = {"Highway A": 11, "Highway B": 19, "Highway C": 32}
EXPLAINED = {
    ("Table 2", "hwA", "params_M"): "the widths of Highway A aren't printed; counted: 11 layers of B's",
    ("Table 2", "hwC", "params_M"): (
        "the widths of Highway C, and which of its layers are 1×1, aren't printed; counted: 32 layers of B's"
    ),
}
# The sigmoid of it is 0 or 1 to the last bit of double precision.
SHUT, OPEN = -1000.0, 1000.0


def network_for(figure: Figure) -> Network | str:
    if figure.arch not in DEPTHS:
        return f"quoted from others: {figure.arch}"
    return Network.of("highway", "cifar", {"depth": DEPTHS[figure.arch]})


def count_for(figure: Figure, counts: Counts) -> float:
    return counts.layers if figure.metric == "layers" else counts.parameters / 1e6


@exact("highway.carry_transform")
def carry_and_transform() -> tuple[bool, str]:
    """Slides; 1507.06228, Equations 3, 4: g = 0 copies x, g = 1 is the layer; a GRU without reset gate and input."""
    random = torch.Generator().manual_seed(0)
    shut, opened, between = (_layer(gate_bias) for gate_bias in (SHUT, OPEN, -1.0))
    channels = part(between, "transform.0", nn.Conv2d).in_channels
    x = torch.randn(2, channels, 5, 5, dtype=torch.double, generator=random)
    with torch.no_grad():
        copies, transforms = torch.equal(shut(x), x), torch.equal(opened(x), opened.transform(x))

        # One step of the recurrent unit for one highway layer, which is fully connected on feature maps of one pixel.
        between.transform[1] = nn.Tanh()
        unit = _gru(between)
        state = torch.randn(4, channels, dtype=torch.double, generator=random)
        step = unit(torch.zeros(4, 1, dtype=torch.double), state)
        gap = (between(state[:, :, None, None]).flatten(1) - step).abs().max().item()
        moved = (step - state).abs().max().item()
    return copies and transforms and gap < NEGLIGIBLE < moved, (
        f"a shut gate gives {'x itself' if copies else 'something else than x'}, an open one "
        f"{'the layer' if transforms else 'something else than the layer'}; a GRU whose reset gate is open and whose "
        f"input is zero takes the same step as a highway layer with tanh (to {gap:.0e})"
    )


def _layer(gate_bias: float) -> HighwayLayer:
    network = with_random_weights("highway", depth=8, gate_bias=gate_bias, **CIFAR)
    return next(module for module in network.modules() if isinstance(module, HighwayLayer))


def _gru(layer: HighwayLayer) -> nn.GRUCell:
    """Return torch's GRU with the weights of a highway layer: h' = (1 - z) · tanh(W h + r · (U h + b)) + z · h.

    So z, what is carried, is one minus the transform gate, whose weights change their signs.
    """
    transform, gate = part(layer, "transform.0", nn.Conv2d), layer.shortcut.gate
    channels = transform.in_channels
    unit = nn.GRUCell(1, channels).double()
    reset, carry, new = (slice(nth * channels, (nth + 1) * channels) for nth in range(3))
    for parameter in unit.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        unit.bias_hh[reset] = OPEN
        unit.weight_hh[carry] = -gate.convolution.weight[:, :, 1, 1]
        unit.bias_hh[carry] = -gate.bias.flatten()
        unit.weight_hh[new] = transform.weight[:, :, 1, 1]
        if transform.bias is not None:
            unit.bias_hh[new] = transform.bias
    return unit
