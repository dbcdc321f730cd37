"""Envelopes to bytes: nothing that a value can be makes an item be lost."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import gzip
import json
import uuid
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appinsights_exporter.delivery import encode
from appinsights_exporter.envelope import Data, Envelope, Message
from appinsights_exporter.errors import EncodingError


class Unprintable:
    """An object whose text cannot be had."""

    def __str__(self):
        raise RuntimeError


class NumberLike:
    """An object that looks like a number of another library."""

    def __str__(self):
        return "5"


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: int


CYCLE = {}
CYCLE["self"] = CYCLE

VALUES = {
    "text": ("é", "é"),
    "int": (5, 5),
    "true": (True, True),
    "none": (None, None),
    "list": ([1, (2, 3)], [1, [2, 3]]),
    "nan": (float("nan"), "nan"),
    "infinity": ([float("inf"), None], ["inf", None]),
    "inside": ({"a": [-float("inf")]}, {"a": ["-inf"]}),
    "date": (datetime.datetime(2020, 1, 2, 3, 4, 5), "2020-01-02 03:04:05"),  # noqa: DTZ001 - programs have naive ones
    "decimal": (decimal.Decimal("1.50"), "1.50"),
    "uuid": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "set": ({1}, "{1}"),
    "bytes": (b"ab", "b'ab'"),
    "object": (NumberLike(), "5"),
    "unprintable object": (Unprintable(), "<Unprintable>"),
    "named tuple": (Point(1, 2), [1, 2]),
    "largest int": (2**64 - 1, 2**64 - 1),
    "huge int": (2**64, str(2**64)),
    "huge negative int": (-(2**63) - 1, str(-(2**63) - 1)),
    "int without text": (10**5000, "<int>"),
    "int key": ({1: 2}, {"1": 2}),
    "none, true and false as keys": ({None: 1, True: 2, False: 3}, {"null": 1, "true": 2, "false": 3}),
    "tuple key": ({(1, 2): 3}, {"(1, 2)": 3}),
    "lone surrogate": ("a\ud800b", "a\ufffdb"),
    "surrogate pair": ("\ud83d\ude00", "\U0001f600"),
    "surrogate in a key": ({"\ud800": 1}, {"\ufffd": 1}),
    "mapping": (collections.UserDict({"a": 1}), {"a": 1}),
    "ordered": (collections.OrderedDict(a=1), {"a": 1}),
    "exception": (ValueError("bad"), "bad"),
}


def read(envelope):
    """Return an envelope as the service reads it."""
    return json.loads(encode.item(envelope), parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))


@pytest.mark.parametrize(("value", "read_back"), VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("beside", [None, 2**70], ids=["fast", "careful"])
def test_values(value, read_back, beside):
    """Each value is read back as this, whether the fast encoder takes the item or the careful copy must be made."""
    made = read({"data": {"baseData": {"properties": {"value": value, "beside": beside}}}})
    assert made["data"]["baseData"]["properties"]["value"] == read_back


@pytest.mark.parametrize("beside", [None, 2**70], ids=["fast", "careful"])
def test_numbers_elsewhere(beside):
    """Measurements without a number leave, and those of more than 64 bits are floats; any other field is null."""
    numbers = {"nan": float("nan"), "big": 2**70, "huge": 10**400, "n": 1, "f": 0.5}
    made = read({"data": {"baseData": {"measurements": numbers, "properties": {"x": beside}, "value": float("inf")}}})
    assert made["data"]["baseData"]["measurements"] == {"big": float(2**70), "n": 1, "f": 0.5}
    assert made["data"]["baseData"]["value"] is None


def test_enumeration():
    """A member is its value, or its text in the careful copy; never a loss."""
    assert read({"v": Colour.RED}) == {"v": 1}
    assert read({"v": Colour.RED, "w": 2**70})["v"] == "Colour.RED"


def test_cycles_and_depth():
    """Cycles and deep nesting end as text."""
    assert "..." in str(read({"v": CYCLE}))
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert read({"v": deep, "ok": 1})["ok"] == 1


def test_envelope_objects():
    """Envelope objects are their fields, without the defaults behind them."""
    made = Envelope(name="n", time="t", data=Data(baseType="MessageData", baseData=Message(message="m", properties={"k": Unprintable()})))
    assert read(made) == {
        "name": "n",
        "time": "t",
        "data": {"baseType": "MessageData", "baseData": {"ver": 2, "message": "m", "properties": {"k": "<Unprintable>"}}},
    }


def test_text_is_not_escaped():
    """Characters outside of ASCII are sent as they are, which is shorter."""
    assert encode.item({"k": "é"}) == '{"k":"é"}'.encode()


def message(**fields):
    """Return a message item with these fields."""
    return {"name": "n", "iKey": "k", "data": {"baseType": "MessageData", "baseData": {"ver": 2, **fields}}}


LONG = {
    "one long property": message(message="m", properties={"a": "x" * 200_000, "b": "kept"}),
    "property that is a list": message(message="m", properties={"a": ["x" * 100] * 2000, "b": "kept"}),
    "property that needs escapes": message(message="m", properties={"a": "\x01" * 50_000, "b": "kept"}),
    "property of long characters": message(message="m", properties={"a": "é€" * 50_000, "b": "kept"}),
    "several long properties": message(message="m", properties={"b": "kept", **{f"a{n}": "x" * 8192 for n in range(20)}}),
    "long message": message(message="m" * 200_000, properties={"b": "kept"}),
    "long stack": message(exceptions=[{"typeName": "T", "message": "m" * 32768, "stack": "s" * 100_000}], properties={"b": "kept"}),
    "many frames": message(
        exceptions=[{"typeName": "T", "message": "m", "parsedStack": [{"level": n, "method": "m" * 100} for n in range(2000)]}],
        properties={"b": "kept"},
    ),
    "property that is no mapping": message(message="m" * 100_000, properties="x"),
}


@pytest.mark.parametrize("envelope", LONG.values(), ids=LONG)
def test_long_items_are_shortened(envelope):
    """An item over 65536 bytes is cut where it is longest until it fits, and little of it is wasted (peer defect 35)."""
    encoded = encode.item(envelope)
    assert 60_000 < len(encoded) <= 65_536
    made = json.loads(encoded)
    assert made["iKey"] == "k"
    properties = made["data"]["baseData"]["properties"]
    assert properties == "x" or properties["b"] == "kept"


def test_the_longest_property_goes_first():
    """Shorter properties are whole while a longer one can give."""
    made = read(message(message="m" * 1000, properties={"short": "s" * 8000, "long": "l" * 60_000}))["data"]["baseData"]
    assert len(made["properties"]["short"]) == 8000
    assert len(made["message"]) == 1000


def test_the_innermost_frames_stay():
    """A stack loses its outer end."""
    frames = read(LONG["many frames"])["data"]["baseData"]["exceptions"][0]["parsedStack"]
    assert [frame["level"] for frame in frames] == list(range(len(frames)))


def test_the_text_of_a_stack_goes_first():
    """It loses its beginning before anything else is cut, since the frames are there a second time."""
    frames = [{"level": 0, "method": "pay", "fileName": "f.py", "line": 1}]
    entry = {"typeName": "E", "message": "m" * 32_000, "parsedStack": frames, "stack": "outermost" + "s" * 32_000 + "innermost"}
    fields = {"exceptions": [entry], "properties": {"key": "p" * 8000}}
    made = read({"name": "n", "data": {"baseType": "ExceptionData", "baseData": fields}})["data"]["baseData"]
    [cut] = made["exceptions"]
    assert (len(cut["message"]), made["properties"], cut["parsedStack"]) == (32_000, {"key": "p" * 8000}, frames)
    assert 20_000 < len(cut["stack"]) < 30_000
    assert cut["stack"].endswith("sinnermost")


def test_very_many_properties():
    """Thousands of small properties lose the last ones."""
    made = read(message(message="m", properties={f"k{n}": "v" * 50 for n in range(5000)}))["data"]["baseData"]["properties"]
    assert list(made)[:2] == ["k0", "k1"]
    assert len(made) > 500


@pytest.mark.parametrize("envelope", [{"tags": {"t": "x" * 70_000}}, {"x": "y" * 70_000, "data": {"baseData": {}}}, {"data": "x" * 70_000}])
def test_items_that_cannot_be_shortened(envelope):
    """What cannot be made short enough is our error, for the caller to count."""
    with pytest.raises(EncodingError, match="cannot be shortened to 65536"):
        encode.item(envelope)


def test_batches_by_number():
    """At most 512 items in a batch, as many as the SDK exports at a time, in order."""
    made = list(encode.batches([b"%d" % number for number in range(1025)]))
    assert [len(batch) for batch in made] == [512, 512, 1]
    assert [item for batch in made for item in batch.items()] == [b"%d" % number for number in range(1025)]


def test_batches_by_size():
    """At most 1 MiB of JSON in a batch."""
    made = list(encode.batches([b"x" * 65_536] * 40))
    assert [len(batch) for batch in made] == [15, 15, 10]
    assert all(len(gzip.decompress(batch.body)) <= 1024 * 1024 for batch in made)
    assert list(encode.batches([])) == []
    assert [len(batch) for batch in encode.batches([b"x" * 2_000_000] * 2)] == [1, 1]


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 64, 100])
def test_body(count):
    """A body is a gzipped JSON array (peer defect 15), the same each time, from which the items can be had again."""
    items = [b'{"n":%d}' % number for number in range(count)]
    (batch,) = encode.batches(iter(items))
    assert json.loads(gzip.decompress(batch.body)) == [{"n": number} for number in range(count)]
    assert batch.items() == items
    assert list(encode.batches(items)) == [batch]


ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(alphabet=st.characters()),
        st.binary(max_size=20),
        st.dates(),
        st.decimals(),
        st.complex_numbers(),
        st.builds(Unprintable),
        st.builds(NumberLike),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.floats(), st.dates()), inner, max_size=4),
        st.frozensets(st.integers(), max_size=3),
    ),
    max_leaves=12,
)


@given(ANYTHING)
@settings(max_examples=300, deadline=None)
def test_any_value(value):
    """Whatever the value, its item is JSON and the rest of it is unharmed."""
    made = read(message(message="m", properties={"value": value, "other": "kept"}))
    assert made["data"]["baseData"]["properties"]["other"] == "kept"


@given(st.dictionaries(st.text(max_size=300), st.text(max_size=3000).map(lambda text: text * 40), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_long_item_fits(properties):
    """Whatever the properties, the item fits."""
    assert len(encode.item(message(message="m", properties=properties))) <= 65_536
