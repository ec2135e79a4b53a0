"""`uv run -m reports --publish ENTITY/PROJECT`: a W&B Report of the pages beside the project's own runs.

Needs the extra `publish`. A section is the overview's or a study's: its page, and panels of the runs that the project has
of it, a grid for each budget and data set, since figures of different budgets never share one. A report shows no files
of its own, so that the pictures are logged by a run of the project, which stands for them.
"""

import importlib.util
import os
import posixpath
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lightning_modules.data.catalogue import DATASETS
from lightning_modules.execution.wandb_login import Unreachable, answering
from lightning_modules.provenance import ROOT
from reports.runs.pull import PICTURES, PROJECT, check_login
from sweeps import study as studies

if TYPE_CHECKING:
    from wandb_workspaces.reports import v2

INIT_SECONDS = 30  # for the pictures' run to be made on the server, which has just answered
TITLE = "Results"  # by it the report is found again and replaced
OVERVIEW = "index.md"
STUDY = re.compile(r"studies/(\w+)\.md")
PICTURE = re.compile(r"^!\[[^]]*\]\(([^)\s]+)\)$", re.MULTILINE)
TITLE_LINE = re.compile(r"^# (.*)\n", re.MULTILINE)
LINK = re.compile(r"\[([^]]+)\]\((?!https?://)([^)\s]*)\)")
HOST = re.compile(r"(?:https?://(?:[^@/]+@)?|git@|ssh://git@)(github\.com|gitlab\.com)[:/](.+?)(?:\.git)?/?")


class Grid(NamedTuple):
    """Runs whose figures may share a panel."""

    study: str
    budget: str
    dataset: str


def check(project: str) -> None:
    """Check, before the pages are made, that they can be published from here. Raises ValueError, in one line, if not."""
    if not PROJECT.fullmatch(project):
        raise ValueError(f"--publish wants ENTITY/PROJECT, not {project}")
    if importlib.util.find_spec("wandb_workspaces") is None:
        raise ValueError(
            "--publish needs wandb-workspaces: uv run --extra publish …, or pip install wandb-workspaces"
        )
    check_login()


def publish(pages: Mapping[str, bytes], project: str, recorded: Collection[str]) -> str:
    """Make the project's report of these pages, or replace it by them; returns its address.

    pages: pages and pictures by path below `reports/`, as `reports.pages.build.make` orders them. recorded: the studies
    with records, which get a section also where the project has no run of theirs. Raises ValueError if W&B can't be
    reached.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb
    from wandb_workspaces.reports import v2

    entity, name = project.split("/")
    try:
        with answering():
            known = any(listed.name == name for listed in wandb.Api().projects(entity))
            grids = tracked(project) if known else []
            shown = chosen(pages, {*recorded, *(grid.study for grid in grids)})
            _log_pictures(pages, shown, entity, name)
            report = v2.Report(
                entity=entity,
                project=name,
                title=TITLE,
                description="Made by `uv run -m reports` from the committed records; change it there.",
                blocks=[v2.TableOfContents(), *blocks(shown, project, grids, repository())],
                width="fluid",
            )
            if known:  # else it is new
                earlier = [saved.id for saved in wandb.Api().reports(project) if saved.display_name == TITLE]
                report.id = earlier[0] if earlier else ""
            report.save()
    except Unreachable as error:
        raise ValueError(f"cannot publish to W&B's {project} ({error})") from error
    return report.url


def tracked(project: str) -> list[Grid]:
    """Return what a project's runs of studies can be grouped by, in the order of budgets and data sets."""
    import wandb

    configs = [run.config for run in wandb.Api().runs(project, per_page=200, lazy=False)]
    grids = {Grid(*(config.get(field) for field in Grid._fields)) for config in configs}
    order = [*studies.BUDGETS], [*DATASETS]
    known = [grid for grid in grids if grid.study and grid.budget in order[0] and grid.dataset in order[1]]
    return sorted(
        known, key=lambda grid: (grid.study, order[0].index(grid.budget), order[1].index(grid.dataset))
    )


def chosen(pages: Mapping[str, bytes], with_runs: Collection[str]) -> dict[str, str]:
    """Return the Markdown of the pages that become sections, by path: the overview, and studies with runs."""
    return {
        path: content.decode()
        for path, content in pages.items()
        if path == OVERVIEW or (study := STUDY.fullmatch(path)) and study[1] in with_runs
    }


