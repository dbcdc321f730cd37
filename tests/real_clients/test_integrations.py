"""Integrations from their own distributions, as they are installed: the same program on the facade and on the real SDK.

Those that bring much with them are in `vendors.py`, which `make vendors` runs.
"""

from __future__ import annotations

import pytest

REQUESTS = [200, 200, 500, 200, 404]


def _tree(spans):
    """Return name and parent's name of spans; for a parent that is elsewhere, whether there is one."""
    spans = [span["json"]["spans"][0] for span in spans]
    names = {span["spanId"]: span["displayName"]["value"] for span in spans}
    return [(span["displayName"]["value"], names.get(span.get("parentSpanId"), "parentSpanId" in span)) for span in spans]


FRAMEWORKS = {
    "flask": (
        "flask_app.py",
        [
            ("price", "[GET]http://localhost/orders/7"),
            ("[GET]http://localhost/orders/7", True),
            ("price", "[GET]http://localhost/orders/8"),
            ("[GET]http://localhost/orders/8", False),
            ("[GET]http://localhost/fails", False),
            ("[GET]http://localhost/nowhere", False),
        ],
    ),
    "django": (
        "django_app.py",
        [
            ("sqlite.query", "__main__.orders"),
            ("price", "__main__.orders"),
            ("__main__.orders", True),
            ("sqlite.query", "__main__.orders"),
            ("price", "__main__.orders"),
            ("__main__.orders", False),
            ("__main__.fails", False),
            ("span", False),
        ],
    ),
}


@pytest.mark.parametrize(("program", "tree"), FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_frameworks(both, program, tree):
    """Requests with and without a trace, one that fails, one left out, one for nothing: the same spans with all that is on them."""
    old, new = both(program)
    assert new == old
    ((answers, spans),) = new
    assert answers == REQUESTS
    assert _tree(spans) == tree


def test_httpx(both):
    """Calls that succeed and one that nobody answers are the same spans."""
    old, new = both("httpx_calls.py")
    assert new == old
    ((paths, spans),) = new
    assert paths == ["/charge", "/stock"]
    assert _tree(spans) == [("/charge", "order"), ("/stock", "order"), ("/nobody", "order"), ("order", False)]
