"""What programs under gevent import: nothing needs to be patched for them here."""

from __future__ import annotations
