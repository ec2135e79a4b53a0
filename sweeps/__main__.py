"""What there is to run, what is done, and what the rest would take.

uv run -m sweeps list                             every study: runs, done and missing, per budget
uv run -m sweeps list --costs                     and what the missing ones would take on this machine
uv run -m sweeps list densenet_bc_compression --budget smoke --runs     names the missing ones

uv run -m sweeps list --programme                 the planned programme: done, decided and left

uv run -m sweeps.local STUDY                      runs them here
uv run -m sweeps.local --programme                runs the programme here, in its order, at the lowest priority
uv run -m sweeps.slurm STUDY --partition NAME     runs them on a SLURM cluster
uv run wandb sweep sweeps/STUDY.yaml              runs them through W&B agents
uv run -m sweeps.to_wandb                         writes those files anew; --budget short: others, in sweeps/short/
"""

import argparse
import sys
import time
from pathlib import Path

from architectures.spelling import number_of
from lightning_modules.commands import Parser, as_typed, refuse
from lightning_modules.execution import environment
from lightning_modules.execution.estimate import duration
from lightning_modules.exit_codes import DONE
from sweeps import programme, state
from sweeps import study as studies


def main(argv: list[str]) -> int:
    environment.print_anything()
    try:
        options = parse(argv or ["--help"])
        show_programme(options.runs_dir) if options.programme else show(options)
    except ValueError as error:
        return refuse("sweeps", error)
    return DONE


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser("uv run -m sweeps", __doc__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    summary = "studies, what is done and what is missing"
    listing = commands.add_parser(
        "list", prog="uv run -m sweeps list", help=summary, description=f"List {summary}."
    )
    add = listing.add_argument
    add("studies", nargs="*", metavar="STUDY", help="default: all")
    add("--budget", choices=studies.BUDGETS, help="default: all")
    add("--costs", action="store_true", help="estimate what the missing runs would take on this machine")
    add("--runs", action="store_true", help="name every missing run")
    add("--programme", action="store_true", help="the lines of sweeps/programme.toml instead of the studies")
    add("--runs-dir", type=Path, default=Path("runs"), metavar="DIR")
    return parser.parse_args(argv)


def show_programme(runs: Path) -> None:
    """Print every line of the programme: done, needed, its decisions, and the hours of one core that it needs yet."""
    records = state.records(runs)
    print(f"{'done':>5}{'needed':>8}{'core hours':>12}  line")
    hours = 0.0
    for line in programme.read():
        now = programme.status(line, records)
        left = len(now.missing) * sum(line.thread_seconds) / 2 / 3600
        hours += left
        print(f"{now.done:5,}{len(now.missing):8,}{left:12.1f}  {line.title}")
        for claim, decision in now.decisions:
            ended = "" if now.missing else ", ended"
            print(f"{'':27}{claim.id}: {decision} after {number_of(now.seeds, 'seed')}{ended}")
    closing = (
        f"\nAbout {hours:.0f} hours of one core for what is needed now; a look may ask for more seeds. "
        "`uv run -m sweeps.local --programme` makes the runs."
    )
    print(as_typed(closing))


def show(options: argparse.Namespace) -> None:
    names = options.studies or studies.names()
    declared = [studies.read(name) for name in names]
    budgets = [options.budget] if options.budget else list(studies.BUDGETS)
    done = state.finished(options.runs_dir) | state.committed()
    cells = {(study.name, budget): studies.cells(study, budget) for study in declared for budget in budgets}
    missing = {key: [cell for cell in row if cell.run_id not in done] for key, row in cells.items()}
    begun, costs = time.monotonic(), None
    if options.costs and any(missing.values()):
        left = len({cell.run_id for row in missing.values() for cell in row})
        print(f"estimating what {number_of(left, 'run')} would take", file=sys.stderr, flush=True)
        from sweeps.costs import GPU, Costs

        costs = Costs([cell for row in missing.values() for cell in row], options.runs_dir)

    width = max(map(len, [*names, "all studies"]))
    times = f"{'time here':>18}{'hours of an ' + GPU:>18}" if costs else ""
    print(f"{'study':{width}}  {'budget':8}{'runs':>7}{'done':>7}{'missing':>9}{times}")

    def line(name: str, budget: str, runs: list, rest: list) -> None:
        times = (
            f"{duration(costs.seconds(rest)):>18}{costs.gpu_hours(rest):>18,.1f}" if costs and rest else ""
        )
        print(f"{name:{width}}  {budget:8}{len(runs):7,}{len(runs) - len(rest):7,}{len(rest):9,}{times}")

    for (name, budget), rest in missing.items():
        line(name if budget == budgets[0] else "", budget, cells[name, budget], rest)
        for cell in rest if options.runs else ():
            print(f"    {state.title(cell)}")
    if len(names) > 1:
        for budget in budgets:  # studies may share a training, which runs once

            def together(rows: dict, budget: str = budget) -> list:
                return list(
                    {c.run_id: c for (_, b), row in rows.items() if b == budget for c in row}.values()
                )

            line("all studies" if budget == budgets[0] else "", budget, together(cells), together(missing))
    if costs:
        print(f"\n{costs.basis()}\nEstimated in {duration(time.monotonic() - begun)}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
