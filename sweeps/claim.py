"""How a study decides a claim: tests over its variants. What is claimed stands in `reports/papers/claims.toml`."""

from dataclasses import dataclass
from typing import Literal

# What is compared: the test error (the headline) or the training error after the last epoch, or the test error
# averaged over all epochs, which is lower the sooner a network learns, or the test error less the training error
# after the last epoch, all in per cent; or the number of the first epoch whose training error was 25 % or less, which
# a run may not reach.
Measure = Literal["test_error", "train_error", "curve_error", "generalisation_gap", "epochs_to_25"]


@dataclass(frozen=True, kw_only=True)
class Test:
    """What all tests have; `only_on` names the data set on which alone a test is made."""

    measure: Measure = "test_error"
    only_on: str = ""


@dataclass(frozen=True)
class Comparison(Test):
    """ "`times` the error of `lower` is below that of `higher`", if asked with no more parameters."""

    lower: str
    higher: str
    no_more_parameters: bool = False
    times: float = 1.0


@dataclass(frozen=True)
class Trend(Test):
    """ "The error falls along these variants", of which there are three or more."""

    falling: tuple[str, ...]


@dataclass(frozen=True)
class Equivalence(Test):
    """ "The errors of two variants differ by less than `margin` percentage points"."""

    one: str
    other: str
    margin: float


@dataclass(frozen=True)
class NotWorse(Test):
    """ "The error of `variant` is less than `margin` percentage points above that of `than`, if at all"."""

    variant: str
    than: str
    margin: float


@dataclass(frozen=True)
class Rise(Test):
    """ "From the first variant to the second the error rises less in the pair `less` than in the pair `more`"."""

    less: tuple[str, str]
    more: tuple[str, str]

    def __post_init__(self) -> None:
        if len({*self.less, *self.more}) != 4:
            raise ValueError("less and more are two variants each, and none of the four twice")


@dataclass(frozen=True)
class LogLinear(Test):
    """ "Over the logarithm of the multiply-adds the errors of `along` lie on a line, none `margin` points off it"."""

    along: tuple[str, ...]
    margin: float

    def __post_init__(self) -> None:
        if len(set(self.along)) < 3:
            raise ValueError("along is three variants or more: two always lie on a line")


@dataclass(frozen=True)
class AsPrinted(Test):
    """ "The test error is the printed one, give or take `margin` percentage points".

    Only runs of the budget `paper` count for it, and only on the paper's own data sets.
    """

    variant: str
    margin: float


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
    not_worse: tuple[NotWorse, ...] = ()
    rises: tuple[Rise, ...] = ()
    log_linear: tuple[LogLinear, ...] = ()
    as_printed: tuple[AsPrinted, ...] = ()

    @property
    def tests(self) -> tuple[Test, ...]:
        """Return the tests of all kinds."""
        return (
            *self.comparisons,
            *self.trends,
            *self.equivalences,
            *self.not_worse,
            *self.rises,
            *self.log_linear,
            *self.as_printed,
        )


def variants_of(test: Test) -> tuple[str, ...]:
    """Return the variants that a test is about."""
    match test:
        case Comparison(lower, higher):
            return lower, higher
        case Trend(falling):
            return falling
        case LogLinear(along):
            return along
        case Equivalence(one, other):
            return one, other
        case NotWorse(variant, than):
            return variant, than
        case Rise(less, more):
            return less + more
        case AsPrinted(variant):
            return (variant,)
    raise TypeError(f"{test!r} is none of the tests of a claim")
