"""Inception v4: the function against timm's, Figure 9's boxes, Reduction-A."""

import pytest
import timm
import torch
from torch import nn

from architectures import build
from architectures.counting import count, count_stages
from architectures.describe import describe
from tests.architectures.reference import CLASSES, assert_same_function, random_images, set_epsilon


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("inception_v4", stem=stem, num_classes=1000, **knobs)


def outputs(network: nn.Module, resolution: int) -> dict[str, tuple[int, ...]]:
    return {stage.name: stage.output for stage in count_stages(network, resolution)}


def test_the_function_of_timm():
    theirs = timm.create_model("inception_v4", num_classes=CLASSES)
    set_epsilon(theirs)  # 0.001, as TensorFlow has it
    repeated = [*range(7, 10), *range(12, 18), *range(20, 22)]  # one module of each kind is left, in both
    theirs.features = nn.Sequential(
        *(module for i, module in enumerate(theirs.features) if i not in repeated)
    )
    ours = build("inception_v4", stem="imagenet", num_classes=CLASSES, blocks=(1, 1, 1))
    assert_same_function(ours, theirs, random_images(2, 107))


def test_boxes_of_figure_9():
    network = on_meta()
    assert outputs(network, 299) == {
        "stem": (384, 35, 35),
        "inception_a": (384, 35, 35),
        "reduction_a": (1024, 17, 17),
        "inception_b": (1024, 17, 17),
        "reduction_b": (1536, 8, 8),
        "inception_c": (1536, 8, 8),
        "average_pooling": (1536,),
        "softmax": (1000,),
    }
    assert [len(row) for row in (network.inception_a, network.inception_b, network.inception_c)] == [4, 7, 3]
    rows = describe(network, 299).splitlines()[2:]
    a = "1×1 conv, 96; 1×1 conv, 64; 3×3 conv, 96; 1×1 conv, 64; 3×3 conv, 96; 3×3 conv, 96"
    assert f"[{a}; 3×3 average pool; 1×1 conv, 96] × 4 " in rows[1]
    reduction = "3×3 conv, 384, stride 2; 1×1 conv, 192; 3×3 conv, 224; 3×3 conv, 256, stride 2"
    assert f" {reduction}; 3×3 max pool, stride 2 " in rows[2]


def test_grids_of_the_cifar_form():
    sizes = outputs(on_meta("cifar"), 32)
    names = ("inception_a", "inception_b", "inception_c")
    assert [sizes[name] for name in names] == [(384, 16, 16), (1024, 8, 8), (1536, 4, 4)]


def test_widths_of_reduction_a():
    network = on_meta(reduction_a_channels=(8, 16, 32, 64))
    assert network.reduction_a.outputs == 384 + 32 + 64
    widths = [
        [m.out_channels for m in path if isinstance(m, nn.Conv2d)] for path in network.reduction_a.paths
    ]
    assert widths == [[64], [8, 16, 32], []]
    assert outputs(network, 299)["softmax"] == (1000,)


def test_depth_follows_the_blocks():
    # Longest paths: 9 layers in the stem, 3 a module A, 5 a B, 4 a C, 3 and 4 in the reductions, 1 before softmax.
    for blocks in ((4, 7, 3), (1, 2, 1)):
        a, b, c = blocks
        assert count(on_meta(blocks=blocks), 299).layers == 9 + 3 * a + 3 + 5 * b + 4 + 4 * c + 1


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"blocks": (4, 7)}, r"blocks \(4, 7\) is wrong; give 3 numbers of at least 1"),
        ({"blocks": (4, 0, 3)}, r"blocks \(4, 0, 3\) is wrong"),
        (
            {"reduction_a_channels": (192, 224, 256)},
            "reduction_a_channels .* is wrong; give 4 numbers of at least 1",
        ),
        ({"dropout": -0.1}, r"dropout -0.1 is not in \[0, 1\)"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)
