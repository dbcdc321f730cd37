"""Rules that make the local endpoint misbehave, and the script that hands them out.

A rule is a small frozen value. Its *slot* says what it decides (the outcome, a delay, a gate); of the active rules the
first of each slot is applied to a request, so a delay and a status combine, while two statuses follow one another::

    endpoint.misbehave(Status(503, times=2), DelayReply(0.5))
    endpoint.misbehave("status:code=429,retry_after=3,for_s=10")     # the command line's spelling
    endpoint.misbehave({"rule": "partial", "statuses": [200, 500]})  # the control path's spelling

Every rule takes ``times`` (for how many requests; without it for ever), ``for_s`` (for how many seconds from its
installation), ``skip`` (how many requests to let pass first) and ``every`` (only each n-th request after those). Only
requests that send telemetry are counted.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import textwrap
import threading
import time
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


class RuleError(ValueError):
    """A rule that cannot be understood; the message says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all rules have: when they apply."""

    name: ClassVar[str] = ""
    slot: ClassVar[str] = ""

    times: int | None = None
    """For how many requests; ``None`` for ever."""
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
    """Whether the items are kept, when that shall differ from what the status says."""


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


def parse(source: Any) -> Rule:
    """Return the rule that a text or a mapping describes; a rule is returned as it is.

    Text: ``NAME`` or ``NAME:KEY=VALUE,KEY=VALUE``, values as JSON or bare words; or the JSON text of a mapping.
    Mapping: ``{"rule": NAME, KEY: VALUE, ...}``.

    Raises:
        RuleError: Unknown rule or parameter, or a value of the wrong type.

    """
    if isinstance(source, Rule):
        return source
    if isinstance(source, str):
        source = _mapping(source)
    if not isinstance(source, Mapping):
        raise RuleError(f"expected a rule as a mapping or a text, got {source!r}")
    values = {str(key).replace("-", "_"): value for key, value in source.items()}
    name = values.pop("rule", None)
    kind = RULES.get(name.replace("-", "_")) if isinstance(name, str) else None
    if kind is None:
        raise RuleError(f"unknown rule {name!r}; the rules are {', '.join(RULES)}")
    hints = typing.get_type_hints(kind)
    known = {entry.name: entry for entry in dataclasses.fields(kind)}
    for key in values:
        if key not in known:
            raise RuleError(f"rule {kind.name!r} has no parameter {key!r}; it takes {', '.join(known)}")
    required = [name for name, entry in known.items() if entry.default is entry.default_factory is dataclasses.MISSING]
    missing = [name for name in required if name not in values]
    if missing:
        raise RuleError(f"rule {kind.name!r} needs {' and '.join(missing)}")
    return kind(**{key: _converted(kind.name, key, value, hints[key]) for key, value in values.items()})


def describe(rule: Rule) -> dict[str, Any]:
    """Return the mapping that ``parse`` reads back as this rule."""
    return {"rule": rule.name, **dataclasses.asdict(rule)}


def help_text(width: int = 80) -> str:
    """Return for each rule its name, its own parameters with their defaults, and what it does.

    Args:
        width: Characters of a line, at most.
    """
    lines = []
    for name, kind in RULES.items():
        parameters = []
        for entry in dataclasses.fields(kind):
            if entry.kw_only:
                continue
            value = entry.default if entry.default_factory is dataclasses.MISSING else entry.default_factory()
            parameters.append(entry.name if value is dataclasses.MISSING else f"{entry.name}={json.dumps(value)}")
        lines.append(f"  {name}" + (":" + ",".join(parameters) if parameters else ""))
        lines += textwrap.wrap((kind.__doc__ or "").replace("``", ""), max(40, width), initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


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


@dataclass(slots=True)
class _Active:
    rule: Rule
    since_s: float
    seen: int = 0
    used: int = 0

    def ended(self, now_s: float) -> bool:
        rule = self.rule
        return (rule.times is not None and self.used >= rule.times) or (rule.for_s is not None and now_s - self.since_s >= rule.for_s)

    def applies(self) -> bool:
        """Count one request and tell whether it is one of the rule's."""
        self.seen += 1
        turn = self.seen - self.rule.skip
        if turn < 1 or (turn - 1) % self.rule.every:
            return False
        self.used += 1
        return True


