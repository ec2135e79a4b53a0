"""Errors of one guess and of five, counted over batches of any size."""

import math

import pytest
import torch

from lightning_modules.classifier import ErrorCounter


def test_counts_are_those_of_all_images_together():
    torch.manual_seed(0)
    logits, labels = torch.randn(103, 20), torch.randint(20, (103,))
    tally = ErrorCounter()
    for part in (slice(0, 50), slice(50, 99), slice(99, 103)):
        loss = torch.nn.functional.cross_entropy(logits[part], labels[part])
        tally.add(loss, logits[part], labels[part])
    tally.add(torch.tensor(float("nan")), torch.empty(0, 20), torch.empty(0, dtype=torch.long))  # all broken
    order = logits.argsort(1, descending=True).tolist()
    errors = sum(label != guesses[0] for label, guesses in zip(labels.tolist(), order, strict=True))
    top5_errors = sum(label not in guesses[:5] for label, guesses in zip(labels.tolist(), order, strict=True))
    assert 0 < top5_errors < errors < 103
    assert tally.result() == {
        "images": 103,
        "loss": pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item()),
        "errors": errors,
        "error": 100 * errors / 103,
        "top5_errors": top5_errors,
        "top5_error": 100 * top5_errors / 103,
    }


def test_without_five_guesses_the_rest_is_the_same():
    torch.manual_seed(0)
    both = ErrorCounter(), ErrorCounter(five=False)
    for size in (64, 37):
        logits, labels = torch.randn(size, 10), torch.randint(10, (size,))
        for tally in both:
            tally.add(torch.nn.functional.cross_entropy(logits, labels), logits, labels)
    whole, short = (tally.result() for tally in both)
    assert short == {name: value for name, value in whole.items() if "top5" not in name}


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_logits_that_are_no_numbers_are_no_right_answer(broken):
    tally = ErrorCounter()
    logits = torch.zeros(3, 10)
    logits[:, 0] = 1
    logits[1] = logits[2, 0] = broken
    tally.add(torch.tensor(1.0), logits, torch.zeros(3, dtype=torch.long))
    assert tally.result()["errors"] == 2 == tally.result()["top5_errors"]


def test_fewer_than_five_classes_and_no_image():
    tally = ErrorCounter()
    assert tally.result()["images"] == 0 and math.isnan(tally.result()["top5_error"])
    tally.add(torch.tensor(1.0), torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([0]))
    assert tally.result()["errors"] == 1 and tally.result()["top5_errors"] == 0
