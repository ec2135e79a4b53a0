"""The README shows what the project makes."""

import re
from pathlib import Path

from torch import nn

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_picture_and_page_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_python_runs():
    namespace: dict = {}
    for block in re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL):
        exec(block, namespace)  # noqa: S102
    assert len(namespace["frame"]) > 100 and isinstance(namespace["network"], nn.Module)


def test_a_word_of_the_glossary_is_there():
    glossary = (ROOT / "reports" / "glossary.md").read_text(encoding="utf-8")
    anchors = re.findall(r"glossary\.md#([\w-]+)", README)
    assert len(anchors) > 5 and all(f'<a id="{anchor}"></a>' in glossary for anchor in anchors)
