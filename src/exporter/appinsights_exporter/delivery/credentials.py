"""Which credential gives the tokens: what one has, and the one that the environment names."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTHENTICATION_STRING_VARIABLE = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"

_CLIENT_ID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class AccessToken(Protocol):
    """What a credential answers."""

    @property
    def token(self) -> str:
        """Goes into the header."""
        ...

    @property
    def expires_on(self) -> float:
        """When it ends, seconds since the epoch."""
        ...


class TokenCredential(Protocol):
    """What azure-identity's credentials have, and a program's own may have."""

    def get_token(self, *scopes: str) -> AccessToken:
        """Return an object with ``token`` (text) and ``expires_on`` (seconds since the epoch)."""
        ...


def credential_from_environment(environ: Mapping[str, str] | None = None) -> TokenCredential | None:
    """Return the credential that ``APPLICATIONINSIGHTS_AUTHENTICATION_STRING`` asks for, or None when it is not set.

    ``Authorization=AAD`` is the managed identity of this machine, ``Authorization=AAD;ClientId=<id>`` a user-assigned one. Equal strings
    give the same object, so that they mean one destination. azure-identity is loaded when the first token is asked for.

    Args:
        environ: Stands for ``os.environ`` in tests.

    Raises:
        ConfigurationError: Another form. The message does not quote it: it may hold what somebody took for a secret.
    Source: specification section 9.3.
    """
    environment = os.environ if environ is None else environ
    text = environment.get(AUTHENTICATION_STRING_VARIABLE, "").strip()
    if not text:
        return None
    found: dict[str, str] = {}
    for position, part in enumerate(text.split(";"), start=1):
        if part.strip():
            key, equals, value = part.partition("=")
            key = key.strip().lower()
            if not equals or key not in ("authorization", "clientid"):
                raise _bad_string(f"part {position} that is neither")
            found[key] = value.strip()
    if "authorization" not in found:
        raise _bad_string("no Authorization")
    if found["authorization"].lower() != "aad":
        raise _bad_string("another kind of Authorization")
    client_id = found.get("clientid")
    if client_id is not None and _CLIENT_ID.fullmatch(client_id) is None:
        raise _bad_string("a ClientId that is not of the form 01234567-89ab-cdef-0123-456789abcdef")
    return _managed_identity(None if client_id is None else client_id.lower())


class ManagedIdentity:
    """A managed identity, looked for when the first token is asked for: loading azure-identity takes a noticeable time.

    Args:
        client_id: Of a user-assigned identity; None for the machine's own.
    """

    def __init__(self, client_id: str | None = None) -> None:
        self.client_id = client_id
        # Process id and credential: a child made by fork must not speak on its parent's connection.
        self._made: tuple[int, TokenCredential] | None = None

    def __repr__(self) -> str:
        """Show which identity it is."""
        return f"ManagedIdentity(client_id={self.client_id!r})"

    def get_token(self, *scopes: str) -> AccessToken:
        """Return azure-identity's answer.

        Raises: what azure-identity raises, most often a ``CredentialUnavailableError``.
        """
        made, pid = self._made, os.getpid()
        if made is None or made[0] != pid:
            from azure.identity import ManagedIdentityCredential

            # Two threads may both come here; both objects are good, and one of them stays.
            made = self._made = (pid, ManagedIdentityCredential(client_id=self.client_id))
        return made[1].get_token(*scopes)


@lru_cache(maxsize=16)
def _managed_identity(client_id: str | None) -> ManagedIdentity:
    return ManagedIdentity(client_id)


def _bad_string(came: str) -> ConfigurationError:
    return ConfigurationError(
        "credential",
        AUTHENTICATION_STRING_VARIABLE,
        expected="Authorization=AAD, with ;ClientId=<id> for a user-assigned identity",
        came=came,
        advice="Correct the variable or remove it.",
    )
