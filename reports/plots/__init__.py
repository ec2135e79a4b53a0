"""The pictures of the reports, drawn from the records alone: the same records give the same bytes.

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
    """Draw the pictures of a study under one budget, but `smoke`, on one data set; none before two variants have been run.

    Every study has its differences, its curves and its seeds. Over what its networks cost or over what it varies, it has the picture
    that it declares as its paper's, or else the errors over the parameters, where these differ.
    """
    if results.budget == "smoke" or len(runs.done(results, dataset)) < 2:
        return []
    made = [
        forest.picture(results, dataset),
        curves.picture(results, dataset),
        seeds.picture(results, dataset),
    ]
    made += papers.pictures(results, dataset, counts) or [parameters.picture(results, dataset, counts)]
    return [picture for picture in made if picture]
