"""The exact Inception claims hold for our networks, but for Table 1, and fail for networks that break them."""

import pytest

import architectures
from architectures import bn_inception, googlenet
from architectures.layers import concatenation, conv_bn
from reports.verdicts import checks, complexity
from reports.verdicts.checks import googlenet as table_1

HOLDING = (
    "inception.naive_too_expensive",
    "inception.output_widths",
    "inception.nxn_to_1xn_nx1",
    "inception.grid_reduction_cost",
)


def again(claim: str) -> tuple[bool, str]:
    return checks.find(claim).__wrapped__()  # without the cache


@pytest.mark.parametrize("claim", HOLDING)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


def test_table_1_of_googlenet_contradicts_itself_and_the_evidence_says_where():
    holds, evidence = checks.find("googlenet.t1_counts")()
    assert holds == "sense" and evidence.startswith("16 of 24 printed figures")
    assert "4c params_K 463 (counted 498)" in evidence and "5a ops_M 54 (counted 51)" in evidence
    assert "conv1" not in evidence and "3a" not in evidence


def test_table_1_would_hold_if_every_figure_were_reproduced(monkeypatch):
    monkeypatch.setattr(table_1, "count_for", lambda figure, counts: float(figure.number))
    holds, evidence = again("googlenet.t1_counts")
    assert holds and evidence.startswith("24 of 24")


def test_other_counts_of_table_1_would_be_noticed(monkeypatch):
    real = table_1.count_for
    monkeypatch.setattr(table_1, "count_for", lambda figure, counts: 2 * real(figure, counts))
    holds, evidence = again("googlenet.t1_counts")
    assert holds is False and evidence.startswith("0 of 24") and "conv1 ops_M 34 (counted 68)" in evidence


def test_a_naive_module_with_reductions_would_be_noticed(monkeypatch, built_anew):
    real = architectures.build

    def build(arch, *, module, **arguments):
        return real(arch, **arguments)

    monkeypatch.setattr(architectures, "build", build)
    holds, evidence = again("inception.naive_too_expensive")
    assert not holds and "0 of 9 modules are dearer" in evidence


@pytest.mark.parametrize(("name", "filters"), [("3a", {"conv_5x5": 48}), ("3b", {"pool_proj": 32})])
def test_other_widths_would_be_noticed(monkeypatch, built_anew, name, filters):
    changed = googlenet.TABLE_1[name]._replace(**filters)
    monkeypatch.setitem(googlenet.TABLE_1, name, changed)
    holds, evidence = again("inception.output_widths")
    assert not holds and f"in all {changed.outputs}" in evidence


def test_a_square_kernel_for_a_line_would_be_noticed(monkeypatch):
    real = conv_bn.conv_bn

    def square(inputs, outputs, kernel, *rest, **named):
        return real(inputs, outputs, kernel if isinstance(kernel, int) else max(kernel), *rest, **named)

    monkeypatch.setattr(conv_bn, "conv_bn", square)
    holds, evidence = again("inception.nxn_to_1xn_nx1")
    assert not holds and "2 for n = 3" in evidence


def test_a_dear_reduction_would_be_noticed(monkeypatch):
    filters = bn_inception.FIGURE_5["3c"]._replace(reduce_3x3=4096)
    monkeypatch.setitem(bn_inception.FIGURE_5, "3c", filters)
    holds, evidence = again("inception.grid_reduction_cost")
    assert not holds and "3c 2" in evidence


def test_a_bottleneck_side_by_side_would_be_noticed(monkeypatch):
    # of the two blocks side by side only the pooling
    monkeypatch.setattr(concatenation, "Concatenation", lambda paths: paths[1])
    holds, evidence = again("inception.grid_reduction_cost")
    assert not holds and "12,544, 6,272, 6,272" in evidence


def test_the_verdicts_of_table_1_are_those_of_the_report():
    rows = list(complexity.rows("googlenet"))
    verdicts = [row.verdict for row in rows if row.figure.metric in ("params_K", "ops_M")]
    assert all(row.verdict == complexity.EXACT for row in rows if row.figure.metric.startswith("channels"))
    assert verdicts.count(complexity.EXACT) == 13 and verdicts.count(complexity.CUT) == 3
