"""What is said around a paper's table: what its figures are, which have no counterpart, and what the files note."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from reports.pages import markdown
from reports.pages.paper_cells import APART, Cited, Ours
from reports.printed import protocols, variants
from reports.printed.figures import Figure

# What a caption needn't say: that images were seen whole, and that a set was tested whole.
UNSAID = (protocols.WHOLE_IMAGE, protocols.QUOTED, protocols.NOT_PRINTED)
WHOLE_SETS = ("validation", "test", "validation, test", "not printed")


def caption(laid_out: pd.DataFrame, ours: Ours) -> str:
    """Say data sets, augmentation, protocols, test sets and statistic of the printed figures where columns don't; the studies."""
    sentences = []
    for title, field in (("Data", "dataset"), ("Augmentation", "augmentation")):
        values = dict.fromkeys(getattr(figure, field) for figure in laid_out.figure)
        if not laid_out[field].any() and any(values):
            sentences.append(f"{title}: {', '.join(filter(None, values))}.")
    facts = _facts(laid_out)
    evaluated = dict.fromkeys(of.title for of in facts if of.protocol not in UNSAID)
    if evaluated:
        sentences.append(f"Evaluated by {'; '.join(evaluated)}.")
    if tested := dict.fromkeys(of.test_set for of in facts if of.test_set not in WHOLE_SETS):
        sentences.append(f"Tested on: {'; '.join(tested)}.")
    cited = [ours.on_the_papers_data(figure) for figure in laid_out.figure]
    if statistics := _most(cited, lambda by: by.study.printed_runs if by.is_first else ""):
        sentences.append(f"Printed: {statistics[0]}.")
    if names := _most(cited, lambda by: by.study.name):
        sentences.append(f"Studies: {', '.join(f'[{study}](studies/{study}.md)' for study in names)}.")
    return " ".join(sentences)


def _facts(laid_out: pd.DataFrame) -> list[protocols.Facts]:
    """How a table's errors were taken, those of most figures first."""
    errors = laid_out.figure[laid_out.figure.map(lambda figure: bool(re.search("err|acc", figure.metric)))]
    return [facts for facts, _ in Counter(map(protocols.of, errors)).most_common()]


def _most(cited: Iterable[Sequence[Cited]], of: Callable[[Cited], str]) -> list[str]:
    """What the variants that cite a figure have, that of most figures first."""
    counted = Counter(text for of_figure in cited for text in dict.fromkeys(map(of, of_figure)) if text)
    return [text for text, _ in counted.most_common()]


def apart(laid_out: pd.DataFrame) -> str:
    """Say why figures have no counterpart, with the columns that they stand in."""
    figures = laid_out[laid_out.kind == APART].sort_values(["row", "column"])
    reasons = [
        f"{', '.join(titles.unique())} ({reason})"
        for reason, titles in figures.groupby("reason", sort=False).title
    ]
    return f"No counterpart: {'; '.join(reasons)}." if reasons else ""


def notes(laid_out: pd.DataFrame) -> str:
    """Say what the files note: what all rows have in common, then what rows have of their own."""
    noted = laid_out.assign(note=laid_out.figure.map(_said)).explode("note").dropna(subset="note")
    noted = noted.drop_duplicates(["row", "note"])
    rows = laid_out.row.nunique()
    common = noted.groupby("note").row.transform("count") == max(rows, 2)
    of_rows = noted[~common].groupby(["row", "label"]).note.agg("; ".join).reset_index()
    lines = [f"{'; '.join(labels)}: {note}" for note, labels in of_rows.groupby("note", sort=False).label]
    if common.any():
        lines.insert(0, "; ".join(noted.note[common].unique()))
    return f"Notes:\n\n{markdown.bullets(lines)}" if lines else ""


def _said(figure: Figure) -> list[str]:
    """The parts of a note, without what the figure's mark says."""
    return [in_documents(part) for part in figure.note.split("; ") if part and part not in variants.MARKS]


def in_documents(text: str) -> str:
    """Return a note with the lecture notes called that, whichever file of them it names."""
    return re.sub(r"\bseeds?\b( 00\d(/00\d)?)?", "lecture notes", text)
