"""Resources, and the metadata services that they are asked of."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from opencensus_compat.common.http_handler import get_request
from opencensus_compat.common.resource import Resource, get_from_env, merge_resources, parse_labels


@pytest.mark.parametrize(
    ("text", "labels"),
    [("k=v", {"k": "v"}), (" a = 1 , b=2", {"a": "1", "b": "2"}), ("'k 1'=\"v, 1\"", {"k 1": "v, 1"}), ("a='b=c'", {"a": "b=c"}),
     ("a", None), ("a=1,", None), ("", None)],
)  # fmt: skip
def test_labels_from_text(text, labels):
    """Keys and values may be quoted; a broken list gives none at all."""
    assert parse_labels(text) == labels


def test_labels_named_twice(caplog):
    """The later value counts, and a warning says so."""
    assert parse_labels("a=1,a=2") == {"a": "2"}
    assert [(record.name, record.levelname) for record in caplog.records] == [("opencensus.common.resource", "WARNING")]


def test_resource_from_the_environment(monkeypatch):
    """Both variables make a resource; without a type there is none."""
    monkeypatch.delenv("OC_RESOURCE_TYPE", raising=False)
    monkeypatch.setenv("OC_RESOURCE_LABELS", "zone='eu west'")
    assert get_from_env() is None
    monkeypatch.setenv("OC_RESOURCE_TYPE", " vm ")
    found = get_from_env()
    assert (found.get_type(), found.get_labels()) == ("vm", {"zone": "eu west"})


def test_merged_resources():
    """The first type, and of each label the first value."""
    merged = merge_resources([Resource(None, {"a": "1"}), Resource("t", {"a": "2", "b": "2"}), Resource("u")])
    assert (merged.type, merged.labels) == ("t", {"a": "1", "b": "2"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("",), "type must not be empty"), (("t", {"": "v"}), "key must not be null or empty, got ''"), (("t", {"k": None}), "value must not be null: label 'k'"),
     (("é",), 'Character "é" at position 0'), (("t" * 257,), "longer than 256 characters: got 257"), (("t", {"k": "a\nb"}), "at position 1 is not printable ASCII")],
)  # fmt: skip
def test_a_bad_resource_is_refused(arguments, message):
    """The error says what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        Resource(*arguments)


class _Metadata(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/there" else 404)
        self.end_headers()
        self.wfile.write(self.headers.get("Metadata-Flavor", "none").encode())

    def log_message(self, *arguments):
        """Print nothing."""


@pytest.fixture
def metadata_service():
    """Address of a service that answers one path with a header of the request."""
    with HTTPServer(("127.0.0.1", 0), _Metadata) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_metadata_reply(metadata_service):
    """The body of a good reply comes back, and the headers were sent."""
    assert get_request(f"{metadata_service}/there", {"Metadata-Flavor": "Google"}) == b"Google"
    assert get_request(f"{metadata_service}/there") == b"none"


def test_metadata_error_status(metadata_service):
    """An error status is no reply."""
    assert get_request(f"{metadata_service}/elsewhere") is None


def test_metadata_service_that_breaks_off():
    """A connection that ends without a reply is no reply, and nothing is raised."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def close_at_once():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)

        thread = threading.Thread(target=close_at_once)
        thread.start()
        assert get_request(f"http://127.0.0.1:{listener.getsockname()[1]}/there") is None
        thread.join()


def test_metadata_service_that_is_not_there():
    """A refused connection is no reply."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert get_request(f"http://127.0.0.1:{unused.getsockname()[1]}/there") is None
