"""The pictures of the reports, drawn from records and printed figures alone: the same give the same bytes.

Readable without colour: what a picture tells apart differs by markers, fillings or dashes. Every picture lies beside
the points that it shows, as CSV.
"""

from reports.plots import curves, forest, papers, parameters, runs, seeds
from reports.plots.forest import SUFFIX as FOREST
from reports.plots.picture import Picture
from reports.verdicts.counts import Counts
from reports.verdicts.results import Results

__all__ = ["FOREST", "Picture", "of_study"]


def of_study(results: Results, dataset: str, counts: Counts) -> list[Picture]:
    """Draw the pictures of a study under one budget, but `smoke`, on one data set.

    Before two variants have been run there is none but its paper's, of the printed errors, at the budget `paper`.

    Every study has its differences, its curves and its seeds. Over what its networks cost or over what it varies, it has the picture
    that it declares as its paper's, or else the errors over the parameters, where these differ.
    """
    ran = len(runs.done(results, dataset))
    if results.budget == "paper" and not ran:
        return papers.printed_alone(results, dataset, counts)
    if results.budget == "smoke" or ran < 2:
        return []
    made = [
        forest.picture(results, dataset),
        curves.picture(results, dataset),
        seeds.picture(results, dataset),
    ]
    made += papers.pictures(results, dataset, counts) or [parameters.picture(results, dataset, counts)]
    return [picture for picture in made if picture]
