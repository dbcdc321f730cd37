"""The way to the service: connection string, endpoint, name, connection, proxy, TLS, clock, token, and what the service answers."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from urllib.parse import urlsplit

from opencensus_compat.doctor.check import PROBLEM, SKIPPED, WARNING, Finding, check, need
from opencensus_compat.doctor.connection_fields import is_sovereign
from opencensus_compat.doctor.counted import is_accepted
from opencensus_compat.doctor.facts import Facts
from opencensus_compat.doctor.sections.network import IN_CODE, Answer, Network, Reach, Token

_COPY = "Copy the connection string from the resource's overview page."
_ROLE = "Monitoring Metrics Publisher"
_WRONG_HOSTS = {
    "livediagnostics.monitor.azure.com": "live metrics",
    "profiler.monitor.azure.com": "the profiler",
    "snapshot.monitor.azure.com": "the snapshot debugger",
    "ingest.monitor.azure.com": "data collection rules",
    "ods.opinsights.azure.com": "Log Analytics",
    "api.applicationinsights.io": "queries",
    "portal.azure.com": "the portal",
    "rt.services.visualstudio.com": "live metrics",
}
"""End of a host -> what it takes instead of telemetry."""
_AHEAD_S, _FAR_S, _LATE_S = 60.0, 300.0, 48 * 3600.0
_CODES = {
    "AADSTS700016": "the application is not known in that tenant: check the client id and the tenant",
    "AADSTS7000215": "the client secret is wrong",
    "AADSTS7000222": "the client secret has expired: make a new one",
    "AADSTS90002": "the tenant is not known: check the tenant id",
    "AADSTS500011": "the audience is not known in that tenant: check AADAudience",
    "AADSTS700213": "no federated credential fits: check issuer and subject of the workload identity",
    "AADSTS70021": "no federated credential fits: check issuer and subject of the workload identity",
}


@check("D040", group="network", title="connection string")
def connection_string(facts: Facts) -> Iterator[Finding]:
    """The resource is named, and can be read."""
    resource = need(facts.network).resource
    if not resource.source:
        yield Finding(
            SKIPPED,
            "The environment names no resource: neither APPLICATIONINSIGHTS_CONNECTION_STRING nor APPINSIGHTS_INSTRUMENTATIONKEY is set.",
            "A program that passes its connection string in code is looked at from inside: census-compat doctor -- CMD.",
        )
    elif resource.mistake:
        yield Finding(PROBLEM, f"{resource.source} {resource.mistake}.", resource.step, (resource.problem,) if resource.problem else ())
    elif resource.problem:
        yield Finding(PROBLEM, resource.problem)
    for name, meant in resource.misspelt:
        yield Finding(
            PROBLEM,
            f"The field {name!r} in {resource.source} is not known and has no effect; {meant} is probably meant. Telemetry goes to {resource.original}.",
            _COPY,
        )


@check("D041", group="network", title="endpoint that the connection string names")
def endpoint(facts: Facts) -> Iterator[Finding]:
    """It is the resource's own, and one that takes telemetry."""
    resource = need(facts.network).resource
    if not resource.endpoint:
        return
    host = urlsplit(resource.original).hostname or ""
    if not resource.names_endpoint and not resource.misspelt:
        what = "is a key alone" if resource.source.endswith("KEY") else "names no IngestionEndpoint"
        yield Finding(
            WARNING,
            f"{resource.source} {what}: telemetry goes to the global endpoint {host}, which Azure does not support with a key alone any more.",
            "Set APPLICATIONINSIGHTS_CONNECTION_STRING to the text on the resource's overview page.",
        )
    wrong = next((what for end, what in _WRONG_HOSTS.items() if host == end or host.endswith(f".{end}")), "")
    path = urlsplit(resource.original).path
    if wrong:
        yield Finding(PROBLEM, f"IngestionEndpoint names {host}, which is for {wrong}, not for telemetry.", _COPY)
    elif path.rstrip("/").endswith("/track"):
        yield Finding(
            PROBLEM,
            f"IngestionEndpoint ends with {path}: requests go to {path}/v2.1/track, which the service does not have.",
            "Leave the path out of IngestionEndpoint.",
        )
    elif resource.original.startswith("http://") and not _is_here(host):
        yield Finding(WARNING, f"IngestionEndpoint names {host} by http: whoever is on the way can read the telemetry.", "Write https.")
    if resource.other_key_in:
        yield Finding(
            WARNING,
            f"{resource.other_key_in} names another resource than {resource.source}; the latter counts ({resource.key}).",
            f"Remove {resource.other_key_in}.",
        )


