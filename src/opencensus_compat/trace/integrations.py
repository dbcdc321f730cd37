"""Which integrations are in use, as bits of one number (OpenCensus reported it in its self-statistics)."""

from __future__ import annotations

import threading

_INTEGRATIONS_BIT_MASK = 0
_INTEGRATIONS_LOCK = threading.Lock()
"""Guards the number above: each change reads it first."""


class _Integrations:
    """The bit of each integration. SQLALCHEMY has two, one of them HTTP_LIB's: a slip of OpenCensus that became its interface."""

    NONE = 0
    DJANGO = 1
    FLASK = 2
    GOOGLE_CLOUD = 4
    HTTP_LIB = 8
    LOGGING = 16
    MYSQL = 32
    POSTGRESQL = 64
    PYMONGO = 128
    PYMYSQL = 256
    PYRAMID = 512
    REQUESTS = 1024
    SQLALCHEMY = 2056
    FASTAPI = 4194304
    HTTPX = 16777216


def get_integrations() -> int:
    """Return the bits of all integrations in use."""
    return _INTEGRATIONS_BIT_MASK


def add_integration(integration: int) -> None:
    """Note that an integration is in use."""
    global _INTEGRATIONS_BIT_MASK
    with _INTEGRATIONS_LOCK:
        _INTEGRATIONS_BIT_MASK |= integration


def remove_intregration(integration: int) -> None:
    """Note that an integration is no longer in use; the name is spelled as in OpenCensus.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/integrations.py#L49.
    """
    global _INTEGRATIONS_BIT_MASK
    with _INTEGRATIONS_LOCK:
        _INTEGRATIONS_BIT_MASK &= ~integration
