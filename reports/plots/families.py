"""Test error against multiply-adds over all studies: what each family of networks makes of its cost."""

import math
from collections.abc import Iterable, Mapping

import pandas as pd

from architectures import find
from lightning_modules.data.catalogue import DATASETS
from reports.plots import runs, style
from reports.plots.picture import Picture, Points
from reports.verdicts.counts import Counts
from reports.verdicts.results import Results
from sweeps import study as studies


def pictures(of_studies: Iterable[tuple[list[Results], Counts]]) -> list[Picture]:
    """Return one for each data set and budget under which at least two networks have been run.

    of_studies: each study's results by budget, and its counts.
    """
    by_dataset_and_budget: dict[tuple[str, str], dict[frozenset[str], dict]] = {}
    for results, counts in of_studies:
        for result in results:
            for dataset in result.study.datasets:
                networks = by_dataset_and_budget.setdefault((dataset, result.budget), {})
                for name, records in runs.done(result, dataset).items():
                    # studies share runs: a network that two of them train in the same way is drawn once
                    network = frozenset(record.run_id for record in records)
                    networks.setdefault(network, _point(result, dataset, name, counts))
    return [
        _picture(dataset, budget, _sorted(by_dataset_and_budget[dataset, budget].values()))
        for dataset in DATASETS
        for budget in studies.BUDGETS
        if len(by_dataset_and_budget.get((dataset, budget), ())) > 1
    ]


def _point(results: Results, dataset: str, name: str, counts: Counts) -> dict:
    errors = results.groups[name, dataset].errors
    arch = results.study.variant(name).arch
    return {
        "family": find(arch).family,
        "network": f"{results.study.name}/{name}",
        "mult_adds": counts[name, dataset].mult_adds,
        "mean": round(math.fsum(errors) / len(errors), 4),
        "least": round(min(errors), 4),
        "greatest": round(max(errors), 4),
        "runs": len(errors),
    }


def _sorted(points: Iterable[Mapping]) -> Points:
    return sorted(points, key=lambda point: (point["family"], point["mult_adds"], point["network"]))


def _picture(dataset: str, budget: str, points: Points) -> Picture:
    where = f"{DATASETS[dataset].title}, budget {budget}"
    families, number = {point["family"] for point in points}, sum(point["runs"] for point in points)
    best = min(points, key=lambda point: point["mean"])
    of = f"{len(families)} families" if len(families) > 1 else "one family"
    return Picture(
        name=f"all_{budget}_{dataset}_mult_adds",
        alt=f"Test error against multiply-adds, a mark a network, for each family: the lowest error is {best['mean']:.2f} % "
        f"({best['network']}, {best['mult_adds'] / 1e6:,.0f} million multiply-adds); {where}",
        caption=f"A mark a network, the mean of its runs with a bar from the least to the greatest ({len(points)} "
        f"networks of {of}, {number} runs in all, budget {budget}), over the multiply-adds of one "
        "image as we count them. Each family is trained by its own recipe.",
        points=points,
        draw=draw,
        settings={"title": f"All families: {where}", "families": sorted(_families())},
    )


def _families() -> set[str]:
    """All that are declared, so that a family keeps its marker whichever others have been run."""
    return {find(variant.arch).family for name in studies.names() for variant in studies.read(name).variants}


def draw(points: Points, *, title: str, families: list[str]) -> bytes:
    """Draw the PNG; a family is named at its lowest error, and keeps its marker in all such pictures, by its place."""
    with style.sheet(1, width=style.WIDTH, height=4.6, title=title) as (figure, panels):
        panel = panels[0]
        places: list[tuple[float, float, str, str]] = []
        frame = pd.DataFrame(points)
        for index, family in enumerate(families):
            networks = frame[frame.family == family]
            if networks.empty:
                continue
            lowest = networks.nsmallest(1, "mean").iloc[0]
            bars = networks["mean"] - networks.least, networks.greatest - networks["mean"]
            colour = style.COLOURS[len(places) % len(style.COLOURS)]
            look = style.mark(index) | {"color": colour, "linestyle": "", "elinewidth": 0.8, "markersize": 6}
            panel.errorbar(networks.mult_adds / 1e6, networks["mean"], bars, **look)
            places.append((lowest.mult_adds / 1e6, lowest["mean"], family, colour))
        panel.set(xlabel="multiply-adds of one image (millions)", ylabel="test error (%)")
        style.by_ratio(panel, list(frame.mult_adds))
        style.label(panel, places)
        return style.png(figure)
