"""Limits, and values as text."""

from __future__ import annotations

import enum
import json

import pytest

from appinsights_exporter.convert.limits import TAG_LIMITS, measurements, properties, tag, text


class State(str, enum.Enum):
    """An enumeration of texts."""

    OPEN = "open"


class Size(int, enum.Enum):
    """An enumeration of numbers."""

    BIG = 3


class Weight(float):
    """A number that says something else."""

    def __str__(self) -> str:
        return "heavy"


TEXTS = {
    "text": ("a", "a"),
    "true": (True, "True"),
    "false": (False, "False"),
    "int": (5, "5"),
    "float": (1.5, "1.5"),
    "sequence": (("a", 1, True, None), '["a",1,true,null]'),
    "list": (["é"], '["é"]'),
    "mapping": ({"k": {"n": (1, 2)}}, '{"k":{"n":[1,2]}}'),
    "bytes that are text": (b"ab", "ab"),
    "bytes that are none": (b"\xff\x00", "/wA="),
    "object": (1 + 2j, "(1+2j)"),
    "text that is a member of an enumeration": (State.OPEN, "open"),
    "number that is one": (Size.BIG, "3"),
    "number of a class of its own": (Weight(1.5), "1.5"),
    "number in a sequence that JSON of the encoder lacks": ([2**70], "[1180591620717411303424]"),
}


@pytest.mark.parametrize(("value", "shown"), TEXTS.values(), ids=TEXTS)
def test_text(value, shown):
    """Booleans as saved queries know them, sequences and mappings as JSON and not as Python's repr (peer defect 27)."""
    assert text(value) == shown


def test_properties_limits():
    """Values are cut to 8192, keys over 150 and empty ones go, None goes."""
    made = properties({"v": "x" * 9000, "k" * 150: "kept", "k" * 151: "gone", "": "gone", "none": None})
    assert made == {"v": "x" * 8192, "k" * 150: "kept"}


def test_long_gen_ai_values_come_last():
    """A long prompt keeps up to 262144 characters but stands behind what is small (peer defect 36)."""
    made = properties({"gen_ai.input.messages": "m" * 300_000, "note": "n" * 2000, "tenant": "t7", "n": 1})
    assert list(made) == ["tenant", "n", "note", "gen_ai.input.messages"]
    assert len(made["gen_ai.input.messages"]) == 262_144


def test_tags_are_cut_text():
    """Tags are text within their limits (peer defect 34)."""
    assert tag("ai.user.authUserId", 5) == "5"
    for name, limit in TAG_LIMITS.items():
        assert len(tag(name, "x" * 3000)) == limit
    assert len(tag("ai.unknown", "x" * 3000)) == 1024


MEASUREMENTS = {
    "mapping": ({"a": 1, "b": 2.5}, {"a": 1, "b": 2.5}),
    "JSON text": ('{"a": 1}', {"a": 1}),
    "what is no number goes": ({"t": True, "s": "5", "n": None, "ok": 1}, {"ok": 1}),
    "what is not finite goes": ({"nan": float("nan"), "inf": float("inf"), "huge": 10**400, "ok": 1}, {"ok": 1}),
    "more than 64 bits": ({"a": 2**64 - 1, "b": 2**64, "c": -(2**70)}, {"a": 2**64 - 1, "b": float(2**64), "c": -float(2**70)}),
    "JSON text with NaN": ('{"a": NaN, "b": 1}', {"b": 1}),
    "long key is cut, empty key goes": ({"k" * 200: 1, "": 2}, {"k" * 150: 1}),
    "malformed": ("{", {}),
    "deep": ("[" * 100_000, {}),
    "list": ("[1]", {}),
    "other": (5, {}),
    "none": (None, {}),
}


@pytest.mark.parametrize(("value", "expected"), MEASUREMENTS.values(), ids=MEASUREMENTS)
def test_measurements(value, expected):
    """Only finite numbers pass; nothing raises."""
    made = measurements(value)
    assert made == expected
    json.dumps(made, allow_nan=False)


def test_measurements_that_are_left_out():
    """Each key whose value is no finite number is told."""
    told = []
    assert measurements({"a": 1, "b": float("nan"), "c": "x", "d": 10**400, 5: None}, told.append) == {"a": 1}
    assert told == ["b", "c", "d", "5"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("-inf"), "-inf"),
        ([1.0, float("nan")], '[1.0,"nan"]'),
        ({"a": (float("inf"), None)}, '{"a":["inf",null]}'),
        ([None], "[null]"),
    ],
    ids=repr,
)
def test_numbers_that_are_not_finite(value, shown):
    """They are their text, also inside of lists and mappings."""
    assert properties({"k": value}) == {"k": shown}
