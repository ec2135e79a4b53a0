"""The pictures that the papers themselves draw of an ablation, or would if its table were one: errors over one property
of the networks, a line for each series, the printed ones beside ours so that the shapes can be compared.
"""

from dataclasses import dataclass
from typing import Any

from architectures import find
from lightning_modules.data.catalogue import DATASETS
from reports.plots import lines, runs
from reports.plots.picture import Picture, Points
from reports.printed import variants
from reports.verdicts.counts import Counts
from reports.verdicts.results import Results
from sweeps.study import Study, Variant


@dataclass(frozen=True)
class Kind:
    """What a paper draws.

    Properties of a network are `parameters` and `mult_adds` (both counted), `arch`, `resolution` or one of its knobs.
    `source`: figure or table of the study's paper. `over`: what the axes show, a panel each. `series`: what tells the
    lines apart. `panels`: the property that has panels of its own for each of its values.
    """

    source: str
    over: tuple[str, ...]
    series: tuple[str, ...] = ()
    panels: str = ""
    accuracy: bool = False


KINDS = {
    "deep_vs_shallow": Kind("Tables 2 and 6", ("depth",), ("arch",)),
    "densenet_bc_compression": Kind("Figure 4, left", ("parameters",), ("arch", "compression")),
    "densenet_efficiency": Kind("Figure 4, middle", ("parameters",), ("arch",)),
    "mobilenet_grid": Kind("Figures 4 and 5", ("mult_adds", "parameters"), ("resolution",), accuracy=True),
    "mobilenet_resolution": Kind("Figure 4", ("mult_adds",), accuracy=True),
    "mobilenet_width": Kind("Figures 4 and 5", ("mult_adds", "parameters"), accuracy=True),
    "resnext_cardinality": Kind("Table 3", ("cardinality",), ("depth",)),
    "shufflenet_groups": Kind("Table 2", ("groups",), panels="scale"),
    "shufflenet_shuffle": Kind("Table 3", ("groups",), ("shuffle",), panels="scale"),
}


def picture(results: Results, dataset: str, counts: Counts) -> Picture | None:
    """The paper's kind of picture of this study, if it has one and two networks have been run."""
    study = results.study
    kind = KINDS.get(study.name)
    if kind is None or len(runs.done(results, dataset)) < 2:
        return None
    own = variants.paper_dataset(study, dataset)
    points = _ours(kind, results, dataset, counts)
    theirs = _printed(kind, results, dataset, counts)
    counted = ", over our counts" if set(kind.over) & set(lines.COUNTED) else ""
    y = "accuracy" if kind.accuracy else "error"
    what = f"Test {y} against {' and '.join(lines.TITLES.get(name, name) for name in kind.over)}"
    return Picture(
        name=f"{study.name}_{results.budget}_{dataset}_{'_'.join(kind.over)}",
        alt=f"{what}, after {kind.source}; {runs.place(results, dataset)}",
        caption=f"{what}, as in {kind.source} of the paper: small points are runs ({runs.number(results, dataset)}, "
        f"budget {results.budget}), lines join their means."
        + (f" Printed: {study.printed_runs}, {DATASETS[own].title}{counted}." if theirs else ""),
        points=[*points, *theirs],
        draw=lines.draw,
        settings={
            "title": f"{study.title}: {runs.place(results, dataset)}",
            "y": y,
            "over": list(kind.over),
            "panels": kind.panels,
            "printed": f"printed, {DATASETS[own].title}",
            "together": runs.comparable(results, dataset),
        },
    )


def _ours(kind: Kind, results: Results, dataset: str, counts: Counts) -> Points:
    return [
        {"source": "ours"}
        | _properties(kind, results.study, results.study.variant(name), dataset, counts)
        | {"seed": record.seed, "run": record.run_id}
        | _y(kind, record.error)
        for name, records in runs.done(results, dataset).items()
        for record in records
    ]


def _printed(kind: Kind, results: Results, dataset: str, counts: Counts) -> Points:
    own = variants.paper_dataset(results.study, dataset)
    return [
        {"source": "printed"}
        | _properties(kind, results.study, results.study.variant(name), own, counts)
        | {"seed": "", "run": ""}
        | _y(kind, error)
        for name, error in runs.printed(results, dataset).items()
    ]


def _properties(kind: Kind, study: Study, variant: Variant, dataset: str, counts: Counts) -> dict[str, Any]:
    """Name of the variant, its series in words, and its values on the axes and of the panel."""
    series = [
        _in_words(variant, name, property_of(study, variant, dataset, counts, name)) for name in kind.series
    ]
    values = {
        name: property_of(study, variant, dataset, counts, name) for name in (*kind.over, kind.panels) if name
    }
    return {"variant": variant.name, "series": ", ".join(filter(None, series))} | values


def property_of(study: Study, variant: Variant, dataset: str, counts: Counts, name: str) -> Any:
    """A property of the network that a variant is on a data set; None for a knob that its architecture lacks."""
    stem = DATASETS[dataset].stem
    if name in ("parameters", "mult_adds"):
        return getattr(counts[variant.name, dataset], name)
    if name == "arch":
        return variant.arch
    if name == "resolution":
        return study.resolution_of(variant, stem) or DATASETS[dataset].resolution
    knob = find(variant.arch).knobs.get(name)
    return variant.knobs_for(stem).get(name, knob.default_for(stem)) if knob else None


def _in_words(variant: Variant, name: str, value: Any) -> str:
    """`densenet_bc`, `θ = 0.25`, `resolution 32`, `no shuffle`; nothing where there is no such knob."""
    if value is None or name == "arch":
        return value or ""
    if isinstance(value, bool):
        return name if value else f"no {name}"
    if name == "resolution":
        return f"{value}×{value}"
    symbol = find(variant.arch).knobs[name].symbol
    return f"{symbol or name} = {value}"


def _y(kind: Kind, error: float) -> dict[str, float]:
    return {"accuracy": round(100 - error, 4)} if kind.accuracy else {"error": round(error, 4)}
