"""Local response normalisation, shared by the families that carry it.

Alex Krizhevsky, Ilya Sutskever, Geoffrey E. Hinton,
"ImageNet Classification with Deep Convolutional Neural Networks", NeurIPS 2012, Section 3.3.
"""

from torch import Tensor, nn
from torch.nn import functional

from architectures.ranges import at_least


def local_response_normalisation(
    k: float = 2.0, n: int = 5, alpha: float = 1e-4, beta: float = 0.75
) -> "LocalResponseNormalisation":
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
    return LocalResponseNormalisation(n, alpha=n * alpha, beta=beta, k=k)


class LocalResponseNormalisation(nn.LocalResponseNorm):
    """torch's layer to the bit, with pooling in two dimensions instead of three.

    A GPU has no deterministic gradient of the latter, and a CPU core takes 1.4 to 1.6 times as long for a step of it
    (8 × 96 × 55 × 55).
    """

    def forward(self, x: Tensor) -> Tensor:
        images, channels, height, width = x.shape
        squares = x.mul(x).reshape(images, 1, channels, height * width)
        padded = functional.pad(squares, (0, 0, self.size // 2, (self.size - 1) // 2))
        means = functional.avg_pool2d(padded, (self.size, 1), stride=1).view(x.shape)
        return x / means.mul(self.alpha).add(self.k).pow(self.beta)
