"""What the pictures of a study take from its results: the variants that have been run, and the printed errors."""

from lightning_modules.data.catalogue import DATASETS
from lightning_modules.record import Record
from reports.printed import protocols, variants
from reports.verdicts import statistics
from reports.verdicts.results import Results


def done(results: Results, dataset: str) -> dict[str, tuple[Record, ...]]:
    """Return the records of every variant that has any of a run that started, in declared order."""
    groups = {variant.name: results.groups.get((variant.name, dataset)) for variant in results.study.variants}
    started = {
        name: tuple(record for record in group.records if not record.did_not_start)
        for name, group in groups.items()
        if group
    }
    return {name: records for name, records in started.items() if records}


def printed(results: Results, dataset: str) -> dict[str, float]:
    """Return the printed test errors, in per cent, on the paper's own data set, of the variants that have been run.

    Where the paper's data set has variants of its own, these. On another axis than ours they are of use by their
    shape alone, and left out if they are one or less than half.
    """
    paper_data, here = variants.paper_dataset(results.study, dataset), results.study.variants_on(dataset)
    figures = {v.name: variants.printed_error(v, paper_data) for v in results.study.variants_on(paper_data)}
    errors = {name: float(f.error) for name, f in figures.items() if f and f.error is not None}
    ours = done(results, dataset)
    if errors.keys() & {variant.name for variant in here}:
        errors = {name: error for name, error in errors.items() if name in ours}
    return errors if comparable(results, dataset) or len(errors) >= max(2, len(ours) / 2) else {}


def comparable(results: Results, dataset: str) -> bool:
    """Return whether the printed errors may stand on the same axis as ours: same training, data set and protocol."""
    if results.budget != "paper" or dataset != variants.paper_dataset(results.study, dataset):
        return False
    figures = (variants.printed_error(v, dataset) for v in results.study.variants_on(dataset))
    return all(figure is None or protocols.goes_with_test(figure) for figure in figures)


def extremes(results: Results, dataset: str) -> str:
    """Return `24.36 % (thin) to 35.92 % (wide)`: the lowest and the highest mean test error, with their variants."""
    groups = {name: results.groups[name, dataset] for name in done(results, dataset)}
    means = sorted((statistics.summarise(group.errors).mean, name) for name, group in groups.items())
    return " to ".join(f"{mean:.2f} % ({name})" for mean, name in (means[0], means[-1]))


def chance(dataset: str) -> float:
    """Return the error of guessing, in per cent."""
    return 100 - 100 / DATASETS[dataset].classes


def where(results: Results, dataset: str) -> str:
    """Return `CIFAR-10, budget smoke`"""
    return f"{DATASETS[dataset].title}, budget {results.budget}"


def number(results: Results, dataset: str) -> str:
    """Return `3 runs a variant, 30 in all`, or `1 to 3 runs a variant, 12 in all`."""
    counts = [len(records) for records in done(results, dataset).values()]
    least, most = min(counts), max(counts)
    a_variant = f"{most} run{'s' if most > 1 else ''}" if least == most else f"{least} to {most} runs"
    return f"{a_variant} a variant, {sum(counts)} in all"
