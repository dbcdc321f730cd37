"""Entra ID tokens for the transport.

A credential may be slow, may fail in any way, and may be asked by several threads at once; an export must not wait for it longer than it
has time. So each question to the credential is asked on a short-lived thread of its own, one at a time. An export uses the cached token
while that still works, and waits for the answer within its time limit where there is none.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import math
import re
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, SupportsFloat
from urllib.parse import urlsplit

from ..counts import RateLimit
from ..errors import ConfigurationError
from ..forks import restart_in_child
from ..notices import say
from ..reasons import TOKEN_FAILED, TOKEN_PENDING, TOKEN_WITHHELD
from .bounded_calls import start_thread
from .classify import redirect_target
from .proxies import is_loopback
from .transport import _instrumentation_suppressed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..reasons import Reason
    from .credentials import TokenCredential

DEFAULT_AUDIENCE = "https://monitor.azure.com/"
"""The public cloud's. Its slash stays when ``/.default`` is added, so that the scope has two. Source: specification section 10."""

REFRESH_BEFORE_S = 300.0
"""How long before its end a token is renewed, seconds; a short-lived one at half of its life. Source: specification section 10."""
MIN_LIFE_S = 10.0
"""A token is used at least so long, seconds, whatever its ``expires_on`` says: a credential that tells nonsense is not asked for each batch."""
MAX_LIFE_S = 86400.0
"""A token is not believed to live longer than a day, seconds."""
FIRST_PAUSE_S = 10.0
"""How long a credential that failed is left alone, seconds; each further failure doubles it."""
MAX_PAUSE_S = 300.0
"""The longest such pause, seconds."""
STILL_ASKING_S = 1.0
"""When to look again while the credential has not answered, seconds."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
_ENTRA_CODE = re.compile(r"AADSTS\d{4,9}")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NoToken:
    """Why there is no token now. The telemetry is to be kept and sent later."""

    reason: Reason
    """Why not."""
    after_s: float
    """Seconds after which asking again makes sense."""


@dataclass(frozen=True, slots=True)
class CachedToken:
    """A token, and until when it is used; times are of the monotonic clock, seconds."""

    header: str = field(repr=False)
    refresh_at_s: float
    ends_at_s: float


class _Question:
    """One question to the credential, which others may wait for."""

    def __init__(self, asked_at_s: float) -> None:
        self.asked_at_s = asked_at_s
        self.answer: CachedToken | str | None = None
        """A token, or what was wrong."""
        self.pause_s = 0.0
        """How long not to ask again, if something was wrong."""
        self.answered = threading.Event()


class TokenSource:
    """Gives the ``Authorization`` header for one destination; safe for several threads.

    A child process made by fork keeps the token and asks on its own. Tokens are in no repr, log or error; of a credential's errors the
    log tells the type, Entra ID's code and the HTTP status, because their text may quote what was sent or received.

    Args:
        credential: Object with ``get_token``, as azure-identity's.
        endpoint: Ingestion endpoint that the token is for; https, or http on this machine.
        audience: ``AADAudience`` of the connection string; None means the public cloud's.
        clock: Monotonic clock, seconds.
        wall_clock: Seconds since the epoch, to know how long a token lives.

    Raises:
        ConfigurationError: A credential without a usable ``get_token``, or an endpoint to which no token may be sent.
    Loses: nothing; but where a fork happens while the credential is being asked, the child may find the credential's own locks held,
    and then has no token.
    """

    def __init__(
        self,
        credential: TokenCredential,
        endpoint: str,
        *,
        audience: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        _check(credential, endpoint)
        self.scope = scope(audience)
        self._credential = credential
        self._endpoint = endpoint
        self._clock = clock
        self._wall_clock = wall_clock
        self._log_limit = RateLimit(clock=clock)
        self._held: CachedToken | None = None
        self._problem = ""
        self._pause_s = FIRST_PAUSE_S
        self._not_before_s = -math.inf
        self.restart()
        restart_in_child(self)

    def restart(self) -> None:
        """Ask anew: for a child made by fork, which has no thread that would answer the parent's question."""
        # Guards the four above and the question, and is never held while the credential is asked.
        self._lock = threading.Lock()
        self._question: _Question | None = None

    def header_for(self, url: str, timeout_s: float) -> str | NoToken:
        """Return the value of ``Authorization`` for a request, or why there is none. Never raises.

        Args:
            url: Absolute URL that the request goes to: the configured host, or one that a redirect from it may lead to.
            timeout_s: Longest wait for the credential, seconds.
        """
        if not (_is_confidential(url) and redirect_target(self._endpoint, url) is not None):
            return NoToken(TOKEN_WITHHELD, MAX_PAUSE_S)
        now_s = self._clock()
        with self._lock:
            held = self._held
            if held is not None and now_s < held.refresh_at_s:
                return held.header
            question, mine = self._question, False
            if question is None and now_s >= self._not_before_s:
                question = self._question = _Question(now_s)
                mine = True
            problem, after_s = self._problem, self._not_before_s - now_s
        if mine and question is not None:
            self._ask_beside(question)
        if held is not None and now_s < held.ends_at_s:
            return held.header
        if question is None:
            return self._failed(problem, after_s)
        # Counted from when it was asked: while a credential hangs, not every batch waits for it anew.
        question.answered.wait(max(0.0, question.asked_at_s + timeout_s - now_s))
        answer = question.answer
        if answer is None:
            self._say("it has not answered yet")
            return NoToken(TOKEN_PENDING, STILL_ASKING_S)
        return self._failed(answer, question.pause_s) if isinstance(answer, str) else answer.header

    def invalidate(self, header: str) -> None:
        """Forget the token of a header that the service answered with 401, unless there is a newer one already."""
        with self._lock:
            if self._held is not None and self._held.header == header:
                self._held = None

    def _ask_beside(self, question: _Question) -> None:
        if not start_thread(partial(self._ask_quietly, question), "appinsights-token"):
            # No thread can be started while the interpreter ends. The last batch is worth the wait.
            self._ask(question)

    def _ask_quietly(self, question: _Question) -> None:
        # What is left here (SystemExit and its like) would end the thread anyway, but with a text on stderr that may quote a secret.
        with contextlib.suppress(BaseException):
            self._ask(question)

    def _ask(self, question: _Question) -> None:
        """Ask the credential, note and hand out what it answers."""
        answer: CachedToken | str = "it was interrupted"
        try:
            with _instrumentation_suppressed():
                answer = self._asked()
        finally:
            self._note(question, answer)

    def _asked(self) -> CachedToken | str:
        try:
            received = self._credential.get_token(self.scope)
            token, expires_on = received.token, received.expires_on
        except Exception as error:  # noqa: BLE001 - a credential may be anyone's code, and may raise what it likes.
            return _described(error)
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            return "what it gave is not a token"
        life_s = self._life_s(expires_on)
        now_s = self._clock()
        return CachedToken(f"Bearer {token}", now_s + life_s - min(REFRESH_BEFORE_S, life_s / 2), now_s + life_s)

    def _life_s(self, expires_on: SupportsFloat | str) -> float:
        """Return how long a token is used, seconds."""
        try:
            life_s = float(expires_on) - self._wall_clock()
        except (TypeError, ValueError, OverflowError):
            return MIN_LIFE_S
        return MIN_LIFE_S if math.isnan(life_s) else min(max(life_s, MIN_LIFE_S), MAX_LIFE_S)

    def _note(self, question: _Question, answer: CachedToken | str) -> None:
        now_s = self._clock()
        with self._lock:
            if isinstance(answer, CachedToken):
                self._held = answer
                self._pause_s, self._not_before_s = FIRST_PAUSE_S, -math.inf
            else:
                self._problem, question.pause_s = answer, self._pause_s
                self._not_before_s = now_s + self._pause_s
                self._pause_s = min(self._pause_s * 2, MAX_PAUSE_S)
            self._question = None
        question.answer = answer
        question.answered.set()

    def _failed(self, problem: str, after_s: float) -> NoToken:
        self._say(problem)
        return NoToken(TOKEN_FAILED, max(0.0, after_s))

    def _say(self, problem: str) -> None:
        if self._log_limit.due("token"):
            say(
                _logger,
                logging.WARNING,
                "There is no Entra ID token for Application Insights (%s, scope %s): %s. The logger azure.identity may have details. "
                "Telemetry is stored meanwhile; this is logged at most once a minute.",
                type(self._credential).__name__,
                self.scope,
                problem,
            )


