"""The content of the store's files."""

from __future__ import annotations

import gzip
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appinsights_exporter.delivery.packing import packed, unpacked

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def items(count, first=0):
    """Return so many numbered items."""
    return [b'{"n":%d}' % number for number in range(first, first + count)]


@given(cut=st.integers(0, 200), data=st.data())
@fuzz
def test_a_truncated_file_yields_its_whole_lines(cut, data):
    """However a file is cut, what comes back is the beginning of what was stored."""
    kept = data.draw(st.lists(st.integers(0, 10**30), min_size=1, max_size=30))
    stored = [b'{"n":%d}' % number for number in kept]
    content = packed(stored)
    found, whole = unpacked(content[: max(0, len(content) - cut)])
    assert found == stored[: len(found)]
    assert whole == (cut == 0)


@given(content=st.binary(max_size=300), data=st.data())
@fuzz
def test_no_content_raises(content, data):
    """Any bytes, and any bytes in the place of some of a real file's, give a list of JSON objects."""
    real = bytearray(packed([b'{"n":%d}' % number for number in range(50)]))
    start = data.draw(st.integers(0, len(real)))
    real[start : start + len(content)] = content
    for broken in (content, bytes(real), gzip.compress(content)):
        found, whole = unpacked(broken)
        assert whole or all(isinstance(json.loads(item), dict) for item in found)


def test_a_bomb_is_not_unpacked_whole():
    """A small file that would become a large one is damaged, and costs little."""
    found, whole = unpacked(gzip.compress(b'{"n":1}\n' + b"x" * 50_000_000 + b"\n"))
    assert (found, whole) == ([b'{"n":1}'], False)
