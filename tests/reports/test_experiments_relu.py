"""A ReLU's losses: worked out by hand for matrices whose rows are chosen, and the rule."""

import pytest
import torch

from reports.verdicts.experiments import Setup, relu


def test_losses_of_chosen_matrices():
    one_of_each_sign = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    axes = one_of_each_sign[[0, 2]]
    (loss, none), (collapsed, most) = relu.left_over(one_of_each_sign[None]), relu.left_over(axes[None])
    # Each pair of signs gives its coordinate back, halved: the scale makes up for it.
    assert loss.item() == pytest.approx(0, abs=1e-5) and none.item() < 0.02
    # Of two axes only the first quadrant, a quarter of two whole turns, has both above zero.
    assert most.item() == pytest.approx(3 / 4, abs=0.01) and collapsed.item() > 0.3


def test_a_matrix_that_takes_all_to_zero_loses_all():
    loss, share = relu.left_over(torch.zeros(1, 3, 2))
    assert loss.item() == 1 and share.item() == 1


def test_few_dimensions_lose_and_many_do_not(tmp_path, monkeypatch):
    monkeypatch.setattr(relu, "DRAWS", 200)
    outcome = relu.relu_needs_many_dimensions(Setup("cpu", tmp_path, tmp_path))
    assert outcome.holds is True
    assert [row[0] for row in outcome.data["tables"][0]["rows"]] == [2, 3, 5, 15, 30]


@pytest.mark.parametrize("planted", ["keeps in few", "collapses in many", "rises"])
def test_the_rule_fails_where_a_part_does(planted):
    draws = torch.linspace(0.9, 1.1, 50)
    losses = {n: (draws / n).tolist() for n in (2, 3, 5, 15, 30)}
    collapsed = {n: (draws * (0.5 if n < 5 else 0.001)).tolist() for n in losses}
    assert relu.judge(losses, collapsed) is True
    if planted == "keeps in few":
        collapsed[3] = collapsed[30]
    elif planted == "collapses in many":
        collapsed[30] = collapsed[2]
    else:
        losses[30] = losses[2]
    assert relu.judge(losses, collapsed) is False
