"""Exact claims about initial weights (Glorot and Bengio, "Understanding the Difficulty …", AISTATS 2010)."""

from dataclasses import replace

from lightning_modules import recipes
from reports.verdicts.checks import Layer, exact

# So wide that a draw hardly differs from what is expected of it; so deep that a wrong variance shows.
WIDTH, LAYERS, IMAGES = 1024, 10, 256
# So small that tanh is the identity, as its slope f'(0) = 1 says.
SMALL = 1e-3
# Shares by which a draw may miss what is expected of it, and the variance may change over all layers.
OF_VARIANCE, OF_ALL_LAYERS = 0.01, 0.15


@exact("xavier.variance")
def xavier_keeps_the_variance() -> tuple[bool, str]:
    """Slides; Glorot and Bengio, Equations 12 and 16: Var W = 2 / (n_in + n_out), bound √(6 / (n_in + n_out))."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unequal = _xavier(nn.Linear(WIDTH, WIDTH // 2, bias=False)).weight
        layers = [nn.Sequential(nn.Linear(WIDTH, WIDTH, bias=False), nn.Tanh()) for _ in range(LAYERS)]
        network = _xavier(nn.Sequential(*layers))
        x = SMALL * torch.randn(IMAGES, WIDTH)
        probe = torch.randn(IMAGES, WIDTH)
    x.requires_grad_()
    y = network(x)
    (gradient,) = torch.autograd.grad(y, x, probe)

    units = WIDTH + WIDTH // 2
    variance, bound = unequal.var().item() * units / 2, unequal.abs().max().item() / (6 / units) ** 0.5
    forward, backward = (y.var() / x.var()).item(), (gradient.var() / probe.var()).item()
    return (
        abs(variance - 1) < OF_VARIANCE
        and 1 - OF_VARIANCE < bound <= 1
        and max(abs(forward - 1), abs(backward - 1)) < OF_ALL_LAYERS
    ), (
        f"weights from {WIDTH} to {WIDTH // 2} units have {variance:.3f} times the variance 2 / (n_in + n_out) and "
        f"reach to {bound:.3f} times the bound; {LAYERS} layers of {WIDTH} units with tanh leave the signals "
        f"{forward:.2f} times their variance and the gradients {backward:.2f} times (where n_in and n_out differ, "
        f"one grows and the other shrinks)"
    )


def _xavier(network: Layer) -> Layer:
    from lightning_modules.initialisation import initialise

    initialise(network, replace(recipes.find("fb_resnet_cifar"), initialisation="xavier"))
    return network
