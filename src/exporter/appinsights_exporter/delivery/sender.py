"""One request for one batch: with a token where the resource asks for one, and along redirects that may be followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reasons import NO_TIME_TO_SEND, REDIRECT_NOT_TRUSTED, REDIRECTED_TOO_OFTEN
from .classify import Accepted, PartlyAccepted, Redirect, Rejected, Retry, TooLarge, classify, redirect_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from .auth import NoToken, TokenSource
    from .encode import Batch
    from .transport import Transport

MAX_REDIRECTS = 10
"""Most redirects followed for one batch."""
HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

Verdict = Accepted | PartlyAccepted | Retry | TooLarge | Rejected
"""What comes of a batch once redirects have been followed."""


class Sender:
    """Sends batches to one destination, and remembers where the service has moved it to.

    Args:
        transport: Makes one exchange.
        tokens: Gives the token for each request; None sends none.
        clock: Monotonic clock, seconds.
        wall_clock: Seconds since the epoch, for dates in replies.
    """

    def __init__(
        self, transport: Transport, tokens: TokenSource | None, clock: Callable[[], float], wall_clock: Callable[[], float]
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._clock = clock
        self._wall_clock = wall_clock
        self.restart()

    def restart(self) -> None:
        """Know of no other address: for a child made by fork."""
        self._moved: tuple[str, float] | None = None

    def send(self, batch: Batch, left_s: Callable[[], float]) -> Verdict:
        """Send one batch once, following trusted redirects, and return what came of it.

        Args:
            batch: What to send.
            left_s: Returns the seconds that are left for an exchange.
        """
        url = self._known_url()
        for _ in range(MAX_REDIRECTS + 1):
            token = None if self._tokens is None else self._token(self._tokens, url or self._transport.url, left_s())
            if token is not None and not isinstance(token, str):
                return Retry(token.reason, token.after_s, quiet=True)
            timeout_s = left_s()
            if timeout_s <= 0:
                return Retry(NO_TIME_TO_SEND)
            headers = HEADERS if token is None else {**HEADERS, "Authorization": token}
            outcome = classify(self._transport.send(batch.body, headers, timeout_s, url=url), len(batch), self._wall_clock())
            if token is not None and self._tokens is not None and isinstance(outcome, Retry) and outcome.unauthorized:
                self._tokens.invalidate(token)
            if not isinstance(outcome, Redirect):
                if url is not None and isinstance(outcome, (Retry, Rejected)):
                    # The place may be gone; the next batch asks the configured one again.
                    self._moved = None
                return outcome
            target = redirect_target(url or self._transport.url, outcome.location)
            if target is None:
                self._moved = None
                return Retry(REDIRECT_NOT_TRUSTED, cause="it leads to another host")
            url = target
            self._moved = (url, self._clock() + outcome.remember_s)
        self._moved = None
        return Retry(REDIRECTED_TOO_OFTEN)

    @staticmethod
    def _token(tokens: TokenSource, url: str, timeout_s: float) -> str | NoToken | None:
        return tokens.header_for(url, timeout_s) if timeout_s > 0 else None

    def _known_url(self) -> str | None:
        moved = self._moved
        return moved[0] if moved is not None and self._clock() < moved[1] else None
