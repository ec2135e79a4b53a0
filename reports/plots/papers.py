"""The pictures that the papers themselves draw of an ablation, or would if its table were one: errors over one property
of the networks, a line for each series, the printed ones beside ours so that the shapes can be compared.
"""

from collections.abc import Mapping
from typing import Any

from architectures import find
from lightning_modules.data.catalogue import DATASETS
from reports.plots import lines, runs
from reports.plots.picture import Picture, Points
from reports.printed import variants
from reports.verdicts.counts import Counts
from reports.verdicts.results import Results
from sweeps.study import PaperPicture, Study, Variant


def pictures(results: Results, dataset: str, counts: Counts) -> list[Picture]:
    """Return the pictures that the study declares as its paper's."""
    return [_picture(declared, results, dataset, counts) for declared in results.study.pictures]


def printed_alone(results: Results, dataset: str, counts: Counts) -> list[Picture]:
    """Return the same of the printed errors, before anything has been run on the paper's own data set."""
    study = results.study
    figures = {v.name: variants.printed_error(v, dataset) for v in study.variants_on(dataset)}
    errors = {name: float(f.error) for name, f in figures.items() if f and f.error is not None}
    if len(errors) < 2 or dataset in study.transfers:
        return []
    ends = " to ".join(
        f"{errors[name]:g} % ({name})" for name in sorted(errors, key=lambda n: errors[n])[:: len(errors) - 1]
    )
    title = DATASETS[dataset].title
    return [
        _drawn(
            declared,
            results,
            dataset,
            shows=f"printed errors from {ends}; {title}",
            caption=f"printed errors ({study.printed_runs}, {title}) of the networks that the study runs"
            f"{_counted(declared)}; none has been run by the paper's recipe.",
            points=_printed(declared, results, dataset, counts, errors),
            title=f"{study.title}: {title}, as printed",
        )
        for declared in study.pictures
    ]


def _picture(declared: PaperPicture, results: Results, dataset: str, counts: Counts) -> Picture:
    study, paper_data = results.study, variants.paper_dataset(results.study, dataset)
    points = _ours(declared, results, dataset, counts)
    theirs = _printed(declared, results, paper_data, counts, runs.printed(results, dataset))
    printed_on = DATASETS[paper_data].title
    printed = f" Printed: {study.printed_runs}, {printed_on}{_counted(declared)}." if theirs else ""
    return _drawn(
        declared,
        results,
        dataset,
        shows=f"errors from {runs.extremes(results, dataset)}; {runs.where(results, dataset)}",
        caption=f"small points are runs ({runs.number(results, dataset)}, budget {results.budget}), lines join their "
        f"means.{printed}",
        points=[*points, *theirs],
        title=f"{study.title}: {runs.where(results, dataset)}",
        printed=f"printed, {printed_on}",
        together=runs.comparable(results, dataset),
    )


def _drawn(
    declared: PaperPicture,
    results: Results,
    dataset: str,
    *,
    shows: str,
    caption: str,
    points: Points,
    title: str,
    printed: str = "printed",
    together: bool = False,
) -> Picture:
    """Make a picture in the paper's form; together: whether ours and the printed ones compare."""
    return Picture(
        name=_name(declared, results, dataset),
        alt=f"{_what(declared)}, after {declared.source}: {shows}",
        caption=f"{_what(declared)}, as in {declared.source} of the paper: {caption}",
        points=points,
        draw=lines.draw,
        settings={
            "title": title,
            "y": declared.y,
            "over": list(declared.over),
            "panels": declared.panels,
            "printed": printed,
            "together": together,
        },
    )


def _ours(declared: PaperPicture, results: Results, dataset: str, counts: Counts) -> Points:
    return [
        {"source": "ours"}
        | _properties(declared, results.study, results.study.variant(name), dataset, counts)
        | {"seed": record.seed, "run": record.run_id}
        | _y(declared, record.error)
        for name, records in runs.done(results, dataset).items()
        for record in records
    ]


def _printed(
    declared: PaperPicture, results: Results, paper_data: str, counts: Counts, errors: Mapping[str, float]
) -> Points:
    return [
        {"source": "printed"}
        | _properties(declared, results.study, results.study.variant(name), paper_data, counts)
        | {"seed": "", "run": ""}
        | _y(declared, error)
        for name, error in errors.items()
    ]


def _name(declared: PaperPicture, results: Results, dataset: str) -> str:
    return f"{results.study.name}_{results.budget}_{dataset}_{'_'.join(declared.over)}"


def _what(declared: PaperPicture) -> str:
    return f"Test {declared.y} against {' and '.join(lines.TITLES.get(name, name) for name in declared.over)}"


def _counted(declared: PaperPicture) -> str:
    return ", over our counts" if set(declared.over) & set(lines.COUNTED) else ""


def _properties(
    declared: PaperPicture, study: Study, variant: Variant, dataset: str, counts: Counts
) -> dict[str, Any]:
    """Name of the variant, its series in words, and its values on the axes and of the panel."""
    series = [
        _in_words(variant, name, property_of(study, variant, dataset, counts, name))
        for name in declared.series
    ]
    values = {
        name: property_of(study, variant, dataset, counts, name)
        for name in (*declared.over, declared.panels)
        if name
    }
    return {"variant": variant.name, "series": ", ".join(filter(None, series))} | values


def property_of(study: Study, variant: Variant, dataset: str, counts: Counts, name: str) -> Any:
    """Return a property of the network that a variant is on a data set; None for a knob that its architecture lacks."""
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


def _y(declared: PaperPicture, error: float) -> dict[str, float]:
    return {"accuracy": round(100 - error, 4)} if declared.y == "accuracy" else {"error": round(error, 4)}