@check("D042", group="network", title="answer of the endpoint")
def answer(facts: Facts) -> Iterator[Finding]:
    """The service takes what it is sent."""
    network = need(facts.network)
    reach = yield from _walked(network)
    if reach is None:
        return
    if reach.answer is None:
        yield Finding(SKIPPED, "The exporter cannot be imported, so that no request was made.")
        return
    yield from _judged(network, reach, reach.answer)


@check("D043", group="network", title="name of the endpoint's host")
def name(facts: Facts) -> Iterator[Finding]:
    """Name servers know the host, and the proxy."""
    network = need(facts.network)
    reach = yield from _walked(network, until="")
    if reach is None:
        return
    if reach.name_problem and not reach.proxy:
        yield Finding(
            PROBLEM,
            f"The name {reach.host} is not found: {reach.name_problem}.",
            f"nslookup {reach.host}; check the connection string, and the name servers of this machine or container (/etc/resolv.conf, private DNS zones).",
        )


@check("D044", group="network", title="connection to the endpoint")
def connection(facts: Facts) -> Iterator[Finding]:
    """A connection can be made."""
    network = need(facts.network)
    reach = yield from _walked(network, until="name_problem")
    if reach is not None and reach.connect_problem:
        yield Finding(
            PROBLEM,
            f"No connection to {reach.host}:{reach.port}: {reach.connect_problem}.",
            f"Let the firewall pass TCP port {reach.port} to that host, or name a proxy in HTTPS_PROXY.",
            (f"addresses: {', '.join(reach.addresses)}",),
        )


@check("D045", group="network", title="TLS of the endpoint")
def tls(facts: Facts) -> Iterator[Finding]:
    """The endpoint proves who it is."""
    network = need(facts.network)
    reach = yield from _walked(network, until="connect_problem")
    if reach is None or not reach.tls_problem:
        return
    certificate = reach.certificate
    by = f" It is signed by {certificate.issuer}." if certificate is not None else ""
    strange = "authority" in reach.tls_problem or "self-signed" in reach.tls_problem
    if reach.system_trusts:
        step = f"This system trusts that authority: set REQUESTS_CA_BUNDLE={reach.system_trusts}"
    elif strange:
        step = "If a proxy opens TLS on the way, put its authority's certificate into a file, and name that in REQUESTS_CA_BUNDLE."
    elif "valid yet" in reach.tls_problem or "expired" in reach.tls_problem:
        step = "Check the clock of this machine; if it is right, the other side needs a new certificate."
    elif "cannot be read" in reach.tls_problem:
        step = "Correct or remove REQUESTS_CA_BUNDLE."
    else:
        step = "Ask who runs the network what stands on the way: the service shows a certificate of its own host, by TLS 1.2 or later."
    yield Finding(
        PROBLEM,
        f"TLS with {reach.host}:{reach.port} fails: {reach.tls_problem}.{by}",
        step,
        (f"trusted: {reach.bundle}", *([f"certificate of {certificate.subject}, signed by {certificate.issuer}"] if certificate else ())),
    )


@check("D046", group="network", title="proxy")
def proxy(facts: Facts) -> Iterator[Finding]:
    """The proxy lets requests through."""
    network = need(facts.network)
    reach = yield from _walked(network, until="")
    if reach is None or not (reach.proxy or reach.proxy_problem):
        return
    problem = reach.proxy_problem or (f"its name is not found: {reach.name_problem}" if reach.name_problem else "")
    if reach.answer is not None and reach.answer.status == 407:
        problem = "it answers with status 407"
    if not problem:
        return
    if reach.proxy_source and reach.proxy_source in problem:
        yield Finding(
            PROBLEM,
            f"{problem[:1].upper()}{problem[1:]}.",
            "Write http://user:password@host:port, and encode special characters (%23 for #).",
        )
        return
    steps = {
        "407": "Put name and password into the variable: http://user:password@host:port, special characters encoded (%40 for @).",
        "403": f"Let the proxy pass {reach.host}:{reach.port}.",
    }
    yield Finding(
        PROBLEM,
        f"The proxy {reach.proxy}, set by {reach.proxy_source}, does not let requests through: {problem}.",
        next(
            (step for status, step in steps.items() if status in problem),
            f"Check the address in {reach.proxy_source}, or add {reach.host} to NO_PROXY.",
        ),
    )


