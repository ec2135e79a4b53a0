"""VGG: the columns of Table 1, the function against torchvision's, fully connected layers as convolutions."""

import pytest
import torch
import torchvision
from torch import nn

import architectures.vgg
from architectures import build
from architectures.counting import count
from architectures.describe import describe
from tests.architectures.reference import CLASSES, assert_same_function, random_images, with_few_units

LAYERS = {"A": 11, "A-LRN": 11, "B": 13, "B-5x5": 8, "C": 16, "D": 16, "E": 19}


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("vgg", stem=stem, num_classes=1000, **knobs)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_function_of_torchvision(batch_norm, monkeypatch):
    # Small images, which leave one pixel, and few units in both: so quick.
    monkeypatch.setitem(architectures.vgg.LAST_SIDE, "imagenet", 1)
    monkeypatch.setattr(architectures.vgg, "HIDDEN_UNITS", 64)
    ours = build("vgg", stem="imagenet", num_classes=CLASSES, config="A", batch_norm=batch_norm)
    theirs = (torchvision.models.vgg11_bn if batch_norm else torchvision.models.vgg11)(num_classes=CLASSES)
    theirs.avgpool = nn.Identity()  # to 7×7
    with_few_units(theirs.classifier, 512)
    assert_same_function(ours, theirs, random_images(3, 32))


@pytest.mark.parametrize(
    ("config", "reference"), [("A", "vgg11"), ("B", "vgg13"), ("D", "vgg16"), ("E", "vgg19")]
)
def test_layers_of_torchvision(config, reference):
    with torch.device("meta"):
        theirs = getattr(torchvision.models, reference)()

    def layers(network: nn.Module) -> list[str]:
        kinds = (nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.Linear, nn.Dropout)
        return [repr(module) for module in network.modules() if isinstance(module, kinds)]

    assert layers(on_meta(config=config)) == layers(theirs)


@pytest.mark.parametrize(("config", "layers"), LAYERS.items())
@pytest.mark.parametrize(("stem", "images"), [("cifar", 32), ("imagenet", 224)])
def test_weighted_layers(config, layers, stem, images):
    assert count(on_meta(stem, config=config), images).layers == layers


def rows(network: nn.Module, images: int) -> list[tuple[str, ...]]:
    lines = describe(network, images).splitlines()[2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|"))[:3] for line in lines]


def test_column_c_of_table_1_described():
    assert rows(on_meta(config="C"), 224) == [
        ("conv1", "224×224", "3×3 conv, 64; 3×3 conv, 64"),
        ("pool1", "112×112", "2×2 max pool, stride 2"),
        ("conv2", "112×112", "3×3 conv, 128; 3×3 conv, 128"),
        ("pool2", "56×56", "2×2 max pool, stride 2"),
        ("conv3", "56×56", "3×3 conv, 256; 3×3 conv, 256; 1×1 conv, 256"),
        ("pool3", "28×28", "2×2 max pool, stride 2"),
        ("conv4", "28×28", "3×3 conv, 512; 3×3 conv, 512; 1×1 conv, 512"),
        ("pool4", "14×14", "2×2 max pool, stride 2"),
        ("conv5", "14×14", "3×3 conv, 512; 3×3 conv, 512; 1×1 conv, 512"),
        ("pool5", "7×7", "2×2 max pool, stride 2"),
        ("fc6", "1×1", "4096-d fully connected"),
        ("fc7", "1×1", "4096-d fully connected"),
        ("fc8", "1×1", "1000-d fully connected"),
        ("total", "", "16 weighted layers"),
    ]


def test_a_lrn_has_one_normalisation_after_its_first_convolution():
    assert rows(on_meta(config="A-LRN"), 224)[0][2] == "3×3 conv, 64; local response norm"
    assert sum(isinstance(m, nn.LocalResponseNorm) for m in on_meta(config="A-LRN").modules()) == 1


def test_a_5x5_costs_more_than_two_3x3():
    # 25C² against 18C² for C channels in and out, here the 512 of the last stage
    stages = [on_meta(config=config).conv5 for config in ("B", "B-5x5")]
    weights = [sum(m.weight.numel() for m in stage if isinstance(m, nn.Conv2d)) for stage in stages]
    assert weights == [18 * 512**2, 25 * 512**2]


def test_fully_connected_layers_as_convolutions():
    torch.manual_seed(0)
    fc = build("vgg", stem="cifar", num_classes=5, config="A").eval()
    conv = build("vgg", stem="cifar", num_classes=5, config="A", head="conv").eval()
    conv.load_state_dict(fc.state_dict())
    images = torch.randn(2, 3, 32, 32)
    larger = torch.randn(1, 3, 64, 48)
    with torch.no_grad():
        crop_scores = fc(images)
        torch.testing.assert_close(conv(images), crop_scores, atol=1e-6, rtol=1e-4)
        features = nn.Sequential(*list(fc.children())[:-3])(larger)
        positions = [features[:, :, y : y + 2, x : x + 2] for y in range(3) for x in range(2)]
        assert features.shape[2:] == (4, 3)
        scores = [fc.fc8(fc.fc7(fc.fc6(position))) for position in positions]
        torch.testing.assert_close(conv(larger), torch.stack(scores).mean(0), atol=1e-6, rtol=1e-4)
    assert crop_scores.std() > 1e-3
    build("vgg", stem="cifar", num_classes=5, config="A").load_state_dict(conv.state_dict())


def test_weights_for_other_classes_are_refused():
    ten = build("vgg", stem="cifar", num_classes=10, config="A")
    five = build("vgg", stem="cifar", num_classes=5, config="A", head="conv")
    with pytest.raises(RuntimeError, match="size mismatch for fc8"):
        five.load_state_dict(ten.state_dict())


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"config": "F"}, "config: 'F' is not one of A, A-LRN, B, B-5x5, C, D, E"),
        ({"head": "gap"}, "head: 'gap' is not one of fc, conv"),
        ({"dropout": 1.0}, r"dropout 1.0 is not in \[0, 1\)"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)
