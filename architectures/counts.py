"""What is counted of a network; torch-free, so that counts which are known are read without it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """The parts. Multiply-adds are those of one forward pass of one image; a bias addition counts nothing."""

    conv_weights: int
    fc_weights: int
    biases: int
    norm_scales_and_shifts: int
    other_parameters: int
    conv_mult_adds: int
    fc_mult_adds: int
    layers: int

    @property
    def parameters(self) -> int:
        """Sum every trainable number. DenseNet Table 2, ResNet Table 6; the headline everywhere."""
        return self.weights + self.biases + self.norm_scales_and_shifts + self.other_parameters

    @property
    def weights(self) -> int:
        """Sum the weights only: no normalisation, no biases. ResNeXt Tables 1 and 7."""
        return self.conv_weights + self.fc_weights

    @property
    def mult_adds(self) -> int:
        """Sum those of convolutions and fully connected layers. ResNet Table 1, ResNeXt Table 1."""
        return self.conv_mult_adds + self.fc_mult_adds
