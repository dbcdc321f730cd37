"""Tokens of Entra ID: the credential that the environment names is asked, and what the token says is read; the token itself stays here.

Limits: a credential that a program passes in code is seen only from inside it, and is not asked.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from opencensus_compat.doctor.sections.network import Token
from opencensus_compat.doctor.target import Target

__all__ = ["asked"]

VARIABLE = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
_ASK_S = 3.0
_CODE = re.compile(r"AADSTS\d{4,9}")
_MACHINE = "169.254.169.254"
"""Where virtual machines have their identity."""


def asked(environ: Mapping[str, str], target: Target | None, tell: Callable[[str], None] | None) -> tuple[Token, str]:
    """Return what is known of the token, and the value of the header `Authorization`, empty for none.

    Args:
        environ: The environment.
        target: Where telemetry goes.
        tell: Called with the host before that is contacted; None contacts nobody.
    """
    if not environ.get(VARIABLE, "").strip():
        return _token(), ""
    expected = "https://monitor.azure.com/" if target is None else target.audience or "https://monitor.azure.com/"
    try:
        credentials = import_module("appinsights_exporter.delivery.credentials")
        auth = import_module("appinsights_exporter.delivery.auth")
        credential = credentials.credential_from_environment(environ)
    except ImportError as error:
        return _token(credential="managed identity", problem=f"The credential that {VARIABLE} names cannot be made: {error}."), ""
    except ValueError as error:
        return _token(credential="managed identity", problem=str(error)), ""
    client = getattr(credential, "client_id", None)
    known = {"credential": f"managed identity of client {client[:8]}-***" if client else "managed identity", "expected_audience": expected}
    if tell is None or target is None or target.endpoint != target.original:
        return _token(**known), ""
    tell(f"doctor asks {_host(environ)} for a token of the {known['credential']}.")
    answer = _answer(lambda: credential.get_token(auth.scope(target.audience)))
    if isinstance(answer, str):
        code = _CODE.search(answer)
        return _token(**known, was_asked=True, problem=answer, code=code[0] if code else ""), ""
    claims = _claims(answer.token)
    return (
        _token(
            **known,
            was_asked=True,
            audience=_text(claims.get("aud")),
            expires_in_s=_seconds(claims.get("exp", answer.expires_on)) - time.time(),
            tenant=_text(claims.get("tid"))[:8],
            client=_text(claims.get("appid") or claims.get("azp"))[:8],
        ),
        f"Bearer {answer.token}",
    )


def _token(**known: Any) -> Token:
    nothing: dict[str, Any] = {
        "credential": "",
        "problem": "",
        "code": "",
        "was_asked": False,
        "expected_audience": "",
        "audience": "",
        "expires_in_s": 0.0,
        "tenant": "",
        "client": "",
    }
    return Token(**{**nothing, **known})


def _host(environ: Mapping[str, str]) -> str:
    """Return the host that gives tokens of a managed identity, as azure-identity chooses it."""
    for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST"):
        if environ.get(name):
            with contextlib.suppress(ValueError):
                return urlsplit(environ[name]).netloc.rpartition("@")[2] or name
    if environ.get("AZURE_FEDERATED_TOKEN_FILE"):
        with contextlib.suppress(ValueError):
            authority = environ.get("AZURE_AUTHORITY_HOST", "")
            return urlsplit(authority).hostname or "login.microsoftonline.com"
    return _MACHINE


def _answer(ask: Callable[[], Any]) -> Any:
    """Return the token, or why there is none."""
    answers: list[Any] = []

    def run() -> None:
        try:
            with _quiet():
                answers.append(ask())
        except BaseException as error:  # noqa: BLE001 -- a credential may raise what it likes; its text may quote a secret
            code = _CODE.search(str(error))
            status = getattr(error, "status_code", None)
            details = ", ".join([*([code[0]] if code else []), *([f"HTTP {status}"] if isinstance(status, int) else [])])
            answers.append(f"{type(error).__name__} ({details})" if details else type(error).__name__)

    thread = threading.Thread(target=run, name="doctor-token", daemon=True)
    thread.start()
    thread.join(_ASK_S)
    return answers[0] if answers else f"it has not answered in {_ASK_S:.0f} s"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the terminal what the library logs; what matters of it is in the finding."""
    logger = logging.getLogger("azure")
    before, nothing = logger.propagate, logging.NullHandler()
    logger.propagate = False
    logger.addHandler(nothing)
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(nothing)


def _claims(token: str) -> Mapping[str, Any]:
    """Return what a token says; nothing where it is none of the usual form."""
    try:
        part = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, IndexError, TypeError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    if isinstance(value, list):
        value = next(iter(value), "")
    return "".join(letter for letter in value if letter.isprintable())[:200] if isinstance(value, str) else ""


def _seconds(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return time.time()
