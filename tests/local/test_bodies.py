from __future__ import annotations

import gzip
import json
import zlib

import pytest

from opencensus_compat.local.bodies import BodyError, ItemError, count, decode, reply, split


def deflated(data, wbits):
    """Return compressed data with this header form."""
    engine = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return engine.compress(data) + engine.flush()


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        pytest.param(b"[1]", "", id="none"),
        pytest.param(b"[1]", "identity", id="identity"),
        pytest.param(gzip.compress(b"[1]"), "gzip", id="gzip"),
        pytest.param(gzip.compress(b"[1]"), " GZIP ", id="gzip-upper-case"),
        pytest.param(gzip.compress(b"[") + gzip.compress(b"1]"), "gzip", id="gzip-two-members"),
        pytest.param(deflated(b"[1]", 15), "deflate", id="deflate-zlib"),
        pytest.param(deflated(b"[1]", -15), "deflate", id="deflate-raw"),
    ],
)
def test_decode_takes_every_content_encoding(raw, encoding):
    """A body comes out the same whichever encoding carried it."""
    assert decode(raw, encoding) == b"[1]"


@pytest.mark.parametrize(
    ("raw", "encoding", "status"),
    [
        pytest.param(b"[1]", "br", 415, id="unknown-encoding"),
        pytest.param(b"not gzip", "gzip", 400, id="no-gzip"),
        pytest.param(gzip.compress(b"[1]" * 100)[:-12], "gzip", 400, id="cut-gzip"),
        pytest.param(gzip.compress(b"[1]") + b"tail", "gzip", 400, id="tail-behind-gzip"),
        pytest.param(b"x" * 1001, "", 413, id="plain-over-limit"),
        pytest.param(gzip.compress(b"0" * 10_000_000), "gzip", 413, id="bomb"),
        pytest.param(gzip.compress(b"0" * 600) * 2, "gzip", 413, id="bomb-in-two-members"),
    ],
)
def test_decode_refuses(raw, encoding, status):
    """Broken, unknown and exploding bodies are refused with the status that says so."""
    with pytest.raises(BodyError) as caught:
        decode(raw, encoding, max_bytes=1000)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("body", "values"),
    [
        pytest.param('[{"a":1},{"b":2}]', [{"a": 1}, {"b": 2}], id="array"),
        pytest.param(' \r\n[ {"a":1} ,\t{"b":2} ] \n', [{"a": 1}, {"b": 2}], id="array-with-space"),
        pytest.param("[]", [], id="empty-array"),
        pytest.param("[ ]", [], id="empty-array-with-space"),
        pytest.param("[1,null]", [1, None], id="array-of-no-objects"),
        pytest.param('{"a":1}', [{"a": 1}], id="object"),
        pytest.param('{\n "a": 1\n}\n', [{"a": 1}], id="object-over-lines"),
        pytest.param('{"a":1}\n{"b":2}', [{"a": 1}, {"b": 2}], id="lines"),
        pytest.param('{"a":1}\r\n\r\n{"b":2}\r\n', [{"a": 1}, {"b": 2}], id="lines-with-crlf-and-gaps"),
        pytest.param('\ufeff{"a":1}', [{"a": 1}], id="byte-order-mark"),
    ],
)
def test_every_body_form_is_read(body, values):
    """Arrays, single objects and line-delimited objects give the same items, and as many where they are only counted."""
    assert [item.value for item in split(body.encode())] == values
    assert len(count(body.encode())) == len(values)


def test_split_measures_items_as_sent():
    """An item's size is that of its own JSON text in UTF-8, with the spaces the client put in."""
    items = split('[{"a": "x"} , {"a": "äö"}]'.encode())
    assert [(item.text, item.size_bytes) for item in items] == [('{"a": "x"}', 10), ('{"a": "äö"}', 13)]


@pytest.mark.parametrize("read", [split, count])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"  \n", id="space"),
        pytest.param(b"\xff\xfe", id="no-utf8"),
        pytest.param(b"hello", id="text"),
        pytest.param(b'"text"', id="string"),
        pytest.param(b"[", id="open-array"),
        pytest.param(b"[1", id="open-array-with-item"),
        pytest.param(b"[1,", id="open-array-with-comma"),
        pytest.param(b"[1,]", id="trailing-comma"),
        pytest.param(b"[1 2]", id="no-comma"),
        pytest.param(b"[1] 2", id="extra"),
        pytest.param(b"[] []", id="two-arrays"),
        pytest.param(b'{"a":1}\n{"b"', id="cut-line"),
        pytest.param(b"[NaN]", id="nan"),
        pytest.param(b"[-Infinity]", id="infinity"),
        pytest.param(b"[" + b"9" * 5000 + b"]", id="integer-of-thousands-of-digits"),
        pytest.param(b"[" * 100_000, id="deep-array"),
        pytest.param(b'{"a":' * 100_000, id="deep-object"),
    ],
)
def test_what_is_not_json_is_refused(body, read):
    """Whatever is not strict JSON telemetry is a 400 with a message, never another exception."""
    with pytest.raises(BodyError) as caught:
        read(body)
    assert (caught.value.status, bool(caught.value.message)) == (400, True)


@pytest.mark.parametrize(
    ("received", "errors", "status"),
    [
        pytest.param(2, [], 200, id="all-accepted"),
        pytest.param(0, [], 200, id="nothing-sent"),
        pytest.param(2, [ItemError(1, 500, "x")], 206, id="partly"),
        pytest.param(2, [ItemError(0, 429, "x"), ItemError(1, 500, "y")], 429, id="none-takes-the-first-items-status"),
    ],
)
def test_reply_status(received, errors, status):
    """The reply's status follows from its item errors."""
    assert reply(received, errors)[0] == status


def test_reply_body():
    """The reply lists the failed items by index and counts the others."""
    _, body = reply(3, [ItemError(1, 400, "bad")])
    assert json.loads(body) == {
        "itemsReceived": 3,
        "itemsAccepted": 2,
        "appId": None,
        "errors": [{"index": 1, "statusCode": 400, "message": "bad"}],
    }
