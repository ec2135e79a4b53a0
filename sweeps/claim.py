"""How a study decides a claim: tests over its variants. What is claimed stands in `reports/papers/claims.toml`."""

from dataclasses import dataclass
from typing import Literal

# What is compared, in per cent: the test error (the headline) or the training error after the last epoch, or the
# test error averaged over all epochs, which is lower the sooner a network learns.
Measure = Literal["test_error", "train_error", "curve_error"]


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
    """A claim by its id, how this study tests it in words, and the tests, all of which must hold.

    Without any test it is one that the page shows because it belongs there, but that needs no records.
    """

    id: str
    tested: str = ""
    comparisons: tuple[Comparison, ...] = ()
    trends: tuple[Trend, ...] = ()
    equivalences: tuple[Equivalence, ...] = ()

    @property
    def tests(self) -> tuple[Comparison | Trend | Equivalence, ...]:
        """All of them."""
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
