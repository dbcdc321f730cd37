"""The rules of misbehaviour in force, handed out request by request."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .misbehave import NORMAL, Behaviour, Rule, Throttle
from .rule_texts import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


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

    def __init__(self, rules: Iterable[Rule | str | Mapping[str, object]] = (), clock: Callable[[], float] = time.monotonic) -> None:
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

    def add(self, rules: Iterable[Rule | str | Mapping[str, object]]) -> None:
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
