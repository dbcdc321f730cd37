"""Where telemetry goes, and the way there: name, connection, proxy, TLS, answer; each host is named before it is contacted.

What decides about the exporter's own requests (which proxy, which certificates, which redirects) is asked of the exporter's own code, and the
last request is made by it. The steps before are made here, one by one, so that the one that fails has a name.

Limits: a proxy that is reached by TLS or SOCKS is not looked at step by step. What a program passes in code is seen only from inside it.
"""

from __future__ import annotations

import datetime
import json
import secrets
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from opencensus_compat.doctor.collect import steps, tokens
from opencensus_compat.doctor.connection_fields import mistakes
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.network import IN_CODE, MARK, Answer, Certificate, ConnectionString, Network, Reach, Sent
from opencensus_compat.doctor.target import CONNECTION_STRING, INSTRUMENTATION_KEY, Target, UnusableError, target_of, unquoted

__all__ = ["collect"]

_EXCHANGE_S = 3.0
_MAX_REDIRECTS = 5
_HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
_GZIP_FORMAT = 16 + zlib.MAX_WBITS


def collect(request: Request) -> Network:
    """Return what is known of the resource, and, unless that is not wanted, of the way there."""
    target, resource = _resource(request.environ)
    if request.goes_to and (target is None or target.endpoint != request.goes_to):
        target, resource = _in_code(request.goes_to)
    goes = target is not None and not request.offline and not request.inside
    token, authorization = tokens.asked(request.environ, target, request.tell if goes else None)
    if target is None or not goes:
        return Network(request.offline, resource, token, None, None)
    reach, sent = _reached(request, target, authorization)
    return Network(False, resource, token, reach, sent)


def _resource(environ: Mapping[str, str]) -> tuple[Target | None, ConnectionString]:
    text, key = unquoted(environ.get(CONNECTION_STRING, "")), unquoted(environ.get(INSTRUMENTATION_KEY, ""))
    source = CONNECTION_STRING if text else INSTRUMENTATION_KEY if key else ""
    mistake = next(mistakes(text or key), None)
    target, problem, misspelt = None, "", ()
    try:
        target = target_of(environ)
        if text:
            connection_strings = import_module("appinsights_exporter.connection_string")
            misspelt = tuple(connection_strings.misspelt(connection_strings.pairs(text, source=source)).items())
    except UnusableError as error:
        problem = str(error)
    other = key.lower() if text and target is not None and key and key.lower() != target.key else ""
    return target, ConnectionString(
        source=source,
        problem=problem,
        mistake=mistake.text if mistake else "",
        step=mistake.step if mistake else "",
        misspelt=misspelt,
        key=f"{target.key[:8]}-***" if target else "",
        endpoint=target.endpoint if target else "",
        original=target.original if target else "",
        names_endpoint=target is not None and target.names_endpoint,
        other_key_in=INSTRUMENTATION_KEY if other else "",
        audience=(target.audience or "") if target else "",
    )


def _in_code(endpoint: str) -> tuple[Target, ConnectionString]:
    """Return a resource that the program names itself; its key stays in the program."""
    return Target(IN_CODE, "", endpoint, endpoint, None, names_endpoint=True), ConnectionString(
        source=IN_CODE,
        problem="",
        mistake="",
        step="",
        misspelt=(),
        key="",
        endpoint=endpoint,
        original=endpoint,
        names_endpoint=True,
        other_key_in="",
        audience="",
    )


@dataclass(frozen=True, slots=True)
class _Proxy:
    url: str = field(repr=False)
    source: str
    problem: str = ""

    @property
    def place(self) -> tuple[str, int] | None:
        """Host and port, where it is reached by plain HTTP."""
        try:
            parts = urlsplit(self.url if "://" in self.url else f"http://{self.url}")
            return (parts.hostname, parts.port or 80) if parts.scheme == "http" and parts.hostname else None
        except ValueError:
            return None

    @property
    def shown(self) -> str:
        """Host and port; the rest may be secret."""
        try:
            parts = urlsplit(self.url if "://" in self.url else f"http://{self.url}")
            return "" if not parts.hostname else f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
        except ValueError:
            return ""


def _reached(request: Request, target: Target, authorization: str) -> tuple[Reach, Sent | None]:
    url = f"{target.endpoint}/v2.1/track"
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if is_tls else 80)
    proxy = _proxy(url)
    found: dict[str, Any] = {
        "host": host,
        "port": port,
        "is_tls": is_tls,
        "proxy": proxy.shown if proxy else "",
        "proxy_source": proxy.source if proxy else "",
        "proxy_problem": proxy.problem if proxy else "",
        "addresses": (),
        "name_problem": "",
        "connect_problem": "",
        "tls_problem": "",
        "certificate": None,
        "bundle": "",
        "system_trusts": "",
        "answer": None,
    }
    if proxy is not None and proxy.problem:
        return Reach(**found), None
    through = f" through the proxy {proxy.shown} ({proxy.source})" if proxy else ""
    request.tell(f"doctor contacts {host}:{port}{through}.")
    _walk(found, host, port, proxy)
    if any(found[name] for name in ("proxy_problem", "name_problem", "connect_problem", "tls_problem")):
        return Reach(**found), None
    # As the exporter, which gives no token to whoever can read it on the way.
    is_confidential = is_tls or host in ("localhost", "::1") or host.startswith("127.")
    headers = {**_HEADERS, "Authorization": authorization} if authorization and is_confidential else _HEADERS
    found["answer"] = _answer(request, url, b"[]", headers)
    sent = None
    if request.send and target.key and found["answer"] is not None and found["answer"].status:
        mark = secrets.token_hex(6)
        request.tell(f"doctor sends one test item to {host}:{port}.")
        answer = _answer(request, url, _item(target.key, mark), headers)
        sent = None if answer is None else Sent(mark, answer)
    return Reach(**found), sent


