"""A record proves itself: whatever is forged, damaged or no record at all is refused in one line that says what."""

import copy
import json
import random
from collections.abc import Callable, Iterator

import pytest

from lightning_modules import record, tracking
from lightning_modules.configuration import resolve
from lightning_modules.record import Record
from sweeps import state
from tests.reports.conftest import diverged, facts_of, sealed

CONFIGURATION = resolve("resnet", {"depth": 8}, dataset="cifar10", budget="short", seed=1)
TOP5 = {"top5_errors": 700, "top5_error": 7.0}


def made() -> dict:
    """A record of 30 epochs, with all that a record may hold: a best epoch, and errors of five guesses."""
    facts = facts_of(CONFIGURATION, 5_000, "resnet_depth", "resnet-8")
    return sealed(facts | {"test": facts["test"] | TOP5})


def refusal(text: str | bytes) -> str:
    with pytest.raises(ValueError) as error:
        Record.parse(text, "here:1")
    assert "\n" not in str(error.value)
    return str(error.value)


def changed(facts: dict, path: str, value) -> dict:
    """The record with a value in place of that at a path such as `curve.lr.3`."""
    own = copy.deepcopy(facts)
    *parents, leaf = [int(part) if part.isdigit() else part for part in path.split(".")]
    holder = own
    for parent in parents:
        holder = holder[parent]
    holder[leaf] = value
    return own


