"""Envelope objects behave as the retired SDK's did, for telemetry processors and subclasses."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from appinsights_exporter import envelope
from appinsights_exporter.convert.head import envelope_head
from appinsights_exporter.envelope import (
    BaseObject,
    Data,
    DataPoint,
    Envelope,
    ExceptionData,
    Message,
    RemoteDependency,
    Request,
    from_wire,
    owned,
)

SET_BY_CONSTRUCTOR = {
    "Data": {"baseData": None, "baseType": None},
    "DataPoint": {"name": "", "value": 0.0},
    "Envelope": {"name": "", "time": ""},
    "Event": {"ver": 2, "name": ""},
    "ExceptionData": {"ver": 2, "exceptions": []},
    "Message": {"ver": 2, "message": ""},
    "MetricData": {"ver": 2, "metrics": []},
    "RemoteDependency": {"ver": 2, "name": "", "resultCode": "", "duration": ""},
    "Request": {"ver": 2, "id": "", "duration": "", "responseCode": "", "success": True},
}


@pytest.mark.parametrize("name", SET_BY_CONSTRUCTOR)
def test_what_a_new_object_sends(name):
    """A new object sends the required fields and nothing else."""
    assert dict(getattr(envelope, name)()) == SET_BY_CONSTRUCTOR[name]


READABLE = {
    "Envelope": ("ver", "sampleRate", "seq", "iKey", "flags", "tags", "data"),
    "DataPoint": ("ns", "kind", "count", "min", "max", "stdDev"),
    "RemoteDependency": ("id", "success", "data", "type", "target", "properties", "measurements"),
    "Request": ("source", "name", "url", "properties", "measurements"),
    "Message": ("severityLevel", "properties", "measurements"),
    "Event": ("properties", "measurements"),
    "ExceptionData": ("severityLevel", "problemId", "properties", "measurements"),
    "MetricData": ("properties",),
}


@pytest.mark.parametrize("name", READABLE)
def test_defaults_are_readable_but_not_sent(name):
    """A field that was never set reads as its default, is not in the object, and get() does not see it."""
    made = getattr(envelope, name)()
    for field in READABLE[name]:
        getattr(made, field)
        assert field not in made
        assert made.get(field, "absent") == "absent"


def test_attributes_are_items():
    """Setting, reading and deleting work both ways."""
    made = Message(message="m")
    made.severityLevel = 2
    assert made["severityLevel"] == 2
    made["properties"] = {"k": "v"}
    assert made.properties == {"k": "v"}
    del made.severityLevel
    assert made.severityLevel is None


def test_unknown_names():
    """An unknown attribute or key raises what Python expects; a misspelt one that is set becomes a key."""
    made = Request()
    with pytest.raises(AttributeError, match="'Request' object has no attribute nmae"):
        made.nmae  # noqa: B018 - the reading is the test
    with pytest.raises(KeyError):
        made["nmae"]
    with pytest.raises(AttributeError):
        del made.nmae
    made.nmae = 1
    assert made["nmae"] == 1


def test_lists_are_not_shared():
    """Two objects never share a default list, not even one that was read again after deletion."""
    first, second = ExceptionData(), ExceptionData()
    first.exceptions.append(1)
    assert second.exceptions == []
    del second.exceptions
    second.exceptions.append(1)
    assert ExceptionData().exceptions == []
    assert second.exceptions == []


def test_copies():
    """pickle, copy and deepcopy keep type and fields, and a deep copy shares nothing."""
    made = Envelope(name="n", tags={"a": "b"}, data=Data(baseType="MessageData", baseData=Message(message="m")))
    for clone in (pickle.loads(pickle.dumps(made)), copy.copy(made), copy.deepcopy(made), Envelope(**made)):
        assert type(clone) is Envelope
        assert clone == made
    deep = copy.deepcopy(made)
    deep.data.baseData.message = "other"
    assert made.data.baseData.message == "m"


def test_repr_shows_defaults():
    """The repr shows fields and the defaults behind them."""
    assert repr(DataPoint(name="n", value=1)) == (
        "{'name': 'n', 'value': 1, 'ns': '', 'kind': None, 'count': None, 'min': None, 'max': None, 'stdDev': None}"
    )


def test_subclass_with_own_defaults():
    """A program's subclass may bring its own defaults, as the retired SDK's Options did."""

    class Options(BaseObject):
        _default = BaseObject(limit=5, where=None)

    assert Options(where="x").limit == 5
    assert dict(Options(where="x")) == {"where": "x"}


def test_subclass_without_a_field():
    """A subclass with other defaults has not the fields of the class that it is made from, unless they are set."""

    class Short(Envelope):
        _default = BaseObject(name="", time="")

    made = Short()
    assert not hasattr(made, "seq")
    made.seq = 1
    assert (made.seq, made["seq"]) == (1, 1)


def test_json():
    """What is set is what is sent."""
    assert json.loads(json.dumps(Envelope(name="n", time="t"))) == {"name": "n", "time": "t"}


@pytest.mark.parametrize(
    ("base_type", "kind"),
    [("RequestData", Request), ("RemoteDependencyData", RemoteDependency), ("MessageData", Message), ("New", BaseObject)],
)
def test_from_wire(base_type, kind):
    """A plain item becomes objects of the right types and is itself not changed through them."""
    item = {
        "name": "n",
        "tags": {"a": "b"},
        "data": {"baseType": base_type, "baseData": {"properties": {"k": "v"}, "measurements": {"m": 1}}},
    }
    made = from_wire(item)
    assert type(made.data.baseData) is kind
    assert (made.name, made.tags, made.data.baseData.properties) == ("n", {"a": "b"}, {"k": "v"})
    made.tags["a"] = "c"
    made.data.baseData.properties["k"] = "w"
    made.data.baseData.measurements["m"] = 2
    assert item == {
        "name": "n",
        "tags": {"a": "b"},
        "data": {"baseType": base_type, "baseData": {"properties": {"k": "v"}, "measurements": {"m": 1}}},
    }
    assert from_wire(made) is made


def test_what_processors_add_to():
    """Properties, and the measurements of an event, are there for processors that add to them without asking."""
    for base_type, names in {"EventData": ("properties", "measurements"), "MessageData": ("properties",)}.items():
        made = from_wire({"data": {"baseType": base_type, "baseData": {"ver": 2}}})
        for name in names:
            made.data.baseData[name]["seen"] = 1
            assert made["data"]["baseData"][name] == {"seen": 1}


@pytest.mark.parametrize(
    "item", [{}, {"data": None}, {"data": {"baseType": None}}, {"data": {"baseType": [], "baseData": {}}}, {"tags": 5}]
)
def test_from_wire_of_odd_items(item):
    """An item that lacks parts becomes an Envelope that lacks them too."""
    assert isinstance(from_wire(item), Envelope)


@pytest.mark.parametrize("kind", ["Request", "RemoteDependency", "Exception", "Message", "Event", "Metric", "Availability"])
@pytest.mark.parametrize("more", [{}, {"properties": {"a": "b"}, "measurements": {"c": 1.0}, "metrics": [{"name": "m", "value": 1}]}])
def test_owned_objects_are_those_of_the_wire(kind, more):
    """An item that is given away becomes the same object as one that is copied."""
    required = SET_BY_CONSTRUCTOR[{"Exception": "ExceptionData", "Metric": "MetricData", "Availability": "Message"}.get(kind, kind)]

    def item():
        return envelope_head(kind, "key", {"ai.cloud.role": "shop"}, "2020-01-01T00:00:00.000000Z", copy.deepcopy({**required, **more}))

    made, expected = owned(item()), from_wire(item())
    assert repr(made) == repr(expected)
    assert [type(made), type(made.data), type(made.data.baseData)] == [type(expected), type(expected.data), type(expected.data.baseData)]
    assert owned(made) is made
