"""What must hold for a difference to be one that the guide tells: where something is lost, it does not."""

from __future__ import annotations

import pytest

from opencensus_compat.compare import conditions
from opencensus_compat.compare.model import ABSENT, Values

_STACK = 'File "shop/views.py", line 7, in order'


def _values(before, after, item_before=None, item_after=None, column="name"):
    return Values(column, before, after, item_before or {}, item_after or {})


@pytest.mark.parametrize(
    ("condition", "right", "wrong"),
    [
        pytest.param(
            conditions.in_a_column, ("7", ABSENT, {}, {"data": "http://shop/7"}), ("7", ABSENT, {}, {"data": "http://shop/"}), id="property"
        ),
        pytest.param(
            conditions.of_properties,
            (ABSENT, "db|orders", {"customDimensions.db.name": "orders", "customDimensions.peer": "db"}),
            (ABSENT, "db|stock", {"customDimensions.db.name": "orders", "customDimensions.peer": "db"}),
            id="column",
        ),
        pytest.param(conditions.route_of_the_path, ("GET /a/7", "GET /a/{number}"), ("GET /a/7", "GET /b/{number}"), id="route"),
        pytest.param(conditions.route_of_the_path, ("GET /a/7/x", "GET /a/<int:n>/x"), ("GET /a", "GET /b"), id="route of Flask"),
        pytest.param(conditions.route_of_the_path, ("GET /a/7", "GET a/<int:n>"), ("GET /b/7", "GET a/<int:n>"), id="route of Django"),
        pytest.param(conditions.route_of_the_path, ("GET /", "GET "), ("GET /a", "GET "), id="the shortest route"),
        pytest.param(
            conditions.route_of_the_path,
            ("GET /a/7/x", r"GET ^a/(?P<n>[^/]{1,4})/x$"),
            ("GET /a/7/xy", r"GET ^a/(?P<n>[^/]{1,4})/x$"),
            id="pattern of Django",
        ),
        pytest.param(
            conditions.route_of_the_path,
            ("GET /shop/7/a/b", r"GET shop/<int:n>/^a/^\w"),
            ("GET /shop/7/b", r"GET shop/<int:n>/^a/^\w"),
            id="pattern of Django below a route",
        ),
        pytest.param(conditions.route_of_the_path, ("GET /a/", "GET ^a/"), ("GET /a(", "GET ^a("), id="what is no pattern"),
        pytest.param(conditions.route_of_the_path, ("GET /f/a/b", "GET f/<path:p>"), ("GET /f/a/b", "GET f/<str:p>"), id="rest of a path"),
        pytest.param(conditions.route_of_the_path, ("GET /a", "GET a"), ("POST /a", "GET a"), id="without parameters"),
        pytest.param(
            conditions.route_of_the_path,
            ("<id of requests 'GET /a'>", "<id of requests 'GET a'>"),
            ("<id of requests 'GET /a'>", "<id of requests 'GET b'>"),
            id="the request around",
        ),
        pytest.param(
            conditions.more_frames_of("django"),
            (
                "2",
                "3",
                {"details.0.rawStack": _STACK},
                {"details.0.rawStack": f'File "x/django/core/handlers/exception.py", line 5, in inner\n{_STACK}'},
            ),
            ("2", "3", {"details.0.rawStack": _STACK}, {"details.0.rawStack": f'File "x/shop/middleware.py", line 5, in inner\n{_STACK}'}),
            id="frames of a package",
        ),
        pytest.param(
            conditions.more_frames_of("django"),
            ("2", "3", {"details.0.rawStack": _STACK}, {"details.0.rawStack": f'File "x/django/a.py", line 5, in inner\n{_STACK}'}),
            ("2", "3", {"details.0.rawStack": _STACK}, {"details.0.rawStack": 'File "x/django/a.py", line 5, in inner'}),
            id="frames that are lost",
        ),
        pytest.param(conditions.longer, ("no money", "ValueError: no money"), ("no money", "ValueError"), id="description"),
        pytest.param(
            conditions.redacted, ("http://a/?sig=1&b=2", "http://a/?sig=REDACTED&b=2"), ("http://a/?b=2", "http://a/?b=3"), id="query"
        ),
        pytest.param(conditions.same_value, ("[1, 2]", '"[1,2]"'), ("[1, 2]", '"[1]"'), id="list"),
        pytest.param(conditions.same_value, ("1", '"1"'), ("1", '"2"'), id="number"),
        pytest.param(
            conditions.of_properties,
            (ABSENT, "10.0.0.1:27017|shop", {"customDimensions.connection": "('10.0.0.1', 27017)", "customDimensions.db": "shop"}),
            (ABSENT, "10.0.0.1:27018|shop", {"customDimensions.connection": "('10.0.0.1', 27017)", "customDimensions.db": "shop"}),
            id="column of a tuple",
        ),
        pytest.param(conditions.request_name, ("GET", "orders"), ("GET /orders", "orders"), id="name of a span"),
        pytest.param(conditions.call_name, ("PUT ", "PUT /"), ("PUT ", "GET /"), id="call without a path"),
        pytest.param(
            conditions.stays_unread("http.url"),
            ("shop", ABSENT, {}, {"customDimensions.http.url": "http://shop/7"}),
            ("shop", ABSENT, {}, {"customDimensions.http.url": "http://bank/7"}),
            id="without a method",
        ),
        pytest.param(conditions.has_error, ("True", "False", {}, {"customDimensions.error.name": "E"}), ("True", "False"), id="failure"),
        pytest.param(conditions.plain_host, ("SHOP.a:port", "shop.a"), ("shop.a", "shop.b"), id="host"),
        pytest.param(
            conditions.of_a_stack, (ABSENT, "", {}, {"outerType": "Exception"}), (ABSENT, "", {}, {"outerType": "E"}), id="no type"
        ),
        pytest.param(
            conditions.without_traceback,
            ('"a\\nTraceback (most recent call last):\\n"', '"a"'),
            ('"a\\nTraceback (most recent call last):\\n"', '"b"'),
            id="text in quotes",
        ),
        pytest.param(conditions.path_parameters, ("GET /pay", "GET /pay;a=1"), ("GET /pay", "GET /play;a=1"), id="parameters"),
        pytest.param(
            conditions.frames_stay,
            ('  File "a.py", line 1, in f', 'x\n  File "a.py", line 1, in f'),
            ('  File "a.py", line 1, in f', '  File "a.py", line 2, in f'),
            id="stack",
        ),
    ],
)
def test_conditions(condition, right, wrong):
    """A condition holds where the value stands elsewhere, and does not where it is lost."""
    assert condition(_values(*right))
    assert not condition(_values(*wrong))
