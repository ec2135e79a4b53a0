"""`python -m reports`: make the pages and figures from the committed records and those of this machine."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lightning_modules.execution import environment
from lightning_modules.exit_codes import BAD_INPUT, DONE, FAILED
from sweeps import study as studies

HERE = Path(__file__).parent
RECORDS = (HERE / "records", HERE.parent / "runs")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, 1 if `--check` finds stale files, 2 for bad input."""
    environment.print_anything()
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__, epilog=EPILOG)
    parser.add_argument(
        "words", nargs="*", metavar="STUDY", help="studies to make the pages of (default: all)"
    )
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument(
        "--check", action="store_true", help="write nothing; name stale files and exit 1 if any"
    )
    ends.add_argument(
        "--publish", metavar="ENTITY/PROJECT", help="send the pages to a W&B Report too (extra `publish`)"
    )
    parser.add_argument("--latex", action="store_true", help="with `export`, tables for a paper, too")
    parser.add_argument("--out", type=Path, default=HERE, help="where the pages go (default: reports/)")
    parser.add_argument(
        "--records",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="where the records are (default: reports/records and runs; repeatable)",
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), help="what experiments run on (default: the GPU if there is one)"
    )
    parser.add_argument(
        "--runs-dir", type=Path, default=HERE.parent / "runs", help="runs whose weights experiments look into"
    )
    parser.add_argument("--data-dir", type=Path, default=HERE.parent / "data")
    parser.add_argument(
        "--weights-dir",
        type=Path,
        metavar="FOLDER",
        help="networks that others published, for the experiments on these (reports/others/weights.csv)",
    )
    options = parser.parse_args(arguments)
    command, rest = options.words[:1], options.words[1:]
    try:
        if command == ["collect"]:
            return _collect([Path(name) for name in rest] or RECORDS[1:])
        if command == ["pull"] and rest:
            return _pull(rest)
        if command == ["why"] and len(rest) == 1:
            return _why(rest[0], options.records or RECORDS)
        if command == ["export"]:
            return _export(rest, options)
        if command == ["find"]:
            return _find(rest, options)
        return _pages(options)
    except ValueError as error:
        print(f"python -m reports: {error}", file=sys.stderr)
        return BAD_INPUT


EPILOG = (
    "`python -m reports collect [FOLDER ...]` takes finished runs from runs/, or from such folders of other machines, "
    "into reports/records/; `python -m reports pull ENTITY/PROJECT` takes them from W&B, `pull FOLDER ...` from its "
    "offline runs; `python -m reports why STUDY/VARIANT` prints where a row's figures come from; "
    "`python -m reports export [STUDY ...] [--latex]` writes the runs as results.csv, and a LaTeX table a study; "
    "`python -m reports find [CLAIM ...]` makes the experiments of measured and numeric claims on this machine."
)


def _collect(folders: Sequence[Path]) -> int:
    from reports.runs.collect import collect

    lines, warnings = collect(folders, RECORDS[0])
    _warn(warnings)
    print(*lines, sep="\n")
    return DONE


def _pull(sources: Sequence[str]) -> int:
    from reports.runs.collect import Committed, summary
    from reports.runs.pull import is_folder, offline, pull

    committed, counts = Committed(RECORDS[0]), Counter[str]()
    projects = [source for source in sources if not is_folder(source)]
    finished, warnings = offline(Path(source) for source in sources if source not in projects)
    added, complaints = committed.add(finished)
    counts.update(added.counts)
    _warn(warnings + complaints)
    try:
        for project in projects:
            counts.update(pull(project, committed, lambda line: _warn([line])))
    except KeyboardInterrupt:
        raise ValueError("interrupted; what was fetched is committed, and the same command goes on") from None
    print(*summary(committed, counts, added.repeats), sep="\n")
    return DONE


def _why(row: str, folders: Sequence[Path]) -> int:
    name, _, variant = row.partition("/")
    study = studies.read(name)
    study.variant(variant)

    from reports.pages import provenance
    from reports.runs import records
    from reports.verdicts import results

    finished, warnings = records.read(folders)
    _warn(warnings)
    print(provenance.explain(study, results.collate(study, finished), variant))
    return DONE


def _export(names: list[str], options: argparse.Namespace) -> int:
    from reports.runs import frames

    for path in frames.export(names, Path("export") if options.out == HERE else options.out, options.latex):
        print(f"written: {path}")
    return 0


def _find(claims: list[str], options: argparse.Namespace) -> int:
    from reports.verdicts import ledger

    for claim in claims:
        ledger.find(claim)  # a misspelt one is answered before anything heavy is imported

    import torch

    from reports.verdicts.experiments import Setup
    from reports.verdicts.find import find

    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    setup = Setup(device, options.runs_dir, options.data_dir, options.weights_dir)
    for line in find(claims, setup):
        print(line, flush=True)
    return DONE


def _pages(options: argparse.Namespace) -> int:
    for name in options.words:
        studies.read(name)
    if options.publish:
        from reports.pages import publish

        publish.check(options.publish)

    from lightning_modules import files
    from reports.pages import build, readme
    from reports.runs import records
    from reports.verdicts import cache, findings

    finished, warnings = records.read(options.records or RECORDS)
    repeats, repeats_left_out = records.repeats(options.records or RECORDS)
    by_claim, findings_left_out = findings.read()
    warnings += repeats_left_out + findings_left_out
    _warn(warnings)
    pages: dict[str, bytes] = {}
    with cache.opened(HERE) as answers:
        for name in options.words:
            pages |= build.make_study(name, finished, by_claim, repeats)
        if not options.words:
            print(f"making all pages from {len(finished):,} records", file=sys.stderr)
            pages = build.make(finished, by_claim, warnings, repeats)
            if options.out == HERE:
                pages["../README.md"] = readme.content(finished)
        pages[cache.NAME] = answers.content(only_asked=not options.words)
    stale = [name for name, content in pages.items() if _differs(options.out / name, content)]
    leftovers = [] if options.words else build.leftovers(options.out, pages)
    if options.check:
        for name in [*stale, *leftovers]:
            print(f"stale: {options.out.name}/{name}; run python -m reports and commit it", file=sys.stderr)
        return FAILED if stale or leftovers else DONE
    for name in stale:
        files.write(options.out / name, pages[name])
        print(f"written: {name}")
    for name in leftovers:
        (options.out / name).unlink()
        print(f"removed: {name}")
    if not stale and not leftovers:
        print("everything was up to date")
    if options.publish:
        recorded = {record.study for record in finished if record.study}
        print(f"published: {publish.publish(pages, options.publish, recorded)}")
    return DONE


def _differs(path: Path, content: bytes) -> bool:
    return not path.is_file() or path.read_bytes() != content


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
