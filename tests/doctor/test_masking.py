"""No secret is in anything that the command prints, whatever holds it."""

from __future__ import annotations

import dataclasses
import json
import types
from typing import Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencensus_compat.doctor.check import all_checks, run_checks
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.masking import masked, secrets_of
from opencensus_compat.doctor.report import Look, as_json, as_report, as_text, without_secrets

KEY = "8f14e45f-ceea-467a-9af0-8c1d1f2b3a4c"
PASSWORD = "tr0ub4dor"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
SIGNATURE = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA=="
ACCOUNT_KEY = "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29ybGQ1aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ9PQ=="
SECRETS = (KEY, PASSWORD, TOKEN, SIGNATURE, ACCOUNT_KEY)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(
            f"InstrumentationKey={KEY};IngestionEndpoint=https://host/",
            "InstrumentationKey=8f14***;IngestionEndpoint=https://host/",
            id="connection string",
        ),
        pytest.param(f"the key {KEY.upper()} of", "the key 8F14*** of", id="a bare key"),
        pytest.param(f"https://me:{PASSWORD}@proxy:8080/", "https://***@proxy:8080/", id="user and password"),
        pytest.param(
            f"http://me:p@ss/{PASSWORD}@proxy:8080",
            f"http://me:p@ss/{PASSWORD}@proxy:8080".replace(f"me:p@ss/{PASSWORD}", "***"),
            id="a password that is not encoded",
        ),
        pytest.param(f"Authorization: Bearer {TOKEN}", "Authorization: Bearer ***", id="header"),
        pytest.param(f"got {TOKEN}, expected none", "got ***, expected none", id="a bare token"),
        pytest.param(
            f"https://account.blob.core.windows.net/c?sv=2020&sig={SIGNATURE}&se=1",
            "https://account.blob.core.windows.net/c?sv=2020&sig=***&se=1",
            id="shared access signature",
        ),
        pytest.param(f"AccountName=a;AccountKey={ACCOUNT_KEY}", "AccountName=a;AccountKey=***", id="account key"),
        pytest.param(f"password = '{PASSWORD}'", "password = '***'", id="an assignment"),
        pytest.param(f'{{"client_secret": "{PASSWORD}"}}', '{"client_secret": "***"}', id="JSON"),
        pytest.param(f"x-api-key%3D{PASSWORD}%26a", "x-api-key%3D***", id="an encoded query"),
        pytest.param("d41d8cd98f00b204e9800998ecf8427e", "d41d***", id="a key without hyphens"),
        pytest.param("Authorization=AAD;ClientId=1", "Authorization=AAD;ClientId=1", id="no secret"),
        pytest.param("the token: expired", "the token: expired", id="a sentence"),
        pytest.param(
            "/usr/lib/Python3/site-packages/opentelemetry_sdk/Metrics-and-Views/x",
            "/usr/lib/Python3/site-packages/opentelemetry_sdk/Metrics-and-Views/x",
            id="a path",
        ),
    ],
)
def test_forms(text, shown):
    """What has the form of a secret is masked; of keys of resources the first digits stay; other texts stay as they are."""
    assert masked(text) == shown


def test_secrets_of_the_environment():
    """The values of variables that hold secrets are found by the name, in pairs, and in addresses."""
    environ = {
        "MY_API_KEY": "kkkkkkkkk1",
        "DATABASE_URL": f"postgres://app:{PASSWORD}%21@db/x",
        "AzureWebJobsStorage": f"AccountName=a;AccountKey={ACCOUNT_KEY}",
        "APPINSIGHTS_INSTRUMENTATIONKEY": KEY,
        "CALLBACK": f"https://host/?url=https://other/?sig={SIGNATURE}",
        "PWD": "/srv/program",
        "DEBUG_TOKENS": "true",
        "PATH": "/usr/bin",
    }
    assert secrets_of(environ) == {"kkkkkkkkk1", f"{PASSWORD}%21", f"{PASSWORD}!", ACCOUNT_KEY, KEY, SIGNATURE}


def test_a_secret_of_the_environment_goes_wherever_it_stands():
    """A value that only its variable's name tells is masked in a text that says nothing of it."""
    assert masked("cannot open correct-horse.txt", secrets_of({"VAULT_PASSWORD": "correct-horse"})) == "cannot open ***.txt"


def _planted(wanted, text):
    """Return a value of a type with the text in each place that can hold one."""
    if get_origin(wanted) in (Union, types.UnionType):
        kinds = [each for each in get_args(wanted) if each not in (Absent, type(None))]
        return _planted(kinds[0], text)
    if get_origin(wanted) is tuple:
        kinds = get_args(wanted)
        return (
            (_planted(kinds[0], text), _planted(kinds[0], text)) if kinds[1:] == (...,) else tuple(_planted(kind, text) for kind in kinds)
        )
    if dataclasses.is_dataclass(wanted):
        return wanted(**{name: _planted(hint, text) for name, hint in get_type_hints(wanted).items()})
    return {str: text, int: 7, float: 7.5, bool: True}[wanted]


@pytest.fixture(scope="module")
def checks():
    """All checks, loaded."""
    return all_checks()


_TEXTS = st.sampled_from(
    [
        f"InstrumentationKey={KEY};IngestionEndpoint=https://me:{PASSWORD}@host/",
        f"https://me:{PASSWORD}@proxy:8080/?sig={SIGNATURE}",
        f"Bearer {TOKEN}",
        f"AccountKey={ACCOUNT_KEY}",
        f'{{"password": "{PASSWORD}", "key": "{KEY}"}}',
        SIGNATURE,
        TOKEN,
        KEY,
    ]
)


@settings(max_examples=40)
@given(st.data())
def test_no_secret_leaves(checks, data):
    """With secrets in every field of the facts, in the names of what is installed and in all texts, none is in any output."""
    around = data.draw(st.sampled_from(["{}", "x {}", "a\n{}\n", "'{}'", "[{}]", "Error: {}, and more"]))
    facts = Facts(
        **{
            name: _planted(hint, around.format(data.draw(_TEXTS)))
            for name, hint in get_type_hints(Facts).items()
            if data.draw(st.booleans())
        }
    )
    secrets = secrets_of({"MY_PASSWORD": PASSWORD})
    results = without_secrets(run_checks(facts, checks), lambda text: masked(text, secrets))
    outputs = [
        as_json(facts, results, strict=False, mask=lambda text: masked(text, secrets)),
        masked(as_report(facts, results), secrets),
        masked(as_text(results, Look(verbose=True)), secrets),
        masked(as_text(results, Look(width=40, colour=True)), secrets),
    ]
    json.loads(outputs[0])
    assert [secret for secret in SECRETS for output in outputs if secret in output] == []
