"""How far a long command is: one line that is rewritten on a terminal, a line now and then where there is none."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Self, TypeVar

from tqdm import tqdm

from lightning_modules.execution.estimate import duration

LINE_SECONDS = 10
BAR = "{desc} {percentage:3.0f} %|{bar:24}| {elapsed}, {remaining} left{postfix}"
Item = TypeVar("Item")


class Steps:
    """Counts equal steps and shows their share and the time left.

    done: what the share is of, with its participle ("of the test images evaluated"). stream: of the lines that are
    printed where there is no terminal. long: each step takes so long that there, it is named before it begins.
    """

    def __init__(self, total: int, done: str, stream: IO[str] | None = None, *, long: bool = False) -> None:
        self.total, self.done, self.stream, self.long = total, done, stream or sys.stderr, long
        self.taken = 0
        self.begun = self.shown = time.monotonic()
        on_terminal = sys.stderr.isatty()
        self.bar = tqdm(total=total, bar_format=BAR, dynamic_ncols=True, leave=False) if on_terminal else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the line off the terminal."""
        if self.bar is not None:
            self.bar.close()

    def each(self, items: Iterable[Item], title: Callable[[Item], str] = str) -> Iterator[Item]:
        """Yield the items, each a step, under its title."""
        for item in items:
            if self.bar is not None:
                self.bar.set_description_str(title(item))
            elif self.long:
                print(f"{self.taken + 1} of {self.total}: {title(item)}", file=self.stream, flush=True)
            yield item
            self.advance()

    def advance(self) -> None:
        """Count a step."""
        self.taken += 1
        if self.bar is not None:
            self.bar.update()
        elif not self.long and self.taken < self.total and time.monotonic() - self.shown > LINE_SECONDS:
            self.shown = time.monotonic()
            left = duration((self.shown - self.begun) / self.taken * (self.total - self.taken))
            print(f"{self.taken / self.total:4.0%} {self.done}, {left} left", file=self.stream, flush=True)

    @property
    def seconds(self) -> float:
        """Return the seconds since the first step began."""
        return time.monotonic() - self.begun
