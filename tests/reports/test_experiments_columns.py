"""AlexNet's two columns: each is half of the network, sees the other where the paper lets it, and is judged by its time."""

import pytest
import torch

import architectures
from architectures.counting import count
from reports.verdicts.experiments import Setup, columns, timing


@pytest.mark.parametrize(("stem", "side"), columns.SIDES.items())
def test_a_column_is_half_of_the_network(stem, side):
    with torch.device("meta"):
        column = columns.Column(stem)
        whole = architectures.build("alexnet", stem=stem, num_classes=columns.CLASSES)
    half, both = count(column, side), count(whole, side)
    assert (2 * half.parameters, 2 * half.mult_adds) == (both.parameters, both.mult_adds)


def test_columns_meet_in_the_papers_layers_and_exchange_gradients_there():
    torch.manual_seed(0)
    column = columns.Column("cifar")
    seen = [column.get_submodule(f"conv{number}.0").in_channels for number in range(1, 6)]
    assert seen == [3, 48, 256, 192, 192] and column.fc7[0].in_features == 4096
    half = torch.randn(2, 4, requires_grad=True)
    joined = columns._exchanged(half)
    assert torch.equal(joined, torch.cat([half, half], dim=1))
    joined[:, :4].sum().backward()
    assert (half.grad == 2).all()  # its own, and what the other column sends back


@pytest.mark.parametrize(("seconds", "holds"), [(0.9, None), (1.1, False), (1.0, None)])
def test_a_slow_column_refutes_and_a_fast_one_confirms_nothing(monkeypatch, tmp_path, seconds, holds):
    def in_turns(candidates, rounds, watch):
        return timing.Times({columns.COLUMN: [seconds] * rounds, columns.ONE: [1.0] * rounds})

    monkeypatch.setattr(columns, "in_turns", in_turns)
    outcome = columns.two_columns(Setup("cpu", tmp_path, tmp_path), stem="cifar", rounds=6)
    assert outcome.holds is holds and f"{seconds:.2f}" in outcome.evidence[0]
