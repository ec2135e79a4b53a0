"""An answer's sources are the files that decide it, and a change of any of them shows."""

import pytest

from architectures import registry
from reports.printed import figures
from reports.verdicts import checks, complexity, sources


def names(files) -> set[str]:
    return {path.relative_to(sources.ROOT).as_posix() for path in files}


def test_a_network_comes_from_its_family_and_what_that_imports():
    found = names(sources.of_architecture("shufflenet_v2"))
    assert found == {
        f"architectures/{name}.py"
        for name in ("shufflenet_v2", "layers/channel_shuffle", "layers/conv_bn", "layers/squeeze_excitation")
        + ("registry", "signatures", "spelling", "counting", "counts")
    }
    assert "architectures/vgg.py" in names(sources.of_architecture("se_vgg"))


def test_a_check_comes_from_what_it_imports_and_what_it_names():
    found = names(sources.of_check("squeezenet.param_table"))
    assert {
        *("reports/verdicts/checks/squeezenet.py", "reports/verdicts/complexity.py"),
        *("architectures/squeezenet.py", "architectures/alexnet.py", "reports/papers/squeezenet_t1.csv"),
    } <= found
    assert not found & {"architectures/densenet.py", "reports/verdicts/cache.py"}
    assert "lightning_modules/initialisation.py" in names(sources.of_check("xavier.variance"))


def test_a_check_does_not_come_from_what_its_neighbours_name():
    halves, half = (
        names(sources.of_check(f"densenet.{claim}")) for claim in ("compression_halves", "flops_half")
    )
    assert (
        "architectures/resnet.py" in half - halves and "reports/papers/densenet_t2.csv" not in half | halves
    )
    assert {"architectures/densenet.py", "reports/verdicts/checks/densenet.py"} <= half & halves


@pytest.mark.parametrize("claim", sources.checks())
def test_every_network_built_and_table_read_is_among_the_sources(claim, monkeypatch):
    check = checks.find(claim)  # imports its module, whose own constants are not the check's
    seen, find, figure = set(), registry.find, figures._figure

    def found(name):
        seen.add(f"architectures/{find(name).family}.py")
        return find(name)

    def read(row, where):
        seen.add(f"reports/papers/{where.partition(',')[0]}")
        return figure(row, where)

    monkeypatch.setattr(registry, "find", found)
    monkeypatch.setattr(figures, "_figure", read)
    complexity.stages.cache_clear()
    check.__wrapped__()  # without its cache
    assert seen <= names(sources.of_check(claim))


def test_a_changed_or_new_file_is_another_source(tmp_path):
    def fingerprint() -> str:
        sources.fingerprint.cache_clear()
        return sources.fingerprint(frozenset(tmp_path.iterdir()), tmp_path)

    (tmp_path / "family.py").write_text("A = 1")
    first = fingerprint()
    assert fingerprint() == first
    (tmp_path / "family.py").write_text("A = 2")
    second = fingerprint()
    (tmp_path / "other.py").write_text("")
    assert len({first, second, fingerprint()}) == 3
