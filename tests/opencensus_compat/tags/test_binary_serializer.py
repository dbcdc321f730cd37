"""Tag maps as bytes: there and back, and what the network may bring."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opencensus_compat.tags.propagation.binary_serializer import BinarySerializer
from opencensus_compat.tags.tag_map import TagMap

LEGAL = st.characters(min_codepoint=32, max_codepoint=126)
KEYS, VALUES = st.text(LEGAL, min_size=1, max_size=255), st.text(LEGAL, max_size=255)


def _pairs(tag_map):
    return [(str(key), str(value)) for key, value in tag_map]


@given(st.dictionaries(KEYS, VALUES, max_size=16))
@example({"k" * 127: "v" * 128, "l" * 255: ""})
def test_there_and_back(pairs):
    """What is written is read, in its order; beyond 8,192 characters nothing is written."""
    made = TagMap()
    for key, value in pairs.items():
        made.insert(key, value)
    data = BinarySerializer().to_byte_array(made)
    assert _pairs(BinarySerializer().from_byte_array(data)) == list(pairs.items())


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.data())
def test_damaged_bytes(pairs, data):
    """Bytes that are cut off, changed or continued give the tags before the damage, or a version that is refused, and nothing else."""
    whole = BinarySerializer().to_byte_array(TagMap(pairs.items()))
    at = data.draw(st.integers(1, len(whole)))
    damaged = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + data.draw(st.integers(0, 8)) :]
    kept = _pairs(BinarySerializer().from_byte_array(damaged))
    assert all(0 < len(key) <= 255 and (key + value).isascii() for key, value in kept)


@given(st.binary(max_size=200))
def test_any_bytes(data):
    """Any bytes give a tag map with legal tags, or the error of a version that nobody knows."""
    if data[:1] in {b"", b"\0"}:
        assert all(0 < len(key) <= 255 and len(value) <= 255 for key, value in BinarySerializer().from_byte_array(data))
    else:
        with pytest.raises(ValueError, match=f"Invalid version id. Expected 0, got {data[0]}"):
            BinarySerializer().from_byte_array(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\0\0\x01k\x01v\0", "Tags after the first 1 cannot be read: a length has no end"),
        (b"\0\0\x01k\x05v", "Tags after the first 0 cannot be read: a text of 5 bytes is cut off"),
        (b"\0\0" + b"\xff" * 50, "Tags after the first 0 cannot be read: a length has no end"),
        (b"\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", f"Tags after the first 0 cannot be read: a text of {2**64 - 1} bytes is cut off"),
        (b"", "There are no bytes to read tags from"),
    ],
    ids=["behind", "cut", "endless-length", "huge-length", "empty"],
)
def test_what_is_wrong_is_said(data, why, caplog):
    """Where the reading ends early, one warning says why."""
    BinarySerializer().from_byte_array(data)
    assert [record.getMessage() for record in caplog.records] == [why]
    assert caplog.records[0].name == "opencensus.tags.propagation.binary_serializer"


def test_too_many_tags(caplog):
    """Beyond 8,192 characters nothing is written, and reading stops at the tag that passes them."""
    pairs = [(f"{number:03}", "v" * 126) for number in range(64)]
    assert BinarySerializer().to_byte_array(TagMap(pairs)) is None
    data = b"\0" + b"".join(BinarySerializer().to_byte_array([pair])[1:] for pair in pairs)
    assert _pairs(BinarySerializer().from_byte_array(data)) == pairs[:63]
    assert [record.getMessage() for record in caplog.records] == [
        "Tags of 8256 characters are too many to send, 8192 may be sent",
        "Tags after the first 63 cannot be read: there are more than 8192 characters",
    ]
