"""The tests that a service has of its own telemetry stay green on the day it switches."""

from __future__ import annotations

import sys
import sysconfig


def test_a_services_own_tests(result, legacy_python):
    """Mocks, patches, fakes and matched messages in the usual forms: all of them pass on the real SDK, and the same ones on the facade."""
    here = sysconfig.get_path("purelib")
    [real] = result(legacy_python, "own_tests.py", lent=here)
    [ours] = result(sys.executable, "own_tests.py")
    assert (real["failed"], ours["failed"]) == ([], [])
    assert ours == real
    assert (ours["status"], ours["passed"] > 40) == (0, True)