@check("D047", group="network", title="clock of this machine")
def clock(facts: Facts) -> Iterator[Finding]:
    """It says what the service's says."""
    network = need(facts.network)
    reach = yield from _walked(network)
    if reach is None or reach.answer is None or reach.answer.skew_s is None:
        return
    skew_s = reach.answer.skew_s
    if abs(skew_s) < _AHEAD_S:
        return
    far = abs(skew_s) >= (_FAR_S if network.token.credential else _LATE_S)
    what = " Tokens and items are refused for it." if far else ""
    yield Finding(
        PROBLEM if far else WARNING,
        f"The clock of this machine is {_duration(abs(skew_s))} {'ahead of' if skew_s > 0 else 'behind'} that of {reach.host}.{what}",
        "Let the clock be set by a time server (timedatectl set-ntp true); in a virtual machine or container, on its host.",
    )


@check("D048", group="network", title="token of Entra ID")
def token(facts: Facts) -> Iterator[Finding]:
    """The credential gives a token for this resource's cloud."""
    network = need(facts.network)
    found = network.token
    if not found.credential:
        yield Finding(
            SKIPPED,
            "The environment names no credential, so that telemetry is sent with the instrumentation key alone.",
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING=Authorization=AAD names one. One that a program passes in code is not seen here.",
        )
        return
    sovereign = is_sovereign(urlsplit(network.resource.original).hostname or "")
    if found.problem and not found.was_asked:
        yield Finding(PROBLEM, found.problem)
    elif found.problem:
        step = _CODES.get(
            found.code, "Look at the log of azure.identity on level DEBUG; a managed identity must be switched on for this machine or app."
        )
        yield Finding(PROBLEM, f"The {found.credential} gives no token ({found.problem}).", step[:1].upper() + step[1:].rstrip(".") + ".")
    elif sovereign and not network.resource.audience:
        yield Finding(
            PROBLEM,
            f"The endpoint is one of another cloud than the public one, and the token would be for {found.expected_audience}.",
            f"Add AADAudience={sovereign} to the connection string.",
        )
    elif found.was_asked:
        yield from _token_findings(found)
    else:
        yield Finding(SKIPPED, f"The {found.credential} was not asked for a token.", "Leave out --offline.")


@check("D049", group="network", title="test item")
def test_item(facts: Facts) -> Iterator[Finding]:
    """A test item was accepted."""
    network = need(facts.network)
    if network.sent is None and network.resource.source == IN_CODE:
        yield Finding(SKIPPED, "No test item was sent: the program names its resource in code, and its key stays there.")
        return
    if network.sent is None:
        yield Finding(SKIPPED, "No test item was sent.", "--send sends one, and says how to find it.")
        return
    found = network.sent.answer
    if is_accepted(network.sent):
        return
    if network.reach is not None and network.reach.answer is not None and network.reach.answer.status == found.status != 200:
        # The check of the answer says it.
        return
    said = f" ({found.message})" if found.message else ""
    status = f"status {found.status}" if found.status else found.problem
    step = {
        400: "The service does not know the key in the connection string, or not at this endpoint: " + _COPY.lower(),
        401: "The resource takes tokens of Entra ID only: name a credential (APPLICATIONINSIGHTS_AUTHENTICATION_STRING=Authorization=AAD).",
        403: f"Give the identity the role {_ROLE} on the resource.",
    }.get(found.status, "Run doctor again in some minutes.")
    yield Finding(PROBLEM, f"The test item was not accepted: {status}{said}.", step[:1].upper() + step[1:])


def _walked(network: Network, until: str | None = None) -> Generator[Finding, None, Reach | None]:
    """Return how far the way was gone, or None, after a finding that says why, where the step that is asked for was not reached.

    Args:
        network: The facts.
        until: The problem of the step before it; empty for the first step, None for the last.
    """
    reach = network.reach
    if reach is None:
        why = "--offline was given" if network.is_offline else "there is no resource whose endpoint could be contacted"
        yield Finding(SKIPPED, f"Nobody was contacted: {why}.")
        return None
    before = ("proxy_problem", "name_problem", "connect_problem", "tls_problem")
    names = before if until is None else before[: before.index(until) + 1] if until else ()
    if any(getattr(reach, name) for name in names):
        yield Finding(SKIPPED, f"{reach.host} was not reached; an earlier step failed.")
        return None
    return reach


