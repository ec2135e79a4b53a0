"""Exact claims about Xception (Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions",
arXiv 1610.02357).
"""

from reports.verdicts.exact import as_printed, exact, on_meta


@exact("xception.equals_dws")
def equals_dws() -> tuple[bool, str]:
    """Sections 1, 3: Inception's extreme, a 3×3 for every map and a 1×1 across them; Table 3's parameters."""
    import torch
    from torch import nn
    from torch.nn import functional

    from architectures.xception import SeparableConv

    network = on_meta("xception", stem="imagenet", num_classes=1000)
    separable = [module for module in network.modules() if isinstance(module, SeparableConv)]
    depthwise = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.groups > 1]
    alone = all(layer.groups == layer.in_channels == layer.out_channels for layer in depthwise)

    generator = torch.Generator().manual_seed(0)
    layer = SeparableConv(6, 5, "none").double()
    first, second = (m for m in layer if isinstance(m, nn.Conv2d))
    x = torch.randn(2, 6, 7, 7, dtype=torch.double, generator=generator)
    with torch.no_grad():
        kernel = second.weight * first.weight.transpose(0, 1)
        same = torch.allclose(layer(x), functional.conv2d(x, kernel, padding=1))

    counted, evidence = as_printed("xception", lambda figure: figure.row_id == "xc")
    return counted and alone and same and len(separable) == len(depthwise) == 34, (
        f"{len(separable)} separable layers, every map a group of its own; without an activation between them the "
        f"two halves are one convolution; {sum(p.numel() for p in network.parameters()):,} parameters: {evidence}"
    )
