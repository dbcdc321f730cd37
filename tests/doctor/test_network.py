"""What doctor says of the way to the service: over real connections on the loopback interface."""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from cryptography import x509

from opencensus_compat._cli import main
from opencensus_compat.doctor.certificates import certified
from opencensus_compat.doctor.check import run_checks
from opencensus_compat.doctor.collect import gather, steps
from opencensus_compat.doctor.connection_fields import mistakes
from opencensus_compat.doctor.programs import facts_of
from opencensus_compat.doctor.request import Request
from opencensus_compat.local import LocalEndpoint

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from secure import BAD, Authority, Between, Front, Listener, Proxy, says

pytestmark = pytest.mark.usefixtures("imports_tried_here")

KEY = "00000000-0000-0000-0000-00000000000d"
STRING = "APPLICATIONINSIGHTS_CONNECTION_STRING"
SECRET = "hunter-2-hunter-2"


def connection_string(url):
    """Return one that names an endpoint."""
    return f"InstrumentationKey={KEY};IngestionEndpoint={url}"


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """Keep proxies, certificates and identities of the machine out of the tests."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "IDENTITY_ENDPOINT", "MSI_ENDPOINT"):
            monkeypatch.delenv(name)


@pytest.fixture
def doctor(capsys, monkeypatch):
    """Return a function that runs the command with variables, and returns what it says of the network, and which hosts it named."""

    def run(*arguments, url=None, **environ):
        with monkeypatch.context() as patch:
            for name, value in {**({} if url is None else {STRING: connection_string(url)}), **environ}.items():
                patch.setenv(name, value)
            main(["doctor", "--json", *arguments])
        shown = capsys.readouterr()
        assert SECRET not in shown.out + shown.err
        assert KEY not in shown.out + shown.err
        document = json.loads(shown.out)
        said = {each["id"]: each for each in document["results"] if each["group"] == "network"}
        worse = {
            id: (each["verdict"], each["findings"][0]["text"], each["findings"][0]["step"])
            for id, each in said.items()
            if each["verdict"] not in ("ok", "skipped")
        }
        return worse, shown.err.splitlines(), document

    return run


@pytest.fixture
def endpoint():
    """A local endpoint."""
    with LocalEndpoint(instrumentation_key=KEY) as made:
        yield made


@pytest.fixture(scope="module")
def authority():
    """One that signs the certificates of the tests."""
    return Authority("Example CA")


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """Trust the authority."""
    path = tmp_path / "authority.pem"
    path.write_bytes(authority.pem())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    return path


@pytest.fixture
def front(authority, tmp_path, endpoint):
    """The endpoint behind TLS."""
    made = Front(authority.server(tmp_path), endpoint.url)
    yield made
    made.close()


@pytest.fixture
def listener():
    """Return a function that listens on the loopback interface and serves by a function."""
    made = []

    def listen(serve, kind=None):
        made.append(Listener(serve) if kind is None else kind(serve))
        return made[-1]

    yield listen
    for each in made:
        each.close()


@pytest.fixture
def answering(endpoint):
    """Return a function that makes a server answer so to any request; returns its URL."""
    made = []

    def answer(status, body=b"{}", **headers):
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        data = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{head}Connection: close\r\n\r\n".encode() + body
        made.append(Between(endpoint.url, says(data)))
        return made[-1].url

    yield answer
    for each in made:
        each.close()


def test_a_healthy_way(doctor, endpoint):
    """Nothing is wrong; the host is named before it is contacted, and what arrives is an empty batch."""
    worse, named, _ = doctor(url=endpoint.url)
    assert worse == {}
    assert named == [f"doctor contacts {endpoint.url.removeprefix('http://').rstrip('/')}."]
    (request,) = endpoint.requests
    assert (request.path, request.decoded_bytes, request.items) == ("/v2.1/track", len("[]"), 0)


@pytest.mark.usefixtures("trusted")
def test_a_healthy_way_by_tls_and_a_proxy(doctor, endpoint, authority, tmp_path, elsewhere):
    """The same behind TLS and a proxy, whose password is shown nowhere, and counts."""
    front = Front(authority.server(tmp_path, address=x509.DNSName(elsewhere)), endpoint.url)
    proxy = Proxy()
    try:
        url = proxy.url.replace("http://", f"http://user:{SECRET}@")
        worse, named, _ = doctor(url=f"https://{elsewhere}:{front.port}", HTTPS_PROXY=url)
    finally:
        proxy.close()
        front.close()
    assert (worse, len(endpoint.requests)) == ({}, 1)
    # The exporter's own is of HTTP/1.0.
    assert [line.rpartition(" ")[0] for line in proxy.asked] == [f"CONNECT {elsewhere}:{front.port}"] * 2
    assert named == [f"doctor contacts {elsewhere}:{front.port} through the proxy 127.0.0.1:{proxy.port} (the variable HTTPS_PROXY)."]


def test_offline_contacts_nobody(monkeypatch, capsys):
    """With --offline no socket is made, and what the strings say is looked at all the same."""

    def refuse(*_, **__):
        raise AssertionError("a socket was made")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setenv(STRING, connection_string("https://portal.azure.com"))
    monkeypatch.setenv("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD")
    assert main(["doctor", "--offline", "--json"]) == 1
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert [each["id"] for each in document["results"] if each["verdict"] == "problem"] == ["D041"]
    assert shown.err == ""


def test_no_resource(doctor):
    """Without a connection string nobody is contacted, and nothing is wrong."""
    worse, named, _ = doctor()
    assert (worse, named) == ({}, [])


MISTAKES = {
    "comma": (f"InstrumentationKey={KEY},IngestionEndpoint=https://a.test/", "a comma between its fields"),
    "line": (f"InstrumentationKey={KEY}\nIngestionEndpoint=https://a.test/", "a line end between its fields"),
    "space": (f"InstrumentationKey={KEY} IngestionEndpoint=https://a.test/", "a space between its fields"),
    "colon": (f"InstrumentationKey: {KEY}", "a colon after InstrumentationKey"),
    "json": (json.dumps({"connectionString": f"InstrumentationKey={KEY}"}), "is JSON"),
    "name": (f"{STRING}=InstrumentationKey={KEY}", "the name of a variable"),
    "export": (f"export X=InstrumentationKey={KEY}", "the name of a variable"),
    "base64": (base64.b64encode(f"InstrumentationKey={KEY};IngestionEndpoint=https://a.test/".encode()).decode(), "is Base64"),
    "url": (f"InstrumentationKey={KEY}%3BIngestionEndpoint=https://a.test/", "encoded as in a URL"),
    "key vault": ("@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)", "was not resolved"),
    "placeholder": ("InstrumentationKey=${KEY};IngestionEndpoint=https://a.test/", "a placeholder"),
    "example": ("InstrumentationKey=<your key>", "a placeholder"),
    "zeros": ("InstrumentationKey=00000000-0000-0000-0000-000000000000", "a key of zeros"),
    "another service": ("Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=x;SharedAccessKey=abc", "is of another service"),
}


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_connection_strings(doctor, text, said):
    """Each is named, with nothing of the value, and is the one thing that is wrong."""
    worse, named, _ = doctor("--offline", **{STRING: text})
    assert {id: verdict for id, (verdict, _, _) in worse.items() if verdict == "problem"} == {"D040": "problem"}
    assert said in worse["D040"][1]
    assert named == []


@pytest.mark.parametrize("quotes", ["'{}'", '"{}"', " {} ", "\u201c{}\u201d", "{};"])
def test_what_the_exporter_takes_off(doctor, quotes):
    """Quotes and spaces around the value and a last separator are harmless."""
    assert doctor("--offline", **{STRING: quotes.format(connection_string("https://a.in.applicationinsights.azure.com"))})[0] == {}


def test_good_strings_have_no_mistakes():
    """What the portal shows is none."""
    text = f"InstrumentationKey={KEY[:-1]}1;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/;LiveEndpoint=https://westeurope.livediagnostics.monitor.azure.com/;ApplicationId=01234567-89ab-cdef-0123-456789abcdef"
    assert list(mistakes(text)) == []


def test_a_misspelt_field(doctor):
    """A field without effect is a problem: telemetry goes elsewhere."""
    worse, _, _ = doctor("--offline", **{STRING: f"InstrumentationKey={KEY};IngestionEndpiont=https://a.test/"})
    assert list(worse) == ["D040"]
    assert "IngestionEndpoint is probably meant. Telemetry goes to https://dc.services.visualstudio.com" in worse["D040"][1]


def test_a_string_that_cannot_be_read(doctor):
    """Where nothing is known of the mistake, the exporter's own words are said."""
    worse, _, _ = doctor("--offline", **{STRING: "InstrumentationKey=12"})
    assert "expected an instrumentation key" in worse["D040"][1]


