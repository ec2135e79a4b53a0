"""What tests of the training side share."""

import pytest


@pytest.fixture
def few_references():
    """Search a file's network among a few of timm's hundreds, which take seconds; `undo()` searches them all."""
    import timm

    names = ["resnet18", "resnet50", "resnext50_32x4d", "densenet121", "mobilenetv3_small_100", "vgg11"]
    assert set(names) <= set(timm.list_models())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timm, "list_models", lambda: names)
        yield patch
