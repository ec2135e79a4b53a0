"""The clause on a name that does not exist is a whole sentence's end, and names three at most."""

import pytest

from architectures.spelling import did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("rednet", ["resnet"], "; did you mean resnet?"),
        ("RESNET", ["resnet", "vgg"], "; did you mean resnet?"),
        ("a1", ["a11", "a12", "a13", "a14"], "; did you mean a14, a13 or a12?"),
        ("x", ["vgg", "nin"], "; there are vgg and nin"),
        ("x", ["vgg"], "; there is vgg"),
        ("x", ["b", "c", "d", "e"], "; there are 4, such as b, c and d"),
        (1.5, [], "; there are none"),
    ],
)
def test_the_clause(word, known, said):
    assert did_you_mean(word, known) == said
