"""Connection strings: read generously, refused clearly."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appinsights_exporter.connection_string import ConnectionString, described, instrumentation_key, misspelt, pairs, parse
from appinsights_exporter.errors import ConfigurationError, ConnectionStringError
from appinsights_exporter.testing import KEY

DEFAULT = "https://dc.services.visualstudio.com"

GOOD = {
    "key only": (f"InstrumentationKey={KEY}", DEFAULT),
    "trailing semicolon": (f"InstrumentationKey={KEY};", DEFAULT),
    "empty pairs": (f";;InstrumentationKey={KEY};;", DEFAULT),
    "spaces": (f"  InstrumentationKey = {KEY} ; IngestionEndpoint = https://e.test/ ", "https://e.test"),
    "newline": (f"InstrumentationKey={KEY};\nIngestionEndpoint=https://e.test\n", "https://e.test"),
    "key case": (f"INSTRUMENTATIONKEY={KEY};ingestionendpoint=https://e.test", "https://e.test"),
    "trailing slashes": (f"InstrumentationKey={KEY};IngestionEndpoint=https://e.test//", "https://e.test"),
    "plain http and port": (f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:8080/x/", "http://127.0.0.1:8080/x"),
    "equals sign in a value": (f"InstrumentationKey={KEY};Other=a=b==;IngestionEndpoint=https://e.test", "https://e.test"),
    "last duplicate wins": (
        f"InstrumentationKey={KEY};IngestionEndpoint=https://a.test;IngestionEndpoint=https://b.test",
        "https://b.test",
    ),
    "suffix": (f"InstrumentationKey={KEY};EndpointSuffix=applicationinsights.azure.cn", "https://dc.applicationinsights.azure.cn"),
    "suffix and location": (f"InstrumentationKey={KEY};EndpointSuffix=.ai.test.;Location= westus2. ", "https://westus2.dc.ai.test"),
    "endpoint before suffix": (f"InstrumentationKey={KEY};EndpointSuffix=x.test;IngestionEndpoint=https://e.test", "https://e.test"),
    "capitals in the address": (f"InstrumentationKey={KEY};IngestionEndpoint=hTTps://E.test/Path", "https://e.test/Path"),
    "empty query and fragment": (f"InstrumentationKey={KEY};IngestionEndpoint=https://e.test/?#", "https://e.test"),
    "location alone": (f"InstrumentationKey={KEY};Location=westus2", DEFAULT),
    "authorization": (f"Authorization=IKEY;InstrumentationKey={KEY}", DEFAULT),
    "quotes around the whole": (f'"InstrumentationKey={KEY};IngestionEndpoint=https://e.test/"', "https://e.test"),
    "single quotes and spaces": (f" ' InstrumentationKey={KEY};IngestionEndpoint=https://e.test/; ' ", "https://e.test"),
    "quotes around values": (f"InstrumentationKey='{KEY}';IngestionEndpoint=\"https://e.test/\"", "https://e.test"),
    "quotes of a word processor": (f"\u201cInstrumentationKey={KEY};IngestionEndpoint=https://e.test\u201d", "https://e.test"),
}


@pytest.mark.parametrize(("text", "endpoint"), GOOD.values(), ids=GOOD)
def test_good_strings(text, endpoint):
    """Each of these names the key and this endpoint (peer defect 17)."""
    assert parse(text, source="argument") == ConnectionString(KEY, endpoint, None)


def test_upper_case_key():
    """An upper-case key is lower-cased (peer defect 17)."""
    key = "ABCDEF00-0000-0000-0000-000000000001"
    assert parse(f"InstrumentationKey={key}", source="argument").instrumentation_key == key.lower()


def test_audience():
    """The token audience is kept as it is."""
    text = f"InstrumentationKey={KEY};AADAudience=https://monitor.azure.us/"
    assert parse(text, source="argument").aad_audience == "https://monitor.azure.us/"


BAD = {
    "no equals sign": ("InstrumentationKey", "without a key and '='"),
    "bare key": (KEY, "Write InstrumentationKey=<key>."),
    "nothing before equals": (f"={KEY}", "without a key and '='"),
    "bad key": ("InstrumentationKey=abc", "01234567-89ab-cdef-0123-456789abcdef"),
    "empty key": ("InstrumentationKey=", "01234567-89ab-cdef-0123-456789abcdef"),
    "authorization": (f"InstrumentationKey={KEY};Authorization=aad", "Authorization=ikey"),
    "too long": ("a=" + "x" * 4095, "at most 4096 characters"),
    "no scheme": (f"InstrumentationKey={KEY};IngestionEndpoint=e.test", "absolute http or https URL"),
    "other scheme": (f"InstrumentationKey={KEY};IngestionEndpoint=ftp://e.test", "absolute http or https URL"),
    "no host": (f"InstrumentationKey={KEY};IngestionEndpoint=https://", "absolute http or https URL"),
    "empty endpoint": (f"InstrumentationKey={KEY};IngestionEndpoint=", "an empty value"),
    "bad port": (f"InstrumentationKey={KEY};IngestionEndpoint=https://e.test:99999", "absolute http or https URL"),
    "query": (f"InstrumentationKey={KEY};IngestionEndpoint=https://e.test?a", "without user name, query"),
    "password": (f"InstrumentationKey={KEY};IngestionEndpoint=https://u:secret@e.test", "one with an @ in it"),
    "token in the query": (f"InstrumentationKey={KEY};IngestionEndpoint=https://e.test/?sig=secret", "one with a ? in it"),
    "token in the fragment": (f"InstrumentationKey={KEY};IngestionEndpoint=https://e.test/#secret", "one with a # in it"),
    "password in the suffix": (f"InstrumentationKey={KEY};EndpointSuffix=u:secret@e.test", "one with an @ in it"),
    "token as authorization": (f"InstrumentationKey={KEY};Authorization=Bearer secret", "got 13 characters"),
    "space in host": (f"InstrumentationKey={KEY};IngestionEndpoint=https://e .test", "absolute http or https URL"),
    "suffix": (f"InstrumentationKey={KEY};EndpointSuffix=a/b", "EndpointSuffix"),
    "location": (f"InstrumentationKey={KEY};EndpointSuffix=a.test;Location=a.b", "Location"),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_bad_strings(text, words):
    """Each of these is refused, and the message says what was expected, from where it came, and quotes no secret."""
    with pytest.raises(ConnectionStringError) as caught:
        parse(text, source="SOME_VARIABLE")
    assert words in str(caught.value)
    assert "SOME_VARIABLE" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.source == "SOME_VARIABLE"
    assert isinstance(caught.value, ValueError)


def test_key_that_is_no_text():
    """A key of another type is refused by its type."""
    with pytest.raises(ConfigurationError, match="got int"):
        instrumentation_key(5, source="argument")


@given(st.text())
def test_any_text(text):
    """Whatever the text, the answer is a connection string or our error."""
    try:
        parsed = parse(text, source="argument")
    except ConnectionStringError:
        return
    assert parsed.ingestion_endpoint.startswith(("http://", "https://"))


@given(st.text(alphabet=string.printable + ";=", max_size=100))
def test_any_pairs_after_a_key(text):
    """Whatever follows a good key, the answer keeps the key, or is our error."""
    try:
        parsed = parse(f"InstrumentationKey={KEY};{text}", source="argument")
    except ConnectionStringError:
        return
    if "instrumentationkey" not in text.lower():
        assert parsed.instrumentation_key == KEY


KEYS = st.text(alphabet=string.ascii_letters, min_size=1)
VALUES = st.text(alphabet=string.ascii_letters + string.digits + "=/:.- ", max_size=30)


@given(st.dictionaries(KEYS, VALUES), st.sampled_from(["", ";", " ; ", ";;"]))
def test_pairs_come_back(wanted, end):
    """Pairs that were joined by semicolons come back, keys in lower case and values trimmed."""
    text = ";".join(f"{key}={value}" for key, value in wanted.items()) + end
    if len(text) <= 4096:
        assert pairs(text, source="argument") == {key.lower(): value.strip() for key, value in wanted.items()}


FIELDS = {
    "misspelt": (["instrumentatonkey", "ingestionendpoint"], "'instrumentatonkey' (is InstrumentationKey meant?), IngestionEndpoint"),
    "unknown": (["liveendpoint", "colour"], "LiveEndpoint, 'colour'"),
    "a secret before an equals sign": (["4f0c9a", "a/b+c"], "2 other fields"),
    "nothing": ([], "none"),
}


@pytest.mark.parametrize(("fields", "said"), FIELDS.values(), ids=FIELDS)
def test_fields_are_named_for_errors(fields, said):
    """Fields are named as the portal writes them, a misspelt one beside what is meant, and never what may be a secret."""
    assert described(fields) == said


MISSPELT = {
    "endpoint": ({"instrumentationkey", "ingestionendpont"}, {"ingestionendpont": "IngestionEndpoint"}),
    "audience": ({"instrumentationkey", "aadaudiance"}, {"aadaudiance": "AADAudience"}),
    "beside the right one": ({"ingestionendpoint", "ingestionendpont"}, {}),
    "another known one": ({"instrumentationkey", "liveendpoint", "applicationid"}, {}),
    "a new one of the service's": ({"instrumentationkey", "quotaregion"}, {}),
}


@pytest.mark.parametrize(("fields", "meant"), MISSPELT.values(), ids=MISSPELT)
def test_misspelt_fields(fields, meant):
    """A field counts as misspelt when it is nearly one that matters and that is missing."""
    assert misspelt(fields) == meant
