"""What a recipe is: the numbers of one paper's training, and where they stand. Nothing here imports torch."""

from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, Literal

DecayExempt = Literal["norm", "bias", "depthwise"]

# Images of an epoch, by which papers' iterations become epochs.
CIFAR_IMAGES = 50_000
IMAGENET_IMAGES = 1_281_167

# For a departure: no training on CIFAR has shown yet that the loss falls below chance with these numbers.
NOT_VERIFIED = "Not verified: no training here has shown that it sets out at this rate."

_LATER = "later"


def described(words: str, default: Any = MISSING) -> Any:
    """Declare a field with what it is in words, which `run.py --help` shows."""
    return field(default=default, metadata={"help": words})


def later(default: Any, words: str = "") -> Any:
    """Declare a field, as `described`, that was added after the first records had been committed.

    At its default it means what runs did before it was added, and stays out of the hyperparameters, from which
    a run's id is made: so the ids of those records hold.
    """
    return field(default=default, metadata={_LATER: True, "help": words})


@dataclass(frozen=True)
class Recipe:
    """Optimiser, schedule, initialisation and input of one paper's training.

    Lengths are epochs of the whole training set; a budget may shorten them, and the schedule, whose places are
    shares of the training or the recipe's own epochs, is compressed with them.
    """

    source: str
    departures: tuple[str, ...] = field(default=(), kw_only=True)

    # length and batch
    epochs: int = described("length as the paper has it; to run shorter or longer, give --epochs")
    batch_size: int = described("images of a step, all devices together")
    # optimiser
    lr: float = described("initial learning rate; never scaled with the batch by itself")
    weight_decay: float = described("of L2, added to the gradient")
    momentum: float = described("of SGD or RMSProp", 0.9)
    nesterov: bool = described("Nesterov's momentum, for SGD", True)
    # the Torch and Caffe recipes decay every parameter
    decay_exempt: tuple[DecayExempt, ...] = described("parameters without weight decay", ())
    # schedule "steps"
    lr_milestones: tuple[float, ...] = described(
        "where the rate falls, in shares of the training's steps", (0.5, 0.75)
    )
    lr_factor: float = described("what the rate is multiplied by there", 0.1)
    # initialisation; batch normalisation starts at scale 1, shift 0
    initialisation: Literal[
        "he_fan_in", "he_fan_out", "xavier", "xavier_fan_in", "normal", "truncated_normal"
    ] = described("how weights are drawn", "he_fan_out")
    # input
    normalisation: Literal["channel", "pixel_mean", "mean", "unit"] = described(
        "channel: mean and deviation; pixel_mean: mean image, then to 0-1; mean: the mean colour alone, 0-255 kept; "
        "unit: to 0-1, nothing subtracted",
        "channel",
    )
    augmentation: Literal["standard", "none"] = described(
        'standard: the papers\' "+", pad 4, crop, mirror', "standard"
    )
    padding: Literal["zeros", "reflect"] = described("what is padded with", "zeros")

    # input of ImageNet
    train_crop: Literal["random_sized", "random", "random_of_square", "scale_jitter"] = later(
        "random_sized", "from a training image"
    )
    smallest_area: float = later(0.08, "of random_sized: share of the image's area")
    train_sizes: tuple[int, int] = later((256, 256), "of the other crops: short side, lowest and highest")
    colour: Literal["none", "pca", "jitter_pca"] = later("none", "change of the training images' colours")
    test_size: int = later(256, "short side before the centre crop, which is the network's resolution")
    # optimiser
    optimiser: Literal["sgd", "rmsprop"] = later("sgd", "RMSProp is TensorFlow's")
    rmsprop_decay: float = later(0.9, "of the mean square")
    rmsprop_epsilon: float = later(1.0, "inside the root")
    gradient_clipping: float | None = later(None, "largest norm of the gradient, all parameters together")
    lr_multipliers: tuple[tuple[str, float], ...] = later(
        (), "patterns of parameters' names, and what the rate of these is multiplied by; all that fit count"
    )
    # schedule
    schedule: Literal["steps", "exponential", "linear", "cosine"] = later(
        "steps", "of the learning rate; linear, cosine: to 0"
    )
    lr_factors: tuple[float, ...] = later((), "of steps: a factor for each milestone, instead of lr_factor")
    lr_factor_epochs: float = later(1.0, "of exponential: lr_factor is applied every so many of the epochs")
    warmup: float = later(0.0, "share of the training's steps that are taken at warmup_factor times the rate")
    warmup_factor: float = later(0.1, "of the rate, during the warmup")
    # objective, and the weights that are evaluated
    label_smoothing: float = later(0.0, "share of the target that is spread over all classes")
    soft_weight: float = later(0.0, "share of a teacher's soft targets in what is minimised (with --teacher)")
    temperature: float = later(1.0, "of the soft targets (with --teacher)")
    weight_average: float | None = later(None, "decay of the moving average; none: the last weights")
    # initialisation
    initial_deviation: float = later(0.01, "of normal and truncated_normal")
    initial_deviations: tuple[tuple[str, float], ...] = later(
        (), "patterns of layers' names, and their deviation instead of initial_deviation; the last that fits"
    )
    last_deviation: float | None = later(None, "of the last layer's weights, normal; none: as the others")
    unit_biases: tuple[str, ...] = later((), "layers of the network whose biases start at 1")
    # batch normalisation; None: as the network is built
    bn_momentum: float | None = later(
        None, "share of the new batch, 1 - TensorFlow's decay; none: the network's"
    )
    bn_epsilon: float | None = later(None, "of batch normalisation; none: the network's")

    def __post_init__(self) -> None:
        if self.lr_factors and len(self.lr_factors) != len(self.lr_milestones):
            raise ValueError(
                f"lr_factors has {len(self.lr_factors)} numbers for {len(self.lr_milestones)} milestones"
            )

    def hyperparameters(self) -> dict:
        """Return the numbers alone, JSON-able: what identifies a training, without the prose.

        A later field that says nothing is left out, so that older runs keep their ids.
        """
        values = ((name, getattr(self, name), default) for name, default in _numbers())
        return {name: _lists(value) for name, value, out in values if value != out}

    @classmethod
    def from_hyperparameters(cls, values: dict) -> "Recipe":
        """Return the recipe, without prose, with these `hyperparameters()`; fields left out are filled in."""
        return cls("", **{name: tuples(value) for name, value in values.items()})


def tuples(value: Any) -> Any:
    """Return the value with every list in it, at any depth, as a tuple."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def _lists(value: Any) -> Any:
    return list(map(_lists, value)) if isinstance(value, tuple) else value


@cache
def _numbers() -> list[tuple[str, Any]]:
    """Return the fields that are hyperparameters, each with the value at which it is left out, if any."""
    never = object()
    return [
        (f.name, f.default if _LATER in f.metadata else never)
        for f in fields(Recipe)
        if f.name not in ("source", "departures")
    ]