ENDPOINTS = {
    "live metrics": ("https://westeurope.livediagnostics.monitor.azure.com", "problem", "for live metrics"),
    "path": ("https://a.in.applicationinsights.azure.com/v2/track", "problem", "ends with /v2/track"),
    "http": ("http://a.in.applicationinsights.azure.com", "warning", "by http"),
}


@pytest.mark.parametrize(("url", "verdict", "said"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_endpoints_for_something_else(doctor, url, verdict, said):
    """An endpoint that takes no telemetry is told by its name."""
    worse, _, _ = doctor("--offline", url=url)
    assert [(id, value) for id, (value, _, _) in worse.items()] == [("D041", verdict)]
    assert said in worse["D041"][1]


@pytest.mark.parametrize(
    "environ",
    [{"APPINSIGHTS_INSTRUMENTATIONKEY": KEY}, {STRING: f"InstrumentationKey={KEY}"}],
    ids=["key alone", "string without an endpoint"],
)
def test_the_global_endpoint(doctor, environ):
    """Without an endpoint of its own telemetry goes to the global one: a warning."""
    worse, _, _ = doctor("--offline", **environ)
    assert worse["D041"][0] == "warning"
    assert "the global endpoint dc.services.visualstudio.com" in worse["D041"][1]


def test_two_keys(doctor):
    """Which of two resources counts is said."""
    worse, _, _ = doctor("--offline", url="https://a.in.applicationinsights.azure.com", APPINSIGHTS_INSTRUMENTATIONKEY=KEY[:-1] + "f")
    assert "APPINSIGHTS_INSTRUMENTATIONKEY names another resource" in worse["D041"][1]


def test_a_redirect_to_this_machine(doctor, endpoint):
    """Where a variable leads telemetry elsewhere, that way is gone."""
    worse, named, _ = doctor(url="https://a.in.applicationinsights.azure.com", APPINSIGHTS_EXPORTER_REDIRECT=endpoint.url)
    assert worse == {}
    assert named == [f"doctor contacts {endpoint.url.removeprefix('http://').rstrip('/')}."]


ANSWERS = {
    "401": (401, b"{}", {}, "problem", "takes no telemetry with an instrumentation key alone"),
    "402": (402, b"{}", {}, "problem", "the daily cap"),
    "439": (439, b"{}", {}, "problem", "the daily cap"),
    "403": (403, b"{}", {}, "problem", "has no right to send"),
    "404": (404, b"{}", {}, "problem", "has no /v2.1/track"),
    "418": (418, b"{}", {}, "problem", "which the service does not have"),
    "429": (429, b"{}", {}, "warning", "no telemetry for now"),
    "503": (503, b"{}", {}, "warning", "no telemetry for now"),
    "page": (200, b"<html>Sign in</html>", {"Content_Type": "text/html"}, "problem", "A page for people"),
    "elsewhere": (307, b"", {"Location": "https://evil.test/v2.1/track"}, "problem", "leads to evil.test"),
}


@pytest.mark.parametrize(("status", "body", "headers", "verdict", "said"), ANSWERS.values(), ids=ANSWERS)
def test_answers(doctor, answering, status, body, headers, verdict, said):
    """Each answer that is none of success has one check, and words that tell it from the others."""
    worse, _, _ = doctor(url=answering(status, body, **headers))
    assert [(id, value) for id, (value, _, _) in worse.items()] == [("D042", verdict)]
    assert said in worse["D042"][1]


def test_redirects(doctor, answering, endpoint):
    """A redirect within the service is followed, and its host is named before; one without an end is a problem."""
    url = answering(308, b"", Location=f"{endpoint.url}v2.1/track")
    worse, named, _ = doctor(url=url)
    assert (worse, named[1]) == ({}, "doctor contacts 127.0.0.1, where the endpoint leads to.")
    worse, _, _ = doctor(url=answering(307, b"", Location="/v2.1/track"))
    assert "from host to host without an end" in worse["D042"][1]


def test_the_words_of_the_service_are_shown(doctor, answering):
    """What it says of the first item stands in the finding, without what breaks lines."""
    body = json.dumps(
        {"itemsReceived": 0, "itemsAccepted": 0, "errors": [{"index": 0, "statusCode": 402, "message": "Used\n up"}]}
    ).encode()
    assert "(Used up)" in doctor(url=answering(402, body))[0]["D042"][1]


def test_an_unknown_name(doctor):
    """A host that no name server knows is one problem; later steps are skipped."""
    worse, _, document = doctor(url="https://no-such-host.invalid")
    assert list(worse) == ["D043"]
    assert worse["D043"][1].startswith("The name no-such-host.invalid is not found")
    skipped = [each["id"] for each in document["results"] if each["group"] == "network" and each["verdict"] == "skipped"]
    assert skipped == ["D042", "D044", "D045", "D047", "D048", "D049"]


def test_a_closed_port(doctor):
    """A connection that is refused is one problem."""
    worse, _, _ = doctor(url="http://127.0.0.1:9")
    assert [(id, text) for id, (_, text, _) in worse.items()] == [("D044", "No connection to 127.0.0.1:9: the connection was refused.")]


def test_a_port_that_says_nothing(doctor, monkeypatch):
    """A host that takes no connection and refuses none costs one time limit, and is one problem."""
    monkeypatch.setattr(steps, "_CONNECT_S", 0.1)
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    with full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        worse, _, _ = doctor(url=f"http://127.0.0.1:{port}")
        for each in waiting:
            each.close()
    assert [(id, text) for id, (_, text, _) in worse.items()] == [
        ("D044", f"No connection to 127.0.0.1:{port}: there is no answer in 0.1 s.")
    ]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_certificates(request, doctor, endpoint, authority, tmp_path, trusted, bad):
    """A certificate that is not accepted is one problem, with why, and who signed it."""
    front = Front(bad(authority, tmp_path), endpoint.url)
    try:
        worse, _, _ = doctor(url=front.url)
    finally:
        front.close()
    why = {
        "expired": "it has expired",
        "not yet valid": "it is not valid yet",
        "of another host": "it is of another host",
        "of a stranger": "an authority that is not trusted signed it",
    }[request.node.callspec.id]
    signer = "stranger" if "stranger" in request.node.callspec.id else "Example CA"
    assert [(id, text) for id, (_, text, _) in worse.items()] == [
        ("D045", f"TLS with 127.0.0.1:{front.port} fails: its certificate is not accepted: {why}. It is signed by CN={signer}.")
    ]
    assert endpoint.requests == []


def test_an_authority_that_the_system_trusts(doctor, front, authority, tmp_path, monkeypatch):
    """Where this system trusts the authority of a proxy that opens TLS, the next step is the variable with the system's file."""
    path = tmp_path / "system.pem"
    path.write_bytes(authority.pem())
    monkeypatch.setattr(steps, "trusted_by_system", lambda: steps.Trust(str(path), str(path)))
    worse, _, _ = doctor(url=front.url)
    assert worse["D045"][2] == f"This system trusts that authority: set REQUESTS_CA_BUNDLE={path}"
    assert doctor(url=front.url, REQUESTS_CA_BUNDLE=str(path))[0] == {}


def test_a_bundle_that_is_none(doctor, front, tmp_path):
    """A file without certificates is named by its variable."""
    (tmp_path / "none.pem").write_text("none")
    worse, _, _ = doctor(url=front.url, REQUESTS_CA_BUNDLE=str(tmp_path / "none.pem"))
    assert [(id, step) for id, (_, _, step) in worse.items()] == [("D045", "Correct or remove REQUESTS_CA_BUNDLE.")]


def test_no_tls(doctor, endpoint):
    """A server that speaks plain HTTP where TLS is expected."""
    worse, _, _ = doctor(url=endpoint.url.replace("http:", "https:"))
    assert list(worse) == ["D045"]
    assert "it speaks no TLS" in worse["D045"][1]


@pytest.fixture
def elsewhere(monkeypatch):
    """Let a name that is none of this machine's lead here, so that what is sent there goes through proxies."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1" if host == "a.test" else host, *rest, **more))
    return "a.test"


PROXIES = {
    "no password": (407, "it answers with status 407", "Put name and password into the variable"),
    "not passed": (403, "it answers with status 403", "Let the proxy pass a.test:443."),
    "502": (502, "it answers with status 502", "Check the address in the variable HTTPS_PROXY, or add a.test to NO_PROXY."),
}


@pytest.mark.parametrize(("status", "said", "step"), PROXIES.values(), ids=PROXIES)
def test_a_proxy_that_refuses(doctor, status, said, step):
    """What the proxy answers is said with the variable that names it, and its password is not."""
    proxy = Proxy(status)
    try:
        worse, named, _ = doctor(url="https://a.test", HTTPS_PROXY=f"http://user:{SECRET}@127.0.0.1:{proxy.port}")
    finally:
        proxy.close()
    assert list(worse) == ["D046"]
    assert worse["D046"][1] == f"The proxy 127.0.0.1:{proxy.port}, set by the variable HTTPS_PROXY, does not let requests through: {said}."
    assert worse["D046"][2].startswith(step)
    assert named == [f"doctor contacts a.test:443 through the proxy 127.0.0.1:{proxy.port} (the variable HTTPS_PROXY)."]


def test_a_proxy_in_the_way(doctor, listener):
    """A proxy that is not there, one that is no proxy, and one whose name is unknown are problems of the proxy alone."""
    worse, _, _ = doctor(url="https://a.test", HTTPS_PROXY="http://127.0.0.1:9")
    assert [(id, text.rpartition(": ")[2]) for id, (_, text, _) in worse.items()] == [("D046", "the connection was refused.")]
    server = listener(lambda connection: connection.sendall(b"SSH-2.0-x\r\n\r\n"))
    worse, _, _ = doctor(url="https://a.test", HTTPS_PROXY=f"http://127.0.0.1:{server.port}")
    assert [(id, text.rpartition(": ")[2]) for id, (_, text, _) in worse.items()] == [("D046", "what answers is no HTTP proxy.")]
    worse, _, _ = doctor(url="https://a.test", HTTPS_PROXY="http://no-such-proxy.invalid:3128")
    assert list(worse) == ["D046"]
    assert "its name is not found" in worse["D046"][1]


def test_a_proxy_setting_that_cannot_be_used(doctor):
    """A password that is not encoded is told from one that is wrong, and not shown."""
    worse, named, _ = doctor(url="https://a.test", HTTPS_PROXY=f"http://user:{SECRET}#1@127.0.0.1:3128")
    assert [(id, text) for id, (_, text, _) in worse.items()] == [
        ("D046", "The variable HTTPS_PROXY cannot be used: encode special characters of the password, as in %23 for #.")
    ]
    assert named == []


def test_a_proxy_that_opens_tls(doctor, authority, endpoint, tmp_path, elsewhere):
    """A certificate that a proxy made is told from the service's by who signed it."""
    front = Front(authority.server(tmp_path), endpoint.url)
    made = Proxy()
    try:
        worse, _, _ = doctor(url=f"https://a.test:{front.port}", HTTPS_PROXY=made.url)
    finally:
        made.close()
        front.close()
    assert list(worse) == ["D045"]
    assert "It is signed by CN=Example CA." in worse["D045"][1]
    assert made.asked[0] == f"CONNECT a.test:{front.port} HTTP/1.1"


@pytest.mark.parametrize(
    ("ahead_s", "verdict"),
    [(0, None), (90, "warning"), (-7200, "warning"), (3 * 86400, "problem")],
    ids=["right", "ahead", "behind", "days"],
)
def test_the_clock(doctor, answering, ahead_s, verdict):
    """The clock of this machine is compared with the date of the reply; days are a problem, minutes a warning."""
    date = formatdate(time.time() - ahead_s, usegmt=True)
    worse, _, _ = doctor(url=answering(200, Date=date))
    assert [(id, value) for id, (value, _, _) in worse.items()] == ([] if verdict is None else [("D047", verdict)])
    if verdict is not None:
        assert ("ahead of" if ahead_s > 0 else "behind") in worse["D047"][1]


def test_a_test_item(doctor, endpoint, capsys, monkeypatch):
    """--send sends one item that passes every check of the schema, and prints the query that finds it."""
    worse, named, document = doctor("--send", url=endpoint.url)
    item = document["test_item"]
    assert (worse, item["accepted"], len(named)) == ({}, True, 2)
    (row,) = endpoint.rows("traces")
    assert row["customDimensions"] == {"census_compat_doctor": item["mark"]}
    assert (endpoint.warnings, endpoint.refused) == ([], [])
    monkeypatch.setenv(STRING, connection_string(endpoint.url))
    assert main(["doctor", "--send"]) == 0
    lines = capsys.readouterr().out.splitlines()
    mark = lines[0].removeprefix("test item ").removesuffix(": accepted")
    assert lines[2] == f'  traces | where timestamp > ago(1d) and customDimensions.census_compat_doctor == "{mark}"'


def test_a_test_item_that_is_refused(doctor):
    """A key that the service does not know shows with an item only."""
    with LocalEndpoint(accepted_keys=["00000000-0000-0000-0000-0000000000ff"]) as endpoint:
        worse, _, document = doctor("--send", url=endpoint.url)
    assert list(worse) == ["D049"]
    assert document["test_item"]["accepted"] is False


def test_hosts_that_hang(monkeypatch, listener):
    """Each step has a time limit: whatever hangs is left, and the next steps are not tried."""
    silent = threading.Event()
    monkeypatch.setattr(steps, "_TLS_S", 0.1)
    server = listener(lambda _: silent.wait(30))
    environ = {STRING: connection_string(f"https://127.0.0.1:{server.port}")}
    try:
        reach = gather(Request(environ=environ, folder="", offline=False), ["network"]).network.reach
    finally:
        silent.set()
    assert (reach.tls_problem, reach.answer) == ("it does not answer in 0 s", None)


def test_a_name_server_that_hangs(monkeypatch):
    """A look-up that does not end is left behind."""
    silent = threading.Event()
    monkeypatch.setattr(steps, "_NAME_S", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: silent.wait(30))
    found = steps.resolved("a.test", 443)
    silent.set()
    assert found == ([], "no name server answers in 0 s")


def test_the_limits_of_all_steps_are_ten_seconds():
    """Where every step takes as long as it may, ten seconds pass."""
    from opencensus_compat.doctor.collect import network, tokens

    slowest = steps._NAME_S + steps._CONNECT_S * steps._MOST_ADDRESSES
    assert tokens._ASK_S + slowest + max(steps._TUNNEL_S, steps._TLS_S) <= 10
    assert tokens._ASK_S + network._EXCHANGE_S <= 10


def test_who_signed_a_certificate(authority):
    """Names and times are read from the bytes; of other bytes nothing is."""
    from cryptography.hazmat.primitives import serialization

    der = authority.certificate.public_bytes(serialization.Encoding.DER)
    read = certified(der)
    assert (read.subject, read.issuer) == ("CN=Example CA", "CN=Example CA")
    assert (read.not_before_s, read.not_after_s) == (
        authority.certificate.not_valid_before_utc.timestamp(),
        authority.certificate.not_valid_after_utc.timestamp(),
    )
    for cut in range(0, len(der) // 4, 7):
        with pytest.raises(ValueError, match="the certificate cannot be read"):
            certified(der[:cut])


def test_facts_survive_a_file():
    """The section crosses from one process to another."""
    from opencensus_compat.doctor.facts import from_json, to_json

    facts = gather(Request(environ={STRING: connection_string("http://127.0.0.1:9")}, folder="", offline=False), ["network"])
    assert from_json(to_json(facts)) == facts
    assert [result.check.id for result in run_checks(facts) if result.verdict.value == "problem"] == ["D044"]


def test_a_connection_string_in_the_code_of_a_program():
    """The way is gone that a program was seen to take, whatever its environment says; what waits there has no second check."""
    code = f"""
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
with Tracer(exporter=AzureExporter(connection_string="{connection_string("http://127.0.0.1:9")}"), sampler=AlwaysOnSampler()).span("work"):
    pass
"""
    named = []
    request = Request(
        environ={**os.environ, "PYTHONWARNINGS": "ignore"}, folder=os.getcwd(), path=tuple(sys.path), offline=False, tell=named.append
    )
    [facts] = facts_of([sys.executable, "-c", code], request, asked=None, drive=None, stop_signal="SIGTERM", to_stderr=False)
    said = {result.check.id for result in run_checks(facts) if result.verdict.value == "problem"}
    assert (said, named) == ({"D044"}, ["doctor contacts 127.0.0.1:9."])
    assert facts.counts.processes[0].resources[0].waiting == 1
