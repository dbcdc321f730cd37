from __future__ import annotations

import gzip
import json
import threading

import pytest


def test_recorded_request(endpoint, client, message):
    """A record tells path, headers in any case, sizes, items, status and the client's port."""
    plain = json.dumps([message(), {}]).encode()
    packed = gzip.compress(plain)
    client.post(packed, headers={"Content-Encoding": "gzip", "User-Agent": "UA/1", "Authorization": "Bearer secret"})
    [request] = endpoint.requests
    assert (request.path, request.raw_bytes, request.decoded_bytes, request.items, request.accepted, request.status, request.rules) == (
        "/v2.1/track",
        len(packed),
        len(plain),
        2,
        1,
        206,
        (),
    )
    assert (request.headers["user-agent"], request.headers["AUTHORIZATION"]) == ("UA/1", "Bearer secret")
    assert endpoint.rows("traces")[0]["client_Browser"] == "UA/1"


def test_wait_for_count(endpoint, connect, message):
    """Waiting for a count returns as soon as that many envelopes are there."""
    client = connect(endpoint)
    thread = threading.Thread(target=lambda: [client.post([message(text)]) for text in "abc"])
    thread.start()
    found = endpoint.wait_for(3)
    thread.join()
    assert [envelope["data"]["baseData"]["message"] for envelope in found] == ["a", "b", "c"]


def test_wait_for_predicate(endpoint, connect, message):
    """Waiting for a predicate sees each arrival once more, across a clear too."""
    client = connect(endpoint)
    client.post([message("old"), message("older")])
    endpoint.clear()
    thread = threading.Thread(target=lambda: [client.post([message(text)]) for text in "abc"])
    thread.start()
    found = endpoint.wait_for(lambda envelopes: [one["data"]["baseData"]["message"] for one in envelopes] == ["a", "b", "c"])
    thread.join()
    assert len(found) == 3


def test_wait_for_tells_what_happened_instead(endpoint, client, message):
    """A wait that fails says what did arrive."""
    client.post([message(), {}])
    with pytest.raises(TimeoutError) as caught:
        endpoint.wait_for(2, 0.01)
    assert str(caught.value) == ("no 2 accepted items within 0.01 s: 2 items received, 1 accepted, 1 requests (latest: 206 to 2 items)")


def test_wait_for_requests(endpoint, client, message):
    """Refused requests can be waited for as well."""
    client.post([{}])
    assert [request.status for request in endpoint.wait_for_requests(1)] == [400]
    assert endpoint.wait_for_requests(lambda requests: requests[-1].status == 400)
    with pytest.raises(TimeoutError, match="no 2 requests within"):
        endpoint.wait_for_requests(2, 0.01)


def test_clear(endpoint, client, message):
    """A clear forgets items, requests, warnings and refusals."""
    client.post([message(tags=None), {}])
    endpoint.clear()
    assert (endpoint.envelopes(), endpoint.requests, endpoint.warnings, endpoint.refused, endpoint.accepted) == ([], [], [], [], 0)
    client.post([message()])
    assert endpoint.rows("traces")[0]["itemId"].endswith("-000000000001")