def blocks(shown: Mapping[str, str], project: str, grids: Iterable[Grid], repository: str | None) -> list:
    """Return the report's blocks: a section for each page, its own runs behind its title, pictures where they stand."""
    from wandb_workspaces import expr
    from wandb_workspaces.reports import v2

    entity, name = project.split("/")
    grids = list(grids)
    made: list = []
    for path, text in shown.items():
        _, title, rest = TITLE_LINE.split(text, maxsplit=1)  # what stands above it links other pages
        made.append(v2.H1(title))
        study = STUDY.fullmatch(path)
        made += [panels(grid, entity, name) for grid in grids if study and grid.study == study[1]]
        for number, part in enumerate(PICTURE.split(rest)):
            if number % 2:
                pictures = v2.Runset(
                    entity, name, "Pictures", filters=expr.And(expr.Metric("JobType") == PICTURES)
                )
                browser = v2.MediaBrowser(
                    media_keys=[Path(part).stem], num_columns=1, layout=v2.Layout(w=24, h=14)
                )
                made.append(v2.PanelGrid(runsets=[pictures], panels=[browser], hide_run_sets=True))
            elif words := linked(part, path, repository).strip():
                made.append(v2.MarkdownBlock(words))
    return made


def panels(grid: Grid, entity: str, project: str) -> "v2.PanelGrid":
    """Return the curves and the test errors of a study's runs at one budget on one data set, grouped by variant."""
    from wandb_workspaces import expr
    from wandb_workspaces.reports import v2

    where = f"{DATASETS[grid.dataset].title}, budget {grid.budget}"
    filters = expr.And(*(expr.Config(field) == value for field, value in grid._asdict().items()))
    by_variant = v2.Config("variant")
    curves = v2.LinePlot(
        title=f"Test error by epoch: {where}",
        x="epoch",
        y=["curve_test_error"],
        title_x="epoch",
        title_y="test error, %",
        groupby=by_variant,
        groupby_aggfunc="mean",
        groupby_rangefunc="minmax",
        layout=v2.Layout(w=12, h=10),
    )
    headline = v2.BarPlot(
        title=f"Test error after the last epoch: {where}",
        metrics=["test_error"],
        title_x="test error, %",
        groupby=by_variant,
        groupby_aggfunc="mean",
        groupby_rangefunc="stddev",
        layout=v2.Layout(x=12, w=12, h=10),
    )
    return v2.PanelGrid(
        runsets=[v2.Runset(entity, project, where, filters=filters)], panels=[curves, headline]
    )


def linked(text: str, path: str, repository: str | None) -> str:
    """Return a page's Markdown with links that work outside the repository; words where none can."""

    def absolute(link: re.Match) -> str:
        words, target = link.groups()
        if repository is None or target.startswith("#"):
            return words
        return f"[{words}]({repository}/{posixpath.normpath(posixpath.join('reports', posixpath.dirname(path), target))})"

    return LINK.sub(absolute, re.sub(r'<a id="[^"]*"></a>', "", text))


def repository(root: Path = ROOT) -> str | None:
    """Return the address under which the repository's files can be read; None if it isn't known from git."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        url = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    host = HOST.fullmatch(url)
    return f"https://{host[1]}/{host[2]}/blob/HEAD" if host else None


def _log_pictures(pages: Mapping[str, bytes], shown: Mapping[str, str], entity: str, project: str) -> None:
    """Log the pictures of these pages by the run that stands for them, which is made or gone on with."""
    import wandb

    paths = {
        posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        for page, text in shown.items()
        for target in PICTURE.findall(text)
    }
    if not paths:
        return
    print(f"sending {len(paths)} pictures to {entity}/{project}", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory() as folder,
        wandb.init(
            entity=entity,
            project=project,
            id=PICTURES,
            name=PICTURES,
            job_type=PICTURES,
            resume="allow",
            dir=folder,
            settings=wandb.Settings(init_timeout=INIT_SECONDS),
        ) as run,
    ):
        images = {}
        for path in sorted(paths):
            file = Path(folder) / Path(path).name
            file.write_bytes(pages[path])
            images[file.stem] = wandb.Image(str(file))
        run.log(images)