def _proxy(url: str) -> _Proxy | None:
    """Return the proxy that the exporter takes for a URL."""
    try:
        proxies = import_module("appinsights_exporter.delivery.proxies")
    except ImportError:
        return None
    found = None
    try:
        found = proxies.proxy_for(url, {})
        if found is not None:
            proxies.check(found)
    except proxies.ProxySettingError as error:
        return _Proxy(found.url if found else "", found.source if found else "the environment", str(error))
    except proxies.AddressError:
        return None
    made = None if found is None else _Proxy(str(found.url), str(found.source))
    if made is not None and not made.shown:
        return _Proxy(made.url, made.source, str(proxies.unusable(found)))
    return made


def _walk(found: dict[str, Any], host: str, port: int, proxy: _Proxy | None) -> None:
    """Go to the endpoint step by step, until one fails."""
    place = (host, port) if proxy is None else proxy.place
    if place is None:
        return
    addresses, found["name_problem"] = steps.resolved(*place)
    found["addresses"] = tuple(dict.fromkeys(str(address[4][0]) for address in addresses))
    if found["name_problem"]:
        return
    connection, problem = steps.connected(addresses)
    if connection is None:
        found["proxy_problem" if proxy else "connect_problem"] = problem
        return
    with connection:
        if not found["is_tls"]:
            return
        if proxy is not None:
            found["proxy_problem"] = steps.tunnel(connection, host, port, proxy.url)
            if found["proxy_problem"]:
                return
        trust = steps.trusted()
        found["bundle"] = trust.source
        der, found["tls_problem"] = steps.handshake(connection, host, trust)
    if "certificate" in found["tls_problem"]:
        der, found["system_trusts"] = _look_again(addresses, host, port, proxy)
    found["certificate"] = _certificate(der)


def _look_again(addresses: list[Any], host: str, port: int, proxy: _Proxy | None) -> tuple[bytes, str]:
    """Return the certificate that was not accepted, and where this system's authorities are, if these accept it."""
    der, system = b"", steps.trusted_by_system()
    for trust in (steps.ANYBODY, system):
        connection, _ = steps.connected(addresses)
        if connection is None:
            continue
        with connection:
            if proxy is not None and steps.tunnel(connection, host, port, proxy.url):
                continue
            shown, problem = steps.handshake(connection, host, trust)
        der = shown or der
        if trust is system and not problem:
            return der, system.source
    return der, ""


def _certificate(der: bytes) -> Certificate | None:
    from opencensus_compat.doctor.certificates import certified

    try:
        read = certified(der)
    except ValueError:
        return None
    now_s = time.time()
    return Certificate(read.subject, read.issuer, read.not_before_s - now_s, read.not_after_s - now_s)


def _answer(request: Request, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | None:
    """Return what a request by the exporter's own code comes to; None where that cannot be imported."""
    try:
        transport = import_module("appinsights_exporter.delivery.transport")
        classify = import_module("appinsights_exporter.delivery.classify")
    except ImportError:
        return None
    compress = zlib.compressobj(wbits=_GZIP_FORMAT)
    packed = compress.compress(body) + compress.flush()
    made = transport.HttpTransport(url, connect_timeout_s=_EXCHANGE_S, read_timeout_s=_EXCHANGE_S)
    until_s = time.monotonic() + _EXCHANGE_S + 1.0
    redirects: list[str] = []
    untrusted = ""
    skew_s = None
    try:
        while True:
            reply = made.send(packed, headers, max(0.1, min(_EXCHANGE_S, until_s - time.monotonic())), url=url)
            skew_s = _skew_s(reply.headers.get("date", "")) if skew_s is None else skew_s
            location = reply.headers.get("location", "").strip()
            if reply.status not in (307, 308) or not location or len(redirects) == _MAX_REDIRECTS:
                break
            target = classify.redirect_target(url, location)
            host = urlsplit(target or location).hostname or "nowhere"
            if target is None:
                untrusted = host
                break
            redirects.append(host)
            request.tell(f"doctor contacts {host}, where the endpoint leads to.")
            url = target
    finally:
        made.close()
    accepted, message = _said(reply.body)
    return Answer(
        status=reply.status,
        problem=reply.error.text if reply.error is not None else "",
        is_page=reply.body.lstrip().startswith(b"<"),
        redirects=tuple(redirects),
        untrusted=untrusted,
        message=message,
        accepted=accepted,
        skew_s=skew_s,
    )


def _said(body: bytes) -> tuple[int, str]:
    """Return how many items a reply says were accepted, and its words for the first that was not."""
    try:
        document = json.loads(body)
        accepted, errors = document.get("itemsAccepted"), document.get("errors") or [{}]
        message = errors[0].get("message")
    except (ValueError, AttributeError, TypeError, KeyError, IndexError, RecursionError):
        return -1, ""
    words = message if isinstance(message, str) else ""
    return accepted if type(accepted) is int else -1, "".join(letter for letter in words[:200] if letter.isprintable())


def _skew_s(date: str) -> float | None:
    try:
        return time.time() - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _item(key: str, mark: str) -> bytes:
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    envelope = {
        "ver": 1,
        "name": "Microsoft.ApplicationInsights.Message",
        "time": now,
        "sampleRate": 100.0,
        "iKey": key,
        "tags": {"ai.cloud.role": "census-compat doctor", "ai.internal.sdkVersion": "py:doctor"},
        "data": {
            "baseType": "MessageData",
            "baseData": {"ver": 2, "message": "A test item of census-compat doctor", "severityLevel": 1, "properties": {MARK: mark}},
        },
    }
    return json.dumps([envelope]).encode()
