"""The options of `python -m reports site`, and what it does."""

import argparse
import importlib.util
from collections.abc import Callable
from pathlib import Path

from lightning_modules.exit_codes import DONE, FAILED

FOLDER = Path(__file__).parents[2] / "site"


def add_options(add: Callable) -> None:
    """Add the options by argparse's `add_argument`."""
    add("--out", type=Path, default=FOLDER, metavar="FOLDER", help="where the site goes (default: site/)")


def run(options: argparse.Namespace) -> int:
    """Build the site from the pages as they lie there. Returns 1 if Sphinx complains; raises ValueError, in one line."""
    if not all(importlib.util.find_spec(name) for name in ("sphinx", "myst_parser", "pydata_sphinx_theme")):
        raise ValueError(
            "a site needs Sphinx: uv run --extra docs …, or pip install sphinx myst-parser pydata-sphinx-theme"
        )

    from reports.site.build import build

    print(f"building the site in {options.out}, which takes about half a minute", flush=True)
    try:
        flawless = build(options.out)
    except OSError as error:
        raise ValueError(f"cannot write to {options.out} ({error.strerror}); choose another --out") from error
    print(f"open {options.out / 'index.html'}")
    return DONE if flawless else FAILED