def scope(audience: str | None) -> str:
    """Return what to ask a credential for.

    Args:
        audience: ``AADAudience`` of the connection string; None or blank means the public cloud's.
    Source: specification section 10.
    """
    return f"{(audience or '').strip() or DEFAULT_AUDIENCE}/.default"


def _check(credential: object, endpoint: str) -> None:
    get_token = getattr(credential, "get_token", None)
    asynchronous = inspect.iscoroutinefunction(get_token)
    if not callable(get_token) or asynchronous:
        raise ConfigurationError(
            "credential",
            "argument",
            expected="an object with a get_token method (an Azure TokenCredential)",
            came=f"an asynchronous {type(credential).__name__}" if asynchronous else type(credential).__name__,
            advice="Pass for example azure.identity.DefaultAzureCredential().",
        )
    if not _is_confidential(endpoint):
        raise ConfigurationError(
            "credential",
            "argument",
            expected="an https ingestion endpoint beside it",
            came=repr(endpoint),
            advice="Correct IngestionEndpoint: a token is not sent where others can read it.",
        )


def _is_confidential(url: str) -> bool:
    """Return whether nobody on the way can read what is sent to a URL: https, or http to this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "http":
            return parts.scheme == "https" and bool(host)
        return is_loopback(host)
    except ValueError:
        return False


def _described(error: Exception) -> str:
    """Return an error's type, Entra ID's code and the HTTP status: its text may quote a secret or a token."""
    name = type(error).__name__
    try:
        code = _ENTRA_CODE.search(str(error))
        status = getattr(error, "status_code", None)
    except Exception:  # noqa: BLE001 - an error of anyone's code, whose text is anyone's code too.
        return name
    details = [code.group()] if code else []
    if isinstance(status, int):
        details.append(f"HTTP {status}")
    return f"{name} ({', '.join(details)})" if details else name