def _judged(network: Network, reach: Reach, found: Answer) -> Iterator[Finding]:
    """Yield what the answer to an empty batch means."""
    status, who = found.status, network.token
    place = found.redirects[-1] if found.redirects else reach.host
    said = f" ({found.message})" if found.message else ""
    if found.untrusted:
        yield Finding(
            PROBLEM,
            f"{place} leads to {found.untrusted} (status {status}), which is none of the service's hosts: the exporter sends nothing there.",
            "Correct IngestionEndpoint, or ask who runs the network what answers in the service's place.",
        )
    elif status in (307, 308):
        yield Finding(PROBLEM, f"{reach.host} leads from host to host without an end (status {status}).", _COPY)
    elif not status or (found.problem and status == 200):
        yield Finding(
            PROBLEM,
            f"There is no whole reply from {place}: {found.problem}.",
            "Ask who runs the network what stands on the way; run doctor again in some minutes.",
        )
    elif found.is_page:
        yield Finding(
            PROBLEM,
            f"A page for people came in place of the reply of {place} (status {status}): a proxy or the page of a network's sign-in.",
            "Let the network pass requests to that host unchanged.",
        )
    elif status == 401 and who.was_asked:
        yield Finding(
            PROBLEM,
            f"{place} answers 401: it does not accept the token of the {who.credential}{_of(who)}{said}.",
            "The identity must be of the tenant of the resource's subscription; check AADAudience and the clock.",
            _claims(who),
        )
    elif status == 401:
        yield Finding(
            PROBLEM,
            f"{place} answers 401: the resource takes no telemetry with an instrumentation key alone{said}.",
            "Name a credential (APPLICATIONINSIGHTS_AUTHENTICATION_STRING=Authorization=AAD), or allow local authentication for the resource.",
        )
    elif status == 403:
        what = f"the {who.credential}{_of(who)} has no role {_ROLE}" if who.was_asked else "the sender has no right to send there"
        yield Finding(
            PROBLEM,
            f"{place} answers 403: {what}{said}.",
            f'az role assignment create --assignee <its client id> --role "{_ROLE}" --scope <id of the resource>; it takes up to half an hour to count.',
            _claims(who),
        )
    elif status in (402, 439):
        yield Finding(
            PROBLEM, f"{place} answers {status}: the daily cap of the resource is used up{said}.", "Raise the daily cap, or sample."
        )
    elif status == 404:
        yield Finding(
            PROBLEM, f"{place} answers 404: it has no /v2.1/track, so it does not take telemetry.", f"Correct IngestionEndpoint. {_COPY}"
        )
    elif status == 429 or status >= 500 or status == 408:
        yield Finding(
            WARNING,
            f"{place} answers {status}: it takes no telemetry for now{said}; what is sent meanwhile is kept, and sent later.",
            "Run doctor again in some minutes; if it stays, look at the health of Azure and of what stands on the way.",
        )
    elif status == 407:
        # The check of the proxy says it.
        return
    elif status not in (200, 206, 400):
        yield Finding(
            PROBLEM,
            f"{place} answers with status {status}, which the service does not have{said}.",
            "Ask who runs the network what answers in its place.",
        )


def _token_findings(found: Token) -> Iterator[Finding]:
    if found.audience and found.audience.rstrip("/") != found.expected_audience.rstrip("/"):
        yield Finding(
            PROBLEM,
            f"The token of the {found.credential} is for {found.audience}, and the resource needs one for {found.expected_audience}.",
            "Correct AADAudience in the connection string.",
            _claims(found),
        )
    elif found.expires_in_s <= 0:
        yield Finding(
            PROBLEM,
            f"The token of the {found.credential} has ended {_duration(-found.expires_in_s)} ago by the clock of this machine.",
            "Check the clock of this machine.",
            _claims(found),
        )


def _of(found: Token) -> str:
    return f" (client {found.client}-***)" if found.client and "client" not in found.credential else ""


def _claims(found: Token) -> tuple[str, ...]:
    if not found.was_asked:
        return ()
    parts = {"audience": found.audience, "tenant": found.tenant and f"{found.tenant}-***", "client": found.client and f"{found.client}-***"}
    told = ", ".join(f"{name} {value}" for name, value in parts.items() if value)
    return (f"token: {told or 'it does not show what is in it'}, ends in {_duration(max(0.0, found.expires_in_s))}",)


def _duration(seconds: float) -> str:
    for unit_s, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{int(seconds // unit_s)} {unit}"
    return f"{int(seconds)} s"


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
