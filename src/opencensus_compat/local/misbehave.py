"""Rules that make the local endpoint misbehave. Values only: ``rule_texts`` reads them, ``script`` hands them out, others apply them.

A rule is a small frozen value. Its *slot* says what it decides (the outcome, a delay, a gate); of the active rules the
first of each slot is applied to a request, so a delay and a status combine, while two statuses follow one another::

    endpoint.misbehave(Status(503, times=2), DelayReply(0.5))
    endpoint.misbehave("status:code=429,retry_after=3,for_s=10")     # the command line's spelling
    endpoint.misbehave({"rule": "partial", "statuses": [200, 500]})  # the control path's spelling

Every rule takes ``times`` (for how many requests; without it for all), ``for_s`` (for how many seconds from its
installation), ``skip`` (how many requests to let pass first) and ``every`` (only each n-th request after those). Only
requests that send telemetry are counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


class RuleError(ValueError):
    """A rule that cannot be understood; the message says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all rules have: when they apply."""

    name: ClassVar[str] = ""
    slot: ClassVar[str] = ""

    times: int | None = None
    """For how many requests; ``None`` for all."""
    for_s: float | None = None
    """For how many seconds after it was installed; ``None`` without end."""
    skip: int = 0
    """How many requests to let pass before the first."""
    every: int = 1
    """Apply to each n-th request only; 1 is each."""


@dataclass(frozen=True, slots=True)
class Status(Rule):
    """Answer with this status. A 2xx keeps the items, anything else does not."""

    name: ClassVar[str] = "status"
    slot: ClassVar[str] = "outcome"

    code: int
    body: str | None = None
    """Reply body; by default the service's form, with ``code`` as the error of every item."""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: str | None = None
    """Value of the ``Retry-After`` header: seconds or an HTTP date, or nonsense."""
    accept: bool | None = None
    """Whether the items are kept, where that differs from what the status says."""


@dataclass(frozen=True, slots=True)
class Partial(Rule):
    """Give each item its own status: the list is repeated over the items; those with 200 are checked and kept as usual."""

    name: ClassVar[str] = "partial"
    slot: ClassVar[str] = "outcome"

    statuses: list[int]
    message: str | None = None
    """Text of each error; by default one that fits its status."""
    code: int | None = None
    """Status of the reply; by default 200, 206 or that of the first item, as usual."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Redirect(Rule):
    """Answer with a redirect, without keeping the items. Without ``location`` it points back here: a loop."""

    name: ClassVar[str] = "redirect"
    slot: ClassVar[str] = "outcome"

    location: str | None = None
    code: int = 307
    cache_control: str | None = None


@dataclass(frozen=True, slots=True)
class ResetBeforeRead(Rule):
    """Reset the connection once the headers are in, before any of the body is read."""

    name: ClassVar[str] = "reset_before_read"
    slot: ClassVar[str] = "outcome"


@dataclass(frozen=True, slots=True)
class ResetDuringRead(Rule):
    """Reset the connection when this much of the body has been read."""

    name: ClassVar[str] = "reset_during_read"
    slot: ClassVar[str] = "outcome"

    after_bytes: int = 1


@dataclass(frozen=True, slots=True)
class ResetAfterRead(Rule):
    """Reset the connection when the body is in, without keeping the items."""

    name: ClassVar[str] = "reset_after_read"
    slot: ClassVar[str] = "outcome"


@dataclass(frozen=True, slots=True)
class LoseReply(Rule):
    """Keep the items, then reset the connection instead of answering."""

    name: ClassVar[str] = "lose_reply"
    slot: ClassVar[str] = "outcome"


@dataclass(frozen=True, slots=True)
class Silence(Rule):
    """Read the body and never answer; the connection stays open until the client leaves or the endpoint stops."""

    name: ClassVar[str] = "silence"
    slot: ClassVar[str] = "outcome"

    accept: bool = False


@dataclass(frozen=True, slots=True)
class Truncate(Rule):
    """Keep the items, send the headers and this much of the reply body, then close."""

    name: ClassVar[str] = "truncate"
    slot: ClassVar[str] = "outcome"

    keep_bytes: int = 10


@dataclass(frozen=True, slots=True)
class Huge(Rule):
    """Keep the items and answer with the usual JSON followed by spaces up to this size."""

    name: ClassVar[str] = "huge"
    slot: ClassVar[str] = "outcome"

    size_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Garbage(Rule):
    """Answer with bytes that are not HTTP, without keeping the items; with ``valid_http`` keep them and send a 200 whose body is not JSON."""

    name: ClassVar[str] = "garbage"
    slot: ClassVar[str] = "outcome"

    valid_http: bool = False


@dataclass(frozen=True, slots=True)
class DelayRead(Rule):
    """Wait before the body is read."""

    name: ClassVar[str] = "delay_read"
    slot: ClassVar[str] = "delay_read"

    seconds: float


@dataclass(frozen=True, slots=True)
class DelayReply(Rule):
    """Wait before the reply is sent; the items have been kept by then."""

    name: ClassVar[str] = "delay_reply"
    slot: ClassVar[str] = "delay_reply"

    seconds: float


@dataclass(frozen=True, slots=True)
class SlowReply(Rule):
    """Send the reply body byte by byte, with this pause before each."""

    name: ClassVar[str] = "slow_reply"
    slot: ClassVar[str] = "slow_reply"

    seconds: float


@dataclass(frozen=True, slots=True)
class Close(Rule):
    """Answer as usual, then close the connection without having announced it."""

    name: ClassVar[str] = "close"
    slot: ClassVar[str] = "close"


@dataclass(frozen=True, slots=True)
class RequireAuthorization(Rule):
    """Refuse requests without ``Authorization: Bearer``, or, if a token is given, with another one."""

    name: ClassVar[str] = "require_authorization"
    slot: ClassVar[str] = "authorization"

    token: str | None = None
    code: int = 401


@dataclass(frozen=True, slots=True)
class LimitBody(Rule):
    """Refuse bodies over a size: as sent, or after decompression with ``decoded``."""

    name: ClassVar[str] = "limit_body"
    slot: ClassVar[str] = "limit_body"

    max_bytes: int
    decoded: bool = False
    code: int = 413


@dataclass(frozen=True, slots=True)
class Throttle(Rule):
    """Refuse requests that bring items faster than this, with a ``Retry-After`` that would be enough."""

    name: ClassVar[str] = "throttle"
    slot: ClassVar[str] = "throttle"

    items_per_s: float
    burst: int | None = None
    """Items allowed at once after a rest; by default those of one second."""
    code: int = 429


RULES: dict[str, type[Rule]] = {
    rule.name: rule
    for rule in (
        Status,
        Partial,
        Redirect,
        ResetBeforeRead,
        ResetDuringRead,
        ResetAfterRead,
        LoseReply,
        Silence,
        Truncate,
        Huge,
        Garbage,
        DelayRead,
        DelayReply,
        SlowReply,
        Close,
        RequireAuthorization,
        LimitBody,
        Throttle,
    )
}
"""Rules by name."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The rules that apply to one request, by slot."""

    outcome: Rule | None = None
    delay_read: DelayRead | None = None
    delay_reply: DelayReply | None = None
    slow_reply: SlowReply | None = None
    close: Close | None = None
    authorization: RequireAuthorization | None = None
    limit_body: LimitBody | None = None
    throttle: Throttle | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the rules that apply."""
        rules = (getattr(self, entry.name) for entry in dataclasses.fields(self))
        return tuple(rule.name for rule in rules if rule is not None)


NORMAL = Behaviour()
"""No rule applies."""
