"""What is said around a paper's table: what its figures are, which have no counterpart, and what the files note."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from reports.pages import markdown
from reports.pages.paper_cells import APART, Cited, Ours, Standing
from reports.printed.figures import Figure
from reports.printed.tables import Column, PaperTable, Wide


def caption(table: PaperTable, wide: Wide, ours: Ours) -> str:
    """Data sets, augmentation and statistic of the printed figures where columns don't say them; the studies."""
    said = []
    for title, field in (("Data", "dataset"), ("Augmentation", "augmentation")):
        values = dict.fromkeys(getattr(figure, field) for figure in table.figures)
        if not any(getattr(column, field) for column in wide.columns) and any(values):
            said.append(f"{title}: {', '.join(filter(None, values))}.")
    places = {figure: ours.on_the_papers_data(figure) for figure in table.figures}
    if statistics := _most(places, lambda place: place.study.printed_runs if place.is_first else ""):
        said.append(f"Printed: {statistics[0]}.")
    if names := _most(places, lambda place: place.study.name):
        said.append(f"Studies: {', '.join(f'[{study}](studies/{study}.md)' for study in names)}.")
    return " ".join(said)


def _most(places: Mapping[Figure, Sequence[Cited]], of: Callable[[Cited], str]) -> list[str]:
    """What the places of the figures have, that of most figures first."""
    found = Counter(text for own in places.values() for text in dict.fromkeys(map(of, own)) if text)
    return [text for text, _ in found.most_common()]


def apart(wide: Wide, standings: Sequence[Mapping[Column, Standing]]) -> str:
    """Why figures have no counterpart, with the columns that they stand in."""
    reasons: dict[str, dict[str, None]] = {}
    for standing in standings:
        for column in wide.columns:
            if column in standing and standing[column].kind == APART:
                reasons.setdefault(standing[column].reason, {})[column.title] = None
    said = [f"{', '.join(titles)} ({reason})" for reason, titles in reasons.items()]
    return f"No counterpart: {'; '.join(said)}." if said else ""


def notes(wide: Wide) -> str:
    """What the files note: what all rows have in common, then what rows have of their own."""
    noted = [
        list(dict.fromkeys(n for figure in row.figures.values() for n in _said(figure))) for row in wide.rows
    ]
    common = [note for note in noted[0] if len(noted) > 1 and all(note in own for own in noted)]
    by_note: dict[str, list[str]] = {}
    for row, own in zip(wide.rows, noted, strict=True):
        if particular := "; ".join(note for note in own if note not in common):
            by_note.setdefault(particular, []).append(row.label)
    lines = [f"{'; '.join(rows)}: {note}" for note, rows in by_note.items()]
    lines = ["; ".join(common), *lines] if common else lines
    return f"Notes:\n\n{markdown.bullets(lines)}" if lines else ""


def _said(figure: Figure) -> list[str]:
    """The parts of a note, without what the dagger says."""
    return [in_documents(part) for part in figure.note.split("; ") if part not in ("", "recalled", "check")]


def in_documents(text: str) -> str:
    """A note with the lecture notes called that, whichever file of them it names."""
    return re.sub(r"\bseeds?\b( 00\d(/00\d)?)?", "lecture notes", text)
