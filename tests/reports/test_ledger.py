"""The ledger of claims is whole, and every name that points into it leads somewhere."""

import pytest

from reports.verdicts import checks, experiments, ledger, sources


def test_every_claim_is_complete():
    entries = ledger.entries()
    assert len(entries) >= 160  # none was lost; more may come
    for entry in entries.values():
        assert entry.sentence.endswith((".", "?")) and entry.printed and entry.source, entry.id
        assert entry.kinds and set(entry.kinds) <= set(ledger.KINDS), entry.id


def test_every_check_is_of_a_claim_that_can_be_checked_so():
    assert sources.checks()
    for claim_id in sources.checks():
        assert checks.find(claim_id) and "exact" in ledger.find(claim_id).kinds


def test_every_numeric_claim_has_an_experiment():
    numeric = {entry.id for entry in ledger.entries().values() if "numeric" in entry.kinds}
    assert numeric and numeric <= experiments.registered().keys()
    assert sources.experiments().keys() == experiments.registered().keys()


def test_a_mistyped_claim_names_the_near_misses():
    with pytest.raises(ValueError, match="did you mean resnext.cardinality_beats_width"):
        ledger.find("resnext.cardinality_beat_width")


def test_what_is_only_named_is_decided_with_a_reason():
    decided = {named.system: named.decided for named in ledger.named()}
    assert {"LeNet-5", "EfficientNet", "NASNet", "GRU, RNN"} <= decided.keys()
    assert {word.partition(",")[0] for word in decided.values()} == {"in", "out"}
    assert all(named.why.endswith((".", ")")) for named in ledger.named())
