from __future__ import annotations

import pytest

from opencensus_compat.local.misbehave import (
    RULES,
    Close,
    DelayRead,
    Garbage,
    LimitBody,
    LoseReply,
    Partial,
    Redirect,
    RequireAuthorization,
    ResetAfterRead,
    ResetDuringRead,
    RuleError,
    Silence,
    Status,
    Throttle,
    Truncate,
)
from opencensus_compat.local.rule_texts import describe, help_text, parse


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("status:code=503", Status(503)),
        ("status:code=503,times=3,retry_after=5", Status(503, times=3, retry_after="5")),
        ("status:code=429,retry-after=Tue, 14 Nov", None),
        ('status:code=429,retry_after="Tue, 14 Nov 2023 22:13:20 GMT"', Status(429, retry_after="Tue, 14 Nov 2023 22:13:20 GMT")),
        ('status:code=200,body=,headers={"A":"b","C":"d"}', Status(200, body="", headers={"A": "b", "C": "d"})),
        ("status:code=500,accept=true", Status(500, accept=True)),
        ("partial:statuses=[200,500,429],message=no", Partial([200, 500, 429], "no")),
        ("redirect", Redirect()),
        ("redirect:location=http://other:1/,code=308", Redirect("http://other:1/", 308)),
        ("reset-during-read:after-bytes=100,skip=2", ResetDuringRead(100, skip=2)),
        ("reset_after_read:every=2", ResetAfterRead(every=2)),
        ("lose_reply", LoseReply()),
        ("silence:for_s=1.5", Silence(for_s=1.5)),
        ("truncate:keep_bytes=0", Truncate(0)),
        ("garbage:valid_http=true", Garbage(True)),
        ("delay_read:seconds=1", DelayRead(1.0)),
        ("close", Close()),
        ("require_authorization:token=abc", RequireAuthorization("abc")),
        ("require_authorization:token=123", RequireAuthorization("123")),
        ("limit_body:max_bytes=1000,decoded=true", LimitBody(1000, True)),
        ("throttle:items_per_s=10,burst=20", Throttle(10.0, 20)),
        ('{"rule":"status","code":503}', Status(503)),
        ({"rule": "status", "code": 503, "times": None}, Status(503)),
        (Status(500), Status(500)),
    ],
)
def test_parse(source, rule):
    """A rule reads the same from the command line, from JSON and from Python."""
    if rule is None:
        with pytest.raises(RuleError, match="KEY=VALUE"):
            parse(source)
    else:
        assert parse(source) == rule


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("explode", "unknown rule 'explode'; the rules are status, partial"),
        ("", "unknown rule ''"),
        ({}, "unknown rule None"),
        ("{", "not valid JSON"),
        ("status", "rule 'status' needs code"),
        ("status:kode=1", "rule 'status' has no parameter 'kode'; it takes times, for_s, skip, every, code"),
        ("status:code", "expected KEY=VALUE"),
        ("status:code=abc", "parameter 'code' of rule 'status' must be int, got 'abc'"),
        ("status:code=true", "must be int, got True"),
        ("status:code=99", "must be an HTTP status"),
        ("status:code=503,times=-1", "must not be negative"),
        ("status:code=503,every=0", "must be positive"),
        ("delay_read:seconds=-1", "must be float"),
        ("delay_read:seconds=NaN", "must be float"),
        ("partial:statuses=[]", "must be list"),
        ('partial:statuses=["a"]', "must be list"),
        ("status:code=503,headers=[1]", "parameter 'headers' of rule 'status' must be"),
        ("throttle:items_per_s=0", "must be positive"),
    ],
)
def test_parse_refuses(source, message):
    """What cannot be understood raises with what was expected and what came."""
    with pytest.raises(RuleError) as caught:
        parse(source)
    assert message in str(caught.value)


def test_describe_round_trips():
    """The description of a rule reads back as the rule."""
    rules = [Status(503, times=2, headers={"A": "b"}), Partial([200]), Throttle(5.0), Silence()]
    assert [parse(describe(rule)) for rule in rules] == rules


def test_help_names_every_rule():
    """The help text has a usage line and a sentence for every rule."""
    lines = help_text(1000).splitlines()
    assert [line.split(":")[0].strip() for line in lines[::2]] == list(RULES)
    assert all(line.strip().endswith(".") for line in lines[1::2])