class Script:
    """The rules in force, handed out request by request. Safe to share between threads."""

    def __init__(self, rules: Iterable[Rule | str | Mapping[str, Any]] = (), clock: Callable[[], float] = time.monotonic) -> None:
        """Start with these rules.

        Args:
            rules: Anything ``parse`` takes.
            clock: Monotonic seconds.

        """
        self._lock = threading.Lock()
        self._clock = clock
        self._active: list[_Active] = []
        self._tokens: dict[Throttle, tuple[float, float]] = {}
        self.add(rules)

    def add(self, rules: Iterable[Rule | str | Mapping[str, Any]]) -> None:
        """Append rules behind those in force; none is added when one cannot be understood."""
        parsed = [parse(rule) for rule in rules]
        now_s = self._clock()
        with self._lock:
            self._active.extend(_Active(rule, now_s) for rule in parsed)

    def clear(self) -> None:
        """Behave from now on."""
        with self._lock:
            self._active.clear()
            self._tokens.clear()

    def rules(self) -> list[Rule]:
        """Return the rules still in force, in order."""
        with self._lock:
            self._drop_ended()
            return [active.rule for active in self._active]

    def next(self) -> Behaviour:
        """Return what applies to the next request, and count it."""
        with self._lock:
            if not self._active:
                return NORMAL
            self._drop_ended()
            chosen: dict[str, Any] = {}
            for active in self._active:
                # A rule whose slot is taken waits: this request does not count for it.
                if active.rule.slot not in chosen and active.applies():
                    chosen[active.rule.slot] = active.rule
            return Behaviour(**chosen)

    def wait_for_tokens(self, throttle: Throttle, items: int) -> float:
        """Take ``items`` from the throttle's bucket; return 0.0, or take none and return the seconds until there are enough."""
        now_s = self._clock()
        capacity = float(throttle.burst) if throttle.burst is not None else max(1.0, throttle.items_per_s)
        with self._lock:
            tokens, since_s = self._tokens.get(throttle, (capacity, now_s))
            tokens = min(capacity, tokens + (now_s - since_s) * throttle.items_per_s)
            # A request larger than the bucket would never fit; it passes when the bucket is full, and leaves a debt.
            needed = min(float(items), capacity)
            granted = tokens >= needed
            self._tokens[throttle] = (tokens - items if granted else tokens, now_s)
            return 0.0 if granted else (needed - tokens) / throttle.items_per_s

    def _drop_ended(self) -> None:
        now_s = self._clock()
        self._active = [active for active in self._active if not active.ended(now_s)]


# A comma between parameters, not one inside brackets, braces or quotes.
_SEPARATOR = re.compile(r""",(?=(?:[^"]*"[^"]*")*[^"]*$)(?![^\[{]*[\]}])""")


def _mapping(text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except ValueError as error:
            raise RuleError(f"rule is not valid JSON: {error}") from None
        return dict(value)  # a text that begins with a brace is an object or no JSON at all
    name, _, rest = text.partition(":")
    values: dict[str, Any] = {"rule": name.strip()}
    for part in _SEPARATOR.split(rest) if rest.strip() else ():
        key, equals, value = part.partition("=")
        if not equals:
            raise RuleError(f"expected KEY=VALUE in rule {text!r}, got {part!r}")
        try:
            values[key.strip()] = json.loads(value)
        except ValueError:
            values[key.strip()] = value
    return values


def _converted(rule: str, key: str, value: Any, hint: Any) -> Any:
    if not _fits(value, hint):
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and str in options:
            return str(value)  # retry_after=5 means the header text "5"
        wanted = " or ".join("nothing" if option is type(None) else getattr(option, "__name__", str(option)) for option in options)
        raise RuleError(f"parameter {key!r} of rule {rule!r} must be {wanted}, got {value!r}")
    if key in ("times", "skip") and value is not None and value < 0:
        raise RuleError(f"parameter {key!r} of rule {rule!r} must not be negative, got {value!r}")
    if (key == "every" and value < 1) or (key == "items_per_s" and not value > 0):
        raise RuleError(f"parameter {key!r} of rule {rule!r} must be positive, got {value!r}")
    if key == "code" and value is not None and not 100 <= value <= 599:
        raise RuleError(f"parameter 'code' of rule {rule!r} must be an HTTP status, got {value!r}")
    if hint is float:
        return float(value)
    return value


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(hint, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(hint))
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    origin = typing.get_origin(hint)
    if origin is list:
        return isinstance(value, list) and bool(value) and all(_fits(part, int) for part in value)
    if origin is not None:
        return isinstance(value, Mapping) and all(isinstance(part, str) for pair in value.items() for part in pair)
    return isinstance(value, hint)
