"""Which printed figure stands beside ours: by data set, metric and augmentation; transfers apart."""

import dataclasses

import pytest

from reports.pages import tables
from reports.printed import figures as printed
from reports.printed import variants
from reports.verdicts import results
from reports.verdicts.counts import Count
from sweeps.study import Printed, Table, Variant


def figure(**changes) -> printed.Figure:
    return dataclasses.replace(printed.read("densenet_t2")[0], **changes)


@pytest.mark.parametrize(
    ("dataset", "title", "same"),
    [
        ("CIFAR-10", "CIFAR-10", True),
        ("CIFAR-10", "CIFAR-100", False),
        ("CIFAR", "CIFAR-100", True),
        ("ImageNet-1k val", "ImageNet", True),
        ("ILSVRC-2012", "ImageNet", True),
        ("ImageNet-1k val", "Imagenette", False),
    ],
)
def test_a_figure_belongs_to_a_data_set(dataset, title, same):
    assert figure(dataset=dataset).is_on(title) is same


def test_an_accuracy_is_read_as_an_error():
    assert str(figure(metric="top1_acc", value="70.6").error) == "29.4"
    assert str(figure(metric="err", value="5.24").error) == "5.24"
    assert figure(metric="err", value="fail").error is None


def test_a_row_with_several_augmentations_must_say_which():
    def error_of(**place):
        variant = Variant("wide", "densenet", {}, printed=(Printed("d40-12", "densenet_t2", **place),))
        return variants.printed_error(variant, "cifar10")

    assert error_of(augmentation="+").value == "5.24"
    assert error_of(augmentation="none").value == "7.00"
    with pytest.raises(ValueError, match="several figures on CIFAR-10; name its augmentation or .*'none'"):
        error_of()
    assert error_of(metric="no such metric") is None


def test_a_row_of_several_tables_must_say_of_which():
    def error_of(**place):
        printed = Printed("v3", "inception_v4", metric="top1_err", **place)
        return variants.printed_error(Variant("v3", "inception_v3", printed=(printed,)), "imagenet")

    assert error_of(part="Table 2").value == "21.2"
    with pytest.raises(ValueError, match="several figures on ImageNet; name .* part: '' of Table 2, '' of"):
        error_of()
    with pytest.raises(ValueError, match="inception_v4.csv, Table 1, has no row 'v3', which"):
        error_of(part="Table 1")


def test_a_transfer_shows_the_papers_data_set_and_no_difference(study):
    of = dataclasses.replace(study, datasets=("cifar10", "cifar100"), transfers=("cifar100",))
    groups = {
        (variant.name, dataset): results.Group((), 3) for variant in of.variants for dataset in of.datasets
    }
    counts = dict.fromkeys(groups, Count(1_000_000, 250_000_000))
    declared = Table("Width", ("wide", "thin"))
    own, transfer = (
        tables.table(results.Results(of, "paper", groups), dataset, declared, counts)
        for dataset in of.datasets
    )
    assert "| error, printed (single run) |" in own and "difference" not in own  # which needs runs
    assert "| error, printed on CIFAR-10 (single run) |" in transfer and "difference" not in transfer
    assert "5.24" in own and "5.24" in transfer
    silent = dataclasses.replace(of, statistic="not stated")
    table = tables.table(results.Results(silent, "paper", groups), "cifar10", declared, counts)
    assert "| error, printed (number of runs not stated) |" in table


def test_columns_without_any_printed_count_are_left_out(study):
    groups = {(variant.name, "cifar10"): results.Group((), 3) for variant in study.variants}
    counts = dict.fromkeys(groups, Count(1_000_000, 250_000_000))
    with_printed, without = (
        tables.table(results.Results(study, "mini", groups), "cifar10", Table("T", rows), counts)
        for rows in (("wide", "other"), ("other",))
    )
    assert "params, printed" in with_printed and "params, printed" not in without
    assert "mult-adds, printed" not in with_printed  # DenseNet's Table 2 has none
