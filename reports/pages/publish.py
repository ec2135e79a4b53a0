"""`uv run -m reports --publish ENTITY/PROJECT`: send the Markdown pages to a W&B Report.

Needs the extra `publish`. A W&B Report takes pictures by public address only and has no files beside it, so that
figures and links into the repository become plain words.
"""

import importlib.util
import os
import re
from collections.abc import Mapping

from lightning_modules.execution.wandb_login import Unreachable, answering
from reports.pages import markdown
from reports.runs.pull import PROJECT, check_login

TITLE = "Results"  # by it the report is found again and replaced


def check(project: str) -> None:
    """Check, before the pages are made, that they can be published from here. Raises ValueError, in one line, if not."""
    if not PROJECT.fullmatch(project):
        raise ValueError(f"--publish wants ENTITY/PROJECT, not {project}")
    if importlib.util.find_spec("wandb_workspaces") is None:
        raise ValueError(
            "--publish needs wandb-workspaces: uv run --extra publish …, or pip install wandb-workspaces"
        )
    check_login()


def publish(pages: Mapping[str, str], project: str) -> str:
    """Make the project's report of these pages, or replace it by them; returns its address.

    pages: Markdown by name, as `reports.pages.build.make` orders them. Raises ValueError if W&B can't be reached.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb
    from wandb_workspaces.reports import v2

    entity, name = project.split("/")
    blocks: list = [v2.TableOfContents()]
    for title, text in sections(pages):
        blocks += [v2.H1(title), v2.MarkdownBlock(text)]
    report = v2.Report(
        entity=entity,
        project=name,
        title=TITLE,
        description="Made by `uv run -m reports` from the committed records; change it there.",
        blocks=blocks,
        width="fluid",
    )
    try:
        with answering():
            if any(known.name == name for known in wandb.Api().projects(entity)):  # else it is made by saving
                earlier = [known.id for known in wandb.Api().reports(project) if known.display_name == TITLE]
                report.id = earlier[0] if earlier else ""
            report.save()
    except Unreachable as error:
        raise ValueError(f"cannot publish to W&B's {project} ({error})") from error
    return report.url


def sections(pages: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each page's title and the rest of it, without what has no meaning outside the repository."""
    made = []
    for text in pages.values():
        title, _, rest = (
            text.removeprefix(markdown.GENERATED)
            .lstrip()
            .removeprefix(markdown.NAVIGATION)
            .lstrip()
            .removeprefix("# ")
            .partition("\n")
        )
        rest = re.sub(r'<a id="[^"]*"></a>', "", rest)
        rest = re.sub(r"!\[([^]]*)\]\([^)]*\)", r"*Figure, in the repository: \1*", rest)
        rest = re.sub(r"\[([^]]+)\]\((?!https?://)[^)]*\)", r"\1", rest)
        made.append((title, rest.strip()))
    return made
