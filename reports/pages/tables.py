"""The tables of a study's page: printed figures beside ours."""

from collections.abc import Sequence

from lightning_modules.data.catalogue import DATASETS
from lightning_modules.protocols import PROTOCOLS
from reports.pages import markdown
from reports.printed import protocols, variants
from reports.printed.figures import Figure
from reports.verdicts import statistics
from reports.verdicts.counts import Counts
from reports.verdicts.results import Group, Results
from sweeps.study import Table, Variant


def table(results: Results, dataset: str, declared: Table, counts: Counts) -> str:
    """Make one declared table: a row a variant, in declared order, printed figures beside ours, by protocol.

    Parameters and mult-adds in millions, errors in per cent. On a transfer the printed errors are those of the
    paper's own data set. The difference, ours minus printed, stands only under the budget `paper` and on that data
    set, since neither a shorter training nor another data set says anything about the printed figure.
    """
    study = results.study
    evaluated = {
        name for record in results.records if record.dataset == dataset for name in record.evaluations
    }
    paper_data = variants.paper_dataset(study, dataset)
    theirs = "error, printed" + (f" on {DATASETS[paper_data].title}" if paper_data != dataset else "")
    comparable = results.budget == "paper" and paper_data == dataset
    rows = []
    for name in declared.variants:
        variant, group, count = study.variant(name), results.groups[name, dataset], counts[name, dataset]
        error = variants.printed_error(variant, paper_data)
        row = {
            "variant": f"`{name}`",
            "params, printed": _printed_count(variant, dataset, ("params_M",)),
            "params": millions(count.parameters),
            "mult-adds, printed": _printed_count(variant, dataset, ("mult_adds_M", "flops_G")),
            "mult-adds": millions(count.mult_adds),
            f"{theirs} ({study.printed_runs})": _with_protocol(error),
            "error, ours": str(group),
            **{
                f"ours, {protocol.title}": str(group.by(evaluation))
                for evaluation, protocol in PROTOCOLS.items()
                if evaluation in evaluated
            },
            "difference": _difference(group, error) if comparable else "—",
            "records": f"[{len(group.records)}](#{anchor(results.budget, dataset, name)})"
            if group.records
            else "—",
        }
        rows.append(row)
    columns, cells = markdown.without_empty(list(rows[0]), [list(row.values()) for row in rows])
    body = markdown.table(columns, cells, right=columns[1:])
    spread = _pooled(results, dataset, declared)
    return "\n\n".join(filter(None, [body, spread, variants.footnotes(body)]))


def anchor(budget: str, dataset: str, variant: str) -> str:
    """Return the place in the trace where the records of a group begin."""
    return f"trace-{budget}-{dataset}-{variant}"


def _printed_count(variant: Variant, dataset: str, metrics: Sequence[str]) -> str:
    figure = variants.printed_count(variant, dataset, metrics)
    return variants.marked(figure, f"{figure.value}{figure.metric[-1]}" if figure else "")


def millions(number: int) -> str:
    """Return a number of parameters or operations in millions, to three digits, `1.05M`."""
    return f"{number / 1e6:,.0f}M" if number >= 100e6 else f"{number / 1e6:#.3g}M"


def _pooled(results: Results, dataset: str, declared: Table) -> str:
    """The spread that the rows have in common: at three seeds it is known better than a row's own."""
    samples = [
        errors for name in declared.variants if len(errors := results.groups[name, dataset].errors) > 1
    ]
    if len(samples) < 2:
        return ""
    pooled, freedom = statistics.pooled_deviation(samples)
    return (
        f"Standard deviation between seeds, pooled over {len(samples)} rows: {pooled:.2f} points ({freedom} degrees of "
        f"freedom); from it a mean of three is known to ±{statistics.half_width(pooled, freedom, 3):.2f}."
    )


def _with_protocol(figure: Figure | None) -> str:
    """The printed error, with its protocol where that isn't the test's."""
    shown = variants.as_error(figure)
    return f"{shown}, {protocols.of(figure).title}" if figure and protocols.evaluation_of(figure) else shown


def _difference(group: Group, figure: Figure | None) -> str:
    """Ours less the printed error, both by its protocol, or by the test where the paper prints none."""
    if figure is None or figure.error is None or not group.errors:
        return "—"
    evaluation = "" if protocols.goes_with_test(figure) else protocols.evaluation_of(figure)
    if evaluation is None or not group.by(evaluation).errors:
        return "other protocol"
    group = group.by(evaluation)
    return f"{statistics.summarise(group.errors).mean - float(figure.error):+.2f}".replace("-", "−")
