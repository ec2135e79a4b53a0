"""Local response normalisation, shared by the families that carry it.

Alex Krizhevsky, Ilya Sutskever, Geoffrey E. Hinton,
"ImageNet Classification with Deep Convolutional Neural Networks", NeurIPS 2012, Section 3.3.
"""

from torch import nn

from architectures.ranges import at_least


def local_response_normalisation(
    k: float = 2.0, n: int = 5, alpha: float = 1e-4, beta: float = 0.75
) -> nn.LocalResponseNorm:
    """Return the layer b_i = a_i / (k + α Σ a_j²)^β, the sum over the n channels around i; the shape stays.

    torch takes the mean over the n channels where the paper takes the sum, hence n · α. Caffe's networks pass
    α = 1e-4 to such a mean, and k = 1: they aren't the paper's.

    Raises:
        ValueError: n is even, so that no window lies around a channel, or a constant isn't positive.
    """
    at_least("lrn_n", n, 1)
    if n % 2 == 0:
        raise ValueError(f"lrn_n {n} is even; a window around a channel is odd, such as {n - 1} or {n + 1}")
    for name, value in (("lrn_k", k), ("lrn_alpha", alpha), ("lrn_beta", beta)):
        if value <= 0:
            raise ValueError(f"{name} {value} is not positive; lrn false leaves the normalisation out")
    return nn.LocalResponseNorm(n, alpha=n * alpha, beta=beta, k=k)