def numbers(value, path: str = "") -> Iterator[str]:
    """The path of every number, but of lists that of their second alone."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from numbers(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        yield from numbers(value[1], f"{path}.1") if len(value) > 1 else ()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def test_a_record_is_read_as_it_was_written():
    huge = sealed(changed(changed(made(), "curve.train_loss.1", 1e30), "curve.lr.1", 1e38))
    for facts in (made(), diverged(made(), 1), diverged(huge, 3)):
        assert Record.parse(json.dumps(facts, indent=1), "here:1").as_dict() == facts


IMAGES = resolve("squeezenet", {}, dataset="imagenet", budget="short", seed=0)
TEN_CROP = {
    "images": 50_000,
    "errors": 20_000,
    "error": 40.0,
    "loss": 1.5,
    "top5_errors": 9_000,
    "top5_error": 18.0,
}


def evaluated(**evaluations) -> dict:
    return sealed(facts_of(IMAGES, 21_000, None, None) | {"evaluations": evaluations})


def test_evaluations_are_kept_beside_the_test_and_none_leave_no_trace():
    facts = evaluated(ten_crop=TEN_CROP)
    record = Record.parse(json.dumps(facts), "here:1")
    assert record.as_dict() == facts and record.evaluations["ten_crop"]["error"] == 40 and record.error == 42
    bare = {name: value for name, value in facts.items() if name != "evaluations"}
    assert record.run_id == Record.parse(json.dumps(sealed(bare)), "here:1").run_id
    assert "evaluations" not in Record.parse(json.dumps(sealed(bare)), "here:1").as_dict()


def test_the_summary_of_a_run_names_its_evaluations():
    shown = tracking.summary(evaluated(ten_crop=TEN_CROP))
    assert (shown["test_error"], shown["ten_crop/top1_error"], shown["ten_crop/top5_error"]) == (42, 40, 18)
    assert not [name for name in tracking.summary(made()) if "/" in name]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("ten_crop", {"errors": 50_001}, "50001 errors in 50000 test images are impossible"),
        ("ten_crop", {"error": 39.0}, "evaluations.ten_crop.error is 39.0, but 20000 of 50000 are 40.00 %"),
        ("ten_crop", {"images": 40_000}, "40,000 test images were counted; ImageNet has 50,000"),
        ("ten_crop", {"loss": "low"}, "the field 'evaluations.ten_crop.loss' is 'low', expected float"),
        ("two_crops", {}, "evaluation is one of ten_crop, dense"),
        ("one_crop", {}, "not 'one_crop'"),
    ],
)
def test_an_evaluation_proves_itself_as_the_test_does(name, change, message):
    assert message in refusal(json.dumps(evaluated(**{name: TEN_CROP | change})))


def test_images_of_one_size_have_no_evaluations():
    facts = sealed(made() | {"evaluations": {"ten_crop": TEN_CROP}})
    assert "cifar10 has images of one size" in refusal(json.dumps(facts))


def test_a_record_that_would_not_prove_itself_is_not_made():
    with pytest.raises(ValueError, match="curve_test_error is out of range"):
        facts_of(CONFIGURATION, 10_001, "resnet_depth", "resnet-8")


def test_every_committed_record_proves_itself():
    lines = [line for path in state.RECORDS.glob("*.jsonl") for line in path.read_bytes().splitlines()]
    assert len(lines) > 100
    for line in lines:
        assert Record.parse(line, "here:1").as_dict() == json.loads(line)


def shorter(facts: dict) -> dict:
    return facts | {"curve": {name: values[:-1] for name, values in facts["curve"].items()}}


def setting(path: str, value) -> Callable[[dict], dict]:
    return lambda facts: changed(facts, path, value)


def both(name: str, value) -> Callable[[dict], dict]:
    """What the record says at its top level and in its configuration."""
    return lambda facts: changed(changed(facts, name, value), f"config.{name}", value)


def reconfigured(**changes) -> Callable[[dict], dict]:
    """Another configuration, and the id that it has: nothing stops a forger from hashing."""

    def change(facts: dict) -> dict:
        config = facts["config"] | changes
        return facts | {"config": config, "run_id": record.Configuration(**config).run_id}

    return change


@pytest.mark.parametrize(
    ("forge", "complaint"),
    [
        (setting("run_id", "0123456789ab"), "its run_id is '0123456789ab', but its configuration is that of run"),
        (setting("test", {"images": 100, "errors": 5, "error": 5.0, "loss": 1.0}), "100 test images were counted"),
        (setting("budget", "paper"), "its budget is 'paper', and budget of its config another"),
        (both("budget", "paper"), "but its configuration is that of run"),
        (setting("config.epochs", 3), "but its configuration is that of run"),
        (setting("config.recipe.lr", 0.5), "but its configuration is that of run"),
        (setting("config.nonsense", 1), "its config is none of this project's"),
        (setting("config.teacher", "a"), "its config is none of this project's"),
        (reconfigured(classes=1_000), "its config.classes is 1000"),
        (reconfigured(classes="10"), "its config.classes is '10'"),
        (reconfigured(epochs=31), "its budget_spent.epochs is 30, but elsewhere it says 31"),
        (reconfigured(precision="tf32"), "its machine.precision is '32-true', but elsewhere it says 'tf32'"),
        (both("dataset", "mnist"), "but its configuration is that of run"),
        (setting("seed", 2), "its seed is 2, and seed of its config another"),
        (both("seed", 2), "but its configuration is that of run"),
        (setting("seed", True), "the field 'seed' is True, expected int"),
        (setting("recipe", "a\nb"), "its recipe is 'a\\nb', and that of its config"),
        (setting("parameters", 0), "its parameters is 0, expected 1 or more"),
        (setting("machine.threads", 0), "its machine.threads is 0, expected 1 or more"),
        (setting("wall_seconds", -1.0), "its wall_seconds is -1.0, expected 0 or more"),
        (setting("finished", "<b>today</b>"), "its finished is '<b>today</b>', expected a time in UTC"),
        (setting("machine.device", "\ud800"), "surrogates not allowed"),
        (shorter, "its curve hasn't the 30 epochs of its training"),
        (setting("curve.epoch.3", 9), "its curve hasn't the 30 epochs of its training"),
        (setting("curve.train_error.3", 100.5), "curve.train_error is out of range"),
        (setting("curve.lr.3", True), "curve.lr holds something that is no number"),
        (setting("did_not_start", True), "its did_not_start is True, which its curve contradicts"),
        (setting("diverged", 2), "its curve hasn't the 1 epochs of its training"),
        (setting("diverged", 0), "it diverged in epoch 0 of 30"),
        (setting("diverged", 31), "it diverged in epoch 31 of 30"),
        (setting("test", None), "a run has either a test or diverged"),
        (setting("test.errors", 4_000), "test.error is 50.0, but 4000 of 10000 are 40.00 %"),
        (setting("test.top5_errors", 10_001), "10001 errors in 10000 test images are impossible"),
        (setting("test", {"images": 10_000, "errors": 1, "error": 0.01, "loss": 1.0, "top5_errors": 1}),
         "the field 'test.top5_error' is missing"),
        (setting("best.epoch", 29), "and that of its curve {'epoch': 30, 'error': 50.0}"),
        (setting("best", None), "its best is None"),
        (setting("budget_spent.of_images", 60_000), "its budget_spent.of_images is 60000"),
        (setting("more", 1), "a record has no field 'more'"),
        (setting("format", 2), "format 2 is unknown here"),
    ],
)  # fmt: skip
def test_a_forged_record_is_refused_though_its_digest_fits(forge, complaint):
    assert complaint in refusal(json.dumps(sealed(forge(made()))))


@pytest.mark.parametrize("name", sorted(made().keys() - {"wandb"}))
def test_without_a_new_digest_no_field_can_be_changed_or_left_out(name):
    facts = made()
    assert refusal(json.dumps({key: value for key, value in facts.items() if key != name}))
    for other in ("0" * 64, 7, None, True, [], {}):
        if other != facts[name]:
            assert refusal(json.dumps(facts | {name: other}))


@pytest.mark.parametrize(
    "literal", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, '"1e5"']
)
def test_what_is_no_finite_number_is_refused_in_each_place_of_one(literal):
    places = list(numbers(made()))
    assert len(places) > 40 and {"seed", "best.error", "test.top5_errors", "curve.lr.1"} <= set(places)
    for place in places:
        facts = changed(made(), place, "HERE")
        for sealing in (facts, facts | {"digest": record.seal(changed(facts, place, "1e5"))}):
            said = refusal(json.dumps(sealing).replace('"HERE"', literal))
            assert any(word in said for word in ("number", "run_id", place.split(".")[0])), (place, said)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "not a record of this project"),
        ("null", "not a record of this project"),
        ("", "Expecting value"),
        ("3", "not a record of this project"),
        (json.dumps(made())[:-1], "Expecting ',' delimiter"),
        (json.dumps(made())[:500], "Unterminated string"),
        ("[" * 100_000, "nested too deeply"),
        ('{"format":' * 100_000, "nested too deeply"),
        ('{"format": 3, "knobs": ' + "[" * 900 + "]" * 900 + "}", "the field 'run_id' is missing"),
        (b"\xff\xfe\x00", "codec can't decode"),
    ],
    ids=[
        "list",
        "null",
        "empty",
        "number",
        "torn",
        "half",
        "deep list",
        "deep dictionary",
        "fairly deep",
        "no text",
    ],
)
def test_what_is_no_record_is_refused(text, complaint):
    assert complaint in refusal(text)


def test_teachers_without_end_are_refused():
    config = json.dumps(CONFIGURATION.as_dict())
    taught = f'{config[:-1]}, "teacher": ' * 2_000 + config + "}" * 2_000
    assert "nested too deeply" in refusal(json.dumps(made() | {"config": "HERE"}).replace('"HERE"', taught))


@pytest.fixture(scope="module")
def committed() -> list[bytes]:
    """A committed record's line of every study."""
    return [path.read_bytes().splitlines()[0] for path in sorted(state.RECORDS.glob("*.jsonl"))]


def accepted_as_another(before: bytes, after: bytes) -> bool:
    """Whether a damaged line is taken for a record that says anything else, but for where W&B has it."""
    try:
        found = Record.parse(after, "here:1").as_dict()
    except ValueError:
        return False
    return found | {"wandb": None} != json.loads(before) | {"wandb": None}


def test_no_changed_digit_is_accepted_as_another_record(committed):
    """Of 150 trials, one other digit each, in a random place of a random study's committed record."""
    draw = random.Random(0)
    for _ in range(150):
        line = bytearray(draw.choice(committed))
        place = draw.choice([place for place, byte in enumerate(line) if 48 <= byte <= 57])
        before = bytes(line)
        line[place] = draw.choice([digit for digit in range(48, 58) if digit != line[place]])
        assert not accepted_as_another(before, bytes(line)), bytes(line)


def test_no_flipped_bit_is_accepted_as_another_record(committed):
    """Of 400 trials, one flipped bit each, in a random place of a random study's committed record."""
    draw = random.Random(1)
    for _ in range(400):
        line = bytearray(draw.choice(committed))
        before = bytes(line)
        line[draw.randrange(len(line))] ^= 1 << draw.randrange(8)
        assert not accepted_as_another(before, bytes(line)), bytes(line)
