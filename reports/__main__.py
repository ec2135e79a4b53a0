"""Make the pages and figures from the committed records and those of this machine; collect, explain, export.

uv run -m reports                        all pages and figures
uv run -m reports STUDY ...              those of these studies
uv run -m reports --check                is what is committed up to date?
uv run -m reports COMMAND --help         what a command takes (what the above take: build --help)
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from architectures.spelling import did_you_mean, number_of
from lightning_modules.commands import Parser, as_typed, refuse
from lightning_modules.execution import environment, gpu
from lightning_modules.execution.estimate import duration
from lightning_modules.exit_codes import DONE, FAILED
from reports.runs import command as records_of_others
from reports.site import command as site
from reports.watch import command as watch
from sweeps import study as studies

HERE = Path(__file__).parent
RECORDS = (HERE / "records", HERE.parent / "runs")
PROGRAM = "uv run -m reports"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, 1 if `--check` finds stale files, 2 for bad input."""
    environment.print_anything()
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        return options.run(options)
    except ValueError as error:
        return refuse(PROGRAM, error)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Return the options, and as `run` the function that does what the command says. Raises ValueError in one line."""
    if not words or words[0] not in (*COMMANDS, "-h", "--help"):
        words = ["build", *words]
    parser = Parser(PROGRAM, __doc__)
    parsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, command in COMMANDS.items():
        summary = as_typed(command.summary)
        of_command = parsers.add_parser(
            name, prog=f"{PROGRAM} {name}", help=summary, description=f"{summary[0].upper()}{summary[1:]}."
        )
        of_command.set_defaults(run=command.run)
        command.add_options(of_command.add_argument)
    return parser.parse_args(words)


def _options_of_build(add: Callable) -> None:
    _add_studies(add, "to make the pages of")
    add(
        "--check",
        action="store_true",
        help="write nothing; name stale files and exit with 1 if there are any",
    )
    add("--publish", metavar="ENTITY/PROJECT", help="send the pages to a W&B Report, too (extra `publish`)")
    add("--out", type=Path, default=HERE, metavar="FOLDER", help="where the pages go (default: reports/)")
    _add_records(add)


def _build(options: argparse.Namespace) -> int:
    if options.check and options.publish:
        raise ValueError("--check writes nothing: leave out --publish, or --check")
    for name in options.studies:
        if name not in studies.names():
            near = did_you_mean(name, [*studies.names(), *COMMANDS])
            raise ValueError(f"{name!r} is neither a study nor a command{near}")
    if options.publish:
        from reports.pages import publish

        publish.check(options.publish)

    from lightning_modules import files
    from reports.pages import build, readme
    from reports.runs import records
    from reports.verdicts import cache, findings

    begun = time.monotonic()
    finished, warnings = records.read(options.records or RECORDS)
    what = ", ".join(options.studies) or f"all pages from {number_of(len(finished), 'record')}"
    print(f"{'comparing' if options.check else 'making'} {what}", file=sys.stderr, flush=True)
    repeats, repeats_left_out = records.repeats(options.records or RECORDS)
    by_claim, findings_left_out = findings.read()
    warnings += repeats_left_out + findings_left_out
    _warn(warnings)
    pages: dict[str, bytes] = {}
    with cache.opened(HERE) as answers:
        for name in options.studies:
            pages |= build.make_study(name, finished, by_claim, repeats)
        if not options.studies:
            pages = build.make(finished, by_claim, warnings, repeats)
            if options.out == HERE:
                pages["../README.md"] = readme.content(finished)
        pages[cache.NAME] = answers.content(only_asked=not options.studies)
    stale = [name for name, content in pages.items() if _differs(options.out / name, content)]
    leftovers = [] if options.studies else build.leftovers(options.out, pages)
    if options.check:
        for name in [*stale, *leftovers]:
            line = f"stale: {options.out.name}/{name}; run `{PROGRAM}` and commit it"
            print(as_typed(line), file=sys.stderr)
        _conclude(f"{len(stale) + len(leftovers)} of {number_of(len(pages), 'file')} stale", begun)
        return FAILED if stale or leftovers else DONE
    for name in stale:
        files.write(options.out / name, pages[name])
        print(f"written: {name}")
    for name in leftovers:
        (options.out / name).unlink()
        print(f"removed: {name}")
    _conclude(f"{len(stale) or 'none'} of {number_of(len(pages), 'file')} changed", begun)
    if options.publish:
        recorded = {record.study for record in finished if record.study}
        print(f"published: {publish.publish(pages, options.publish, recorded)}")
    return DONE


def _conclude(done: str, begun: float) -> None:
    """Print the last line of a command: what was done since it was begun, in seconds of the monotonic clock."""
    print(f"{done}; {duration(time.monotonic() - begun)}", file=sys.stderr)


def _differs(path: Path, content: bytes) -> bool:
    return not path.is_file() or path.read_bytes() != content


def _options_of_collect(add: Callable) -> None:
    add(
        "sources",
        nargs="*",
        type=Path,
        metavar="FOLDER|FILE",
        help="folders that hold <run>/record.json, as another machine's runs/, and files of `contribute` (default: runs/)",
    )


def _collect(options: argparse.Namespace) -> int:
    from reports.runs.collect import collect

    begun, sources = time.monotonic(), options.sources or RECORDS[1:]
    print(f"reading the records in {', '.join(map(str, sources))}", file=sys.stderr, flush=True)
    lines, warnings = collect(sources, RECORDS[0])
    _warn(warnings)
    print(*lines, sep="\n")
    _conclude("collected", begun)
    return DONE


def _options_of_pull(add: Callable) -> None:
    add(
        "sources",
        nargs="+",
        metavar="ENTITY/PROJECT|FOLDER",
        help="a project on W&B's server, or a folder of W&B's offline runs, of which the .wandb logs are enough",
    )


def _pull(options: argparse.Namespace) -> int:
    from reports.runs.collect import Committed, summary
    from reports.runs.pull import is_folder, offline, pull

    committed, counts = Committed(RECORDS[0]), Counter[str]()
    projects = [source for source in options.sources if not is_folder(source)]
    finished, warnings = offline(Path(source) for source in options.sources if source not in projects)
    added, complaints = committed.add(finished)
    counts.update(added.counts)
    _warn(warnings + complaints)
    try:
        for project in projects:
            counts.update(pull(project, committed, lambda line: _warn([line])))
    except KeyboardInterrupt:
        raise ValueError("interrupted; what was fetched is committed, and the same command goes on") from None
    print(*summary(committed, counts), sep="\n")
    return DONE


def _options_of_why(add: Callable) -> None:
    add("row", metavar="STUDY/VARIANT", help="as densenet_bc_compression/bc")
    _add_records(add)


def _why(options: argparse.Namespace) -> int:
    name, _, variant = options.row.partition("/")
    study = studies.read(name)
    study.variant(variant)

    from reports.pages import provenance
    from reports.runs import records
    from reports.verdicts import results

    finished, warnings = records.read(options.records or RECORDS)
    _warn(warnings)
    study = results.as_run(study, finished)
    print(provenance.explain(study, results.collate(study, finished), variant))
    return DONE


def _options_of_export(add: Callable) -> None:
    _add_studies(add, "whose runs are written")
    add("--latex", action="store_true", help="a LaTeX table a study, too")
    add("--out", type=Path, default=Path("export"), metavar="FOLDER", help="default: export/")


def _export(options: argparse.Namespace) -> int:
    from reports.runs import frames

    for path in frames.export(options.studies, options.out, options.latex):
        print(f"written: {path}")
    return DONE


def _options_of_find(add: Callable) -> None:
    add("claims", nargs="*", metavar="CLAIM", help="default: all that an experiment decides")
    add("--device", choices=("cpu", "cuda"), help="default: the GPU if there is one")
    add(
        "--runs-dir",
        type=Path,
        default=RECORDS[1],
        metavar="FOLDER",
        help="runs whose weights are looked into",
    )
    add("--data-dir", type=Path, default=HERE.parent / "data", metavar="FOLDER")
    add(
        "--weights-dir",
        type=Path,
        metavar="FOLDER",
        help="networks that others published, for the experiments on these (reports/others/weights.csv)",
    )


def _find(options: argparse.Namespace) -> int:
    from reports.verdicts import ledger

    for claim in options.claims:
        ledger.find(claim)  # a misspelt one is answered before anything heavy is imported

    from reports.verdicts.experiments import Setup
    from reports.verdicts.find import find

    device = options.device or ("cuda" if gpu.usable() else "cpu")
    setup = Setup(device, options.runs_dir, options.data_dir, options.weights_dir)
    begun = time.monotonic()
    experiments = ", ".join(options.claims) or "every claim that has one"
    print(f"making the experiments of {experiments}, on {device}", file=sys.stderr, flush=True)
    for line in find(options.claims, setup):
        tqdm.write(as_typed(line))  # above a line that shows how far it is
        sys.stdout.flush()
    _conclude("experiments made", begun)
    return DONE


def _add_studies(add: Callable, purpose: str) -> None:
    names = as_typed("`uv run -m sweeps list` names them; default: all")
    add("studies", nargs="*", metavar="STUDY", help=f"studies {purpose} ({names})")


def _add_records(add: Callable) -> None:
    add(
        "--records",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="where the records are (default: reports/records and runs; repeatable)",
    )


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


class Command(NamedTuple):
    """A word after `reports`: what it does, the function that adds its options, and the one that does it."""

    summary: str
    add_options: Callable[[Callable], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS = {
    "build": Command(
        "make pages and figures, which is done without a command, too", _options_of_build, _build
    ),
    "collect": Command("take finished runs into reports/records/", _options_of_collect, _collect),
    "pull": Command("take finished runs from W&B into reports/records/", _options_of_pull, _pull),
    "contribute": Command(
        "pack this machine's records into one file, for others to take in",
        records_of_others.add_options_of_contribute,
        records_of_others.contribute,
    ),
    "check": Command(
        "judge files of `contribute`, and change nothing",
        records_of_others.add_options_of_check,
        records_of_others.check,
    ),
    "why": Command("print where the figures of a row come from", _options_of_why, _why),
    "export": Command("write runs as results.csv, for pandas or a spreadsheet", _options_of_export, _export),
    "find": Command(
        "make the experiments of measured and numeric claims on this machine", _options_of_find, _find
    ),
    "site": Command("make one browsable site of the pages (extra `docs`)", site.add_options, site.run),
    "watch": Command("show a study, or the programme, while its runs go on", watch.add_options, watch.run),
}


if __name__ == "__main__":
    sys.exit(main())
