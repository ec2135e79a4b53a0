"""A claim of a document, and the tests over variants that decide it where it takes training."""

from dataclasses import dataclass
from typing import Literal

# What is compared, in per cent: the test error (the headline) or the training error after the last epoch, or the
# test error averaged over all epochs, which is lower the sooner a network learns.
Measure = Literal["test_error", "train_error", "curve_error"]

# exact: by counting or by an identity; trained: over records; measured: with a stopwatch; numeric: computed from
# a network, trained or random.
KINDS = ("exact", "trained", "measured", "numeric")


@dataclass(frozen=True)
class Comparison:
    """ "The error of `lower` is below that of `higher`", if asked with no more parameters."""

    lower: str
    higher: str
    no_more_parameters: bool = False
    measure: Measure = "test_error"


@dataclass(frozen=True)
class Trend:
    """ "The error falls along these variants", of which there are three or more."""

    falling: tuple[str, ...]
    measure: Measure = "test_error"


@dataclass(frozen=True)
class Equivalence:
    """ "The errors of two variants differ by less than `margin` percentage points"."""

    one: str
    other: str
    margin: float
    measure: Measure = "test_error"


@dataclass(frozen=True)
class Claim:
    """A sentence of a document; `kind` is one of `KINDS`."""

    id: str
    sentence: str
    source: str
    kind: str
    comparisons: tuple[Comparison, ...] = ()
    trends: tuple[Trend, ...] = ()
    equivalences: tuple[Equivalence, ...] = ()

    @property
    def tests(self) -> tuple[Comparison | Trend | Equivalence, ...]:
        """Everything that must hold."""
        return (*self.comparisons, *self.trends, *self.equivalences)


def variants_of(test: Comparison | Trend | Equivalence) -> tuple[str, ...]:
    """The variants that a test is about."""
    match test:
        case Comparison(lower, higher):
            return lower, higher
        case Trend(falling):
            return falling
        case Equivalence(one, other):
            return one, other
