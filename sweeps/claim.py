"""How a study decides a claim: tests over its variants. What is claimed stands in `reports/papers/claims.toml`."""

import itertools
from dataclasses import dataclass
from typing import Literal

from lightning_modules.data import catalogue
from lightning_modules.protocols import PROTOCOLS

# What is compared: the test error (the headline) or the training error after the last epoch, or the test error
# averaged over all epochs, which is lower the sooner a network learns, or the test error less the training error
# after the last epoch, all in per cent; the error of five guesses; or the number of the first epoch whose training error was 25 % or less, which
# a run may not reach.
Measure = Literal[
    "test_error", "top5_error", "train_error", "curve_error", "generalisation_gap", "epochs_to_25"
]  # fmt: skip
OF_EVALUATION: tuple[Measure, ...] = (
    "test_error",
    "top5_error",
)  # what evaluations beside the test have, too


@dataclass(frozen=True, kw_only=True)
class Test:
    """What all tests have; `only_on` names the data set on which alone a test is made."""

    measure: Measure = "test_error"
    only_on: str = ""

    def is_on(self, dataset: str) -> bool:
        """Return whether the test is made on a data set: on any, on that one, or on one in whose place it stands."""
        return self.only_on in ("", dataset, catalogue.find(dataset).stands_in_for)


@dataclass(frozen=True)
class Comparison(Test):
    """ "`times` the error of `lower` is below that of `higher`", if asked with no more parameters.

    lower_evaluation, higher_evaluation: by which protocol each is evaluated; empty, the test. With them one variant can
    be held against itself.
    """

    lower: str
    higher: str
    no_more_parameters: bool = False
    times: float = 1.0
    lower_evaluation: str = ""
    higher_evaluation: str = ""


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


def samples_of(test: Test) -> dict[str, tuple[str, str]]:
    """Return what a test holds against each other: variant and evaluation, empty for the test, by a name for both."""
    evaluations = (
        (test.lower_evaluation, test.higher_evaluation)
        if isinstance(test, Comparison)
        else itertools.repeat("")
    )
    return {
        f"{variant}, {PROTOCOLS[evaluation].title}" if evaluation else variant: (variant, evaluation)
        for variant, evaluation in zip(variants_of(test), evaluations, strict=False)
    }


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
