"""What environments need in which delivery is at fault: endpoints, proxies and identities on this machine, stores, counts of processes."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

from appinsights_exporter import reasons
from appinsights_exporter.counts import DROPPED, RETRIED, SENT, STORED
from appinsights_exporter.delivery import credentials
from appinsights_exporter.delivery.classify import item_reason
from appinsights_exporter.delivery.counts_file import CountsFile
from appinsights_exporter.delivery.names import default_folder
from appinsights_exporter.delivery.store import Store
from appinsights_exporter.settings import resolve
from opencensus_compat.local import LocalEndpoint

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))
try:
    from secure import BAD, Authority, Front, Listener, Proxy
finally:
    sys.path.pop(0)

KEY = "00000000-0000-0000-0000-000000000001"
ENDPOINT = "https://localhost:1"
_STRING = "APPLICATIONINSIGHTS_CONNECTION_STRING"
_HOUR_S = 3600.0


def _goes_to(run: Any, url: str) -> None:
    run.variables[_STRING] = f"InstrumentationKey={KEY};IngestionEndpoint={url}"


def answering(status: int, body: bytes = b"{}", **headers: str) -> Callable[[Any], contextlib.AbstractContextManager[None]]:
    """Return a setup with an endpoint that answers so to everything."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    @contextlib.contextmanager
    def setup(run: Any) -> Iterator[None]:
        def serve(connection: Any) -> None:
            length = 0
            with connection.makefile("rb") as request:
                while line := request.readline().strip().lower():
                    length = int(line.partition(b":")[2]) if line.startswith(b"content-length") else length
                request.read(length)
            connection.sendall(f"HTTP/1.1 {status} X\r\n{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)

        server = Listener(serve)
        _goes_to(run, f"http://127.0.0.1:{server.port}")
        try:
            yield
        finally:
            server.close()

    return setup


page = answering(200, b"<html>Sign in</html>")
quota = answering(439)
wants_tokens = answering(401)
redirect = answering(307, b"", Location="https://elsewhere.test/v2.1/track")
clock = answering(200, Date=formatdate(time.time() + (3 * 24 + 12) * _HOUR_S, usegmt=True))


@contextlib.contextmanager
def _identity(run: Any, status: int = 200, audience: str = "https://monitor.azure.com/") -> Iterator[None]:
    """An identity endpoint as App Service has it."""
    claims = base64.urlsafe_b64encode(json.dumps({"aud": audience, "exp": time.time() + _HOUR_S}).encode()).decode().rstrip("=")
    good = {"access_token": f"eyJh.{claims}.c2ln", "expires_on": str(int(time.time() + _HOUR_S)), "resource": "r", "token_type": "Bearer"}
    body = good if status == 200 else {"error": "no"}
    # Credentials keep their tokens for as long as a process lives.
    credentials._managed_identity.cache_clear()
    run.variables["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] = "Authorization=AAD"
    with answering(status, json.dumps(body).encode(), **{"Content-Type": "application/json"})(run):
        url = run.variables[_STRING].rpartition("=")[2]
        run.variables |= {"IDENTITY_ENDPOINT": f"{url}/token", "IDENTITY_HEADER": "header"}
        yield


@contextlib.contextmanager
def _resource(run: Any, identity: Callable[[Any], contextlib.AbstractContextManager[None]], *misbehaviour: str) -> Iterator[None]:
    with identity(run), LocalEndpoint(instrumentation_key=KEY) as endpoint:
        endpoint.misbehave(*misbehaviour)
        _goes_to(run, endpoint.url)
        yield


no_identity = functools.partial(_resource, identity=functools.partial(_identity, status=400))
wrong_audience = functools.partial(_resource, identity=functools.partial(_identity, audience="https://management.azure.com/"))


@contextlib.contextmanager
def no_role(run: Any) -> Iterator[None]:
    """An identity that has a token and no right."""
    with _resource(run, _identity, "require_authorization:token=another,code=403"):
        yield


@contextlib.contextmanager
def unknown_key(run: Any) -> Iterator[None]:
    """A resource that does not know the key."""
    with LocalEndpoint(accepted_keys=["00000000-0000-0000-0000-0000000000ff"]) as endpoint:
        _goes_to(run, endpoint.url)
        yield


@contextlib.contextmanager
def _tls(run: Any, kind: str) -> Iterator[None]:
    authority = Authority("Example Inspection")
    (run.folder / "authority.pem").write_bytes((authority if kind == "expired" else Authority("another")).pem())
    with LocalEndpoint(instrumentation_key=KEY) as endpoint:
        front = Front(BAD["expired"](authority, run.folder) if kind == "expired" else authority.server(run.folder), endpoint.url)
        _goes_to(run, front.url)
        run.variables["REQUESTS_CA_BUNDLE"] = str(run.folder / "authority.pem")
        try:
            yield
        finally:
            front.close()


strange_certificate = functools.partial(_tls, kind="strange")
expired_certificate = functools.partial(_tls, kind="expired")


@contextlib.contextmanager
def proxy_without_a_password(run: Any) -> Iterator[None]:
    """A proxy that wants a name and a password."""
    proxy = Proxy(407)
    _goes_to(run, "https://a.test")
    run.variables["HTTPS_PROXY"] = proxy.url
    try:
        yield
    finally:
        proxy.close()


def _store(run: Any) -> Store:
    return Store(default_folder(KEY, ENDPOINT, run.folder))


def _storing(change: Callable[[Any], object]) -> Callable[[Any], contextlib.AbstractContextManager[None]]:
    @contextlib.contextmanager
    def setup(run: Any) -> Iterator[None]:
        change(run)
        yield

    return setup


def _put(run: Any, items: int = 3, ago_s: float = 0.0) -> Path:
    store = _store(run)
    store.put([b"{}"] * items, created_s=time.time() - ago_s)
    return store.folder


def _former_user(run: Any) -> None:
    folder = _put(run)
    folder.rename(folder.with_name(folder.name.replace(f"-{os.geteuid()}-", "-4242-")))


def _file_above(run: Any) -> None:
    (run.folder / "file").write_text("")
    run.variables["APPINSIGHTS_EXPORTER_STORAGE_FOLDER"] = str(run.folder / "file" / "store")


def _full(run: Any) -> None:
    (first,) = _put(run).iterdir()
    with first.with_name(first.name.replace("-3.", "-4.")).open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)


def _damage(run: Any) -> None:
    (first,) = _put(run).iterdir()
    first.write_bytes(first.read_bytes()[:-9])


def _leave(run: Any) -> None:
    folder = run.folder / f"opencensus-python-{KEY}"
    folder.mkdir()
    (folder / f"{time.strftime('%Y-%m-%dT%H%M%S', time.gmtime())}.000000-0123abcd.blob").write_text("{}\n")


file_for_store = _storing(lambda run: _store(run).folder.write_text(""))
former_user = _storing(_former_user)
file_above_store = _storing(_file_above)
old_items = _storing(lambda run: _put(run, ago_s=46 * _HOUR_S))
full_store = _storing(_full)
damaged_file = _storing(_damage)
legacy_files = _storing(_leave)


def _counting(
    *events: tuple[str, int, reasons.Reason | None, str], **changed: object
) -> Callable[[Any], contextlib.AbstractContextManager[None]]:
    @contextlib.contextmanager
    def setup(run: Any) -> Iterator[None]:
        run.counts = str(run.folder / "counts.json")
        if events:
            file = CountsFile(run.counts)
            tally = file.tally(resolve(f"InstrumentationKey={KEY};IngestionEndpoint={ENDPOINT}", environ={}))
            file._drain.stop(0)
            for event in events:
                tally.counted(*event)
            file.settled()
            path = Path(file.path)
            path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
        yield

    return setup


def _losing(reason: reasons.Reason) -> Callable[[Any], contextlib.AbstractContextManager[None]]:
    return _counting((SENT, 1, None, ""), (DROPPED, 5, reason, ""))


no_counts = _counting()
lost_from_queue = _losing(reasons.Reason("queue full: the oldest dropped"))
lost_from_store = _losing(reasons.EVICTED)
lost_refused = _losing(item_reason(400).after(reasons.REFUSED))
lost_unexplained = _losing(reasons.UNEXPLAINED)
lost_unconverted = _losing(reasons.NO_TIME_TO_CONVERT)
lost_in_processor = _losing(reasons.PROCESSOR_RAISED)
unsent = _counting((STORED, 2, None, ""), (RETRIED, 2, reasons.NO_CONNECTION, "the connection was refused"))
killed = _counting((SENT, 1, None, ""), pid=4_194_303)
