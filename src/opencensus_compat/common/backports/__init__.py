"""`WeakMethod` under its OpenCensus path; every Python that we support has it in the standard library."""

from __future__ import annotations

from weakref import WeakMethod as WeakMethod
