"""Where telemetry goes, and what was learned on the way there."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IN_CODE", "MARK", "Answer", "Certificate", "ConnectionString", "Network", "Reach", "Sent", "Token"]

IN_CODE = "The code of the program"
"""Stands for the variable where the program names its resource itself."""
MARK = "census_compat_doctor"
"""Property of a test item."""


@dataclass(frozen=True, slots=True)
class ConnectionString:
    """The resource that the environment names."""

    source: str
    """The variable that names it, or `IN_CODE`; empty where none does."""
    problem: str
    """Why it cannot be read, in the exporter's words; empty where it can."""
    mistake: str
    """What looks wrong with its text, after the name of the variable; empty for nothing."""
    step: str
    """What to do about the mistake."""
    misspelt: tuple[tuple[str, str], ...]
    """Fields that have no effect, each with the name that is probably meant."""
    key: str
    """The first part."""
    endpoint: str
    """Base URL; empty where there is none."""
    original: str
    """The same without a redirect to a local endpoint."""
    names_endpoint: bool
    other_key_in: str
    """Another variable that names another resource, and does not count; empty for none."""
    audience: str
    """Of tokens, as the string says; empty where it says none."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the other side showed."""

    subject: str
    issuer: str
    starts_in_s: float
    ends_in_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request."""

    status: int
    """0 where nothing came."""
    problem: str
    """Why there is no whole reply, in the exporter's words."""
    is_page: bool
    redirects: tuple[str, ...]
    """Hosts that it led to, in order."""
    untrusted: str
    """A host that a redirect led to, and that the exporter does not follow to; empty for none."""
    message: str
    """The service's words for the first item that it refused."""
    accepted: int
    """How many items it says that it took; -1 where it does not say."""
    skew_s: float | None
    """By how much this machine's clock is ahead of the other side's."""


@dataclass(frozen=True, slots=True)
class Reach:
    """One way to one host."""

    host: str
    port: int
    is_tls: bool
    proxy: str
    """Host and port of the proxy; empty for none."""
    proxy_source: str
    """Who names it."""
    proxy_problem: str
    """Why it cannot be used, or what it answered; empty for nothing."""
    addresses: tuple[str, ...]
    name_problem: str
    connect_problem: str
    tls_problem: str
    certificate: Certificate | None
    bundle: str
    """Who says which authorities are trusted."""
    system_trusts: str
    """File or folder of this system's authorities, which know the certificate's; empty where they do not."""
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Token:
    """What the credential of the environment answered."""

    credential: str
    """Which one, in words; empty where the environment names none."""
    problem: str
    """Why there is no token; empty where there is one, or none was asked for."""
    code: str
    """Entra ID's code for that; empty for none."""
    was_asked: bool
    expected_audience: str
    audience: str
    """Empty where the token does not show it."""
    expires_in_s: float
    tenant: str
    """The first part."""
    client: str
    """The first part."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A test item."""

    mark: str
    """By which it is found."""
    answer: Answer


@dataclass(frozen=True, slots=True)
class Network:
    """All of it."""

    is_offline: bool
    resource: ConnectionString
    token: Token
    reach: Reach | None
    sent: Sent | None
