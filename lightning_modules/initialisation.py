"""Initial weights, as the papers' recipes set them."""

from torch import nn


def initialise(network: nn.Module, scheme: str) -> None:
    """Initialise `network` in place.

    scheme: "he_fan_out" draws convolutions from N(0, 2 / (k·k·maps out)), as fb.resnet.torch does; "he_fan_in"
    from N(0, 2 / (k·k·maps in)) (He et al., Delving Deep into Rectifiers, Eq. 10). Batch normalisation starts
    as the identity, biases at zero; weights of fully connected layers keep torch's uniform draw, which is also
    Torch7's.
    """
    mode = scheme.removeprefix("he_")
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode=mode, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
