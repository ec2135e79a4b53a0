"""`uv run -m benchmarks`: run the benchmarks one after the other and keep their tables, one page a machine.

    uv run -m benchmarks                    all of them but first_gpu, half an hour on one core
    uv run -m benchmarks epoch input_chain  these; the other tables of the page stay
    uv run -m benchmarks first_gpu          what has to work on a GPU (benchmarks/first_gpu.md), an hour

Every figure is a ratio, or stands beside what it is compared with, and was measured side by side in one run. Nothing
else should run meanwhile.
"""

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import benchmarks
from architectures.spelling import did_you_mean
from lightning_modules import files, provenance
from lightning_modules.commands import Parser, refuse
from lightning_modules.execution import gpu
from lightning_modules.execution.cores import usable_cores
from reports.pages import markdown

RESULTS = Path(__file__).parent / "results"
HEADING = re.compile(r"^## `(\w+)`", re.MULTILINE)
NO_BENCHMARK = ("__main__", "table")
ON_DEMAND = "first_gpu"


def main(argv: list[str]) -> int:
    try:
        chosen = parse(argv)
    except ValueError as error:
        return refuse("benchmarks", error)
    page = RESULTS / f"{machine_name()}.md"
    sections = parts(page.read_text(encoding="utf-8")) if page.exists() else {}
    git = provenance.git_state()  # before the page is written, which is a change of a committed file
    for name in chosen:
        print(f"{name} …", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        errors = (
            None if name == ON_DEMAND else subprocess.PIPE
        )  # its steps take minutes, and are named as they begin
        made = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=errors, text=True)
        if made.returncode:
            if made.stderr:
                print(f"{name}: {made.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return 1
        sections[name] = section(name, made.stdout.strip(), git)
        ordered = [sections[name] for name in benchmark_names() if name in sections]
        files.write(
            page, markdown.page(TITLE.format(device=device()), ABOUT, *ordered, navigation="").encode()
        )
        print(sections[name], flush=True)
    return 0


def parse(argv: list[str]) -> list[str]:
    """Return the benchmarks that the words ask for. Raises ValueError in one line."""
    known = benchmark_names()
    parser = Parser("uv run -m benchmarks", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(known)}")
    chosen = parser.parse_args(argv).names
    for name in chosen:
        if name not in known:
            raise ValueError(f"no benchmark {name!r}{did_you_mean(name, known)}")
    return chosen or [name for name in known if name != ON_DEMAND]


def benchmark_names() -> list[str]:
    """Return the benchmarks that there are."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    return [name for name in names if name not in NO_BENCHMARK]


TITLE = "# Speed on {device}"
ABOUT = (
    "Made by `uv run -m benchmarks` on this machine; other machines have pages of their own. The first line of a table "
    "is what the others are compared with, unless it says otherwise."
)


def section(name: str, table: str, git: dict) -> str:
    """Return what was measured, where and with what, and the table."""
    what = (importlib.import_module(f"benchmarks.{name}").__doc__ or "").partition("\n")[0]
    with_what = ", ".join(f"{package} {version}" for package, version in provenance.versions().items())
    commit = f"{(git['commit'] or 'unknown')[:8]}{' (dirty)' if git['dirty'] else ''}"
    return f"## `{name}`\n\n{what}\n\n{table}\n\n*Commit {commit}, {provenance.now()[:10]}; {with_what}.*"


def parts(page: str) -> dict[str, str]:
    """Return the sections of a page by benchmark."""
    begins = [*HEADING.finditer(page)]
    ends = [*(match.start() for match in begins[1:]), len(page)]
    return {match[1]: page[match.start() : end].strip() for match, end in zip(begins, ends, strict=True)}


def device() -> str:
    from lightning_modules.execution.machine import describe

    kind = "cuda" if gpu.usable() else "cpu"
    cores = "" if kind == "cuda" else f", {usable_cores()} cores"
    return describe(kind, 1, 1, "32-true")["device"] + cores


def machine_name() -> str:
    """Return the machine as the name of a file."""
    return re.sub(r"[^a-z0-9]+", "-", device().lower()).strip("-")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
