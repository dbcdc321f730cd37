"""The real azure-identity, talking to a token endpoint on this machine."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import logging
import ssl
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.identity import ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appinsights_exporter import reasons
from appinsights_exporter.delivery import auth, credentials
from appinsights_exporter.delivery.auth import (
    FIRST_PAUSE_S,
    STILL_ASKING_S,
    NoToken,
    TokenSource,
)
from appinsights_exporter.delivery.credentials import ManagedIdentity, credential_from_environment
from appinsights_exporter.delivery.transport import HttpTransport
from appinsights_exporter.testing import ManualClock
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.local.misbehave import RequireAuthorization

ENDPOINT = "https://westeurope-5.in.applicationinsights.azure.com"
URL = f"{ENDPOINT}/v2.1/track"
SCOPE = "https://monitor.azure.com//.default"
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "01234567-89ab-cdef-0123-456789abcdef"
FAILED = reasons.TOKEN_FAILED


class TokenEndpoint:
    """A server that gives tokens as App Service's identity endpoint and as Entra ID do, and notes what it was asked.

    Args:
        certificate: File with key and certificate; None speaks plain HTTP.
    """

    def __init__(self, certificate=None):
        self.asked = []
        self.life_s = 3600
        self.answer = None
        """Status and body of every token request, a function that returns them, or an error that breaks the connection; None gives tokens."""
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                parts = urlsplit(self.path)
                if parts.path.endswith("/.well-known/openid-configuration"):
                    self._reply(200, outer.discovery(parts.path.split("/")[1]))
                else:
                    outer.asked.append((parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()}))
                    self._token(parts.path, self.headers.get("X-IDENTITY-HEADER"))

            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                outer.asked.append((self.path, {key: values[0] for key, values in form.items()}))
                self._token(self.path, "header")

            def _token(self, path, identity_header):
                answer = outer.answer() if callable(outer.answer) else outer.answer
                if isinstance(answer, Exception):
                    raise answer
                if identity_header != "header":
                    answer = (401, {"error": "wrong header"})
                elif answer is None:
                    token = f"token-{len(outer.asked)}-{path.strip('/').replace('/', '-')}"
                    life = {"expires_in": outer.life_s, "expires_on": str(int(time.time()) + outer.life_s)}
                    answer = (200, {"token_type": "Bearer", "access_token": token, "resource": "https://monitor.azure.com/", **life})
                self._reply(*answer)

            def _reply(self, status, body):
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                """Print nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._server.handle_error = lambda *_: None
        scheme = "http"
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def discovery(self, tenant):
        """Return the description of a tenant that MSAL asks for first."""
        base = f"{self.url}/{tenant}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
        }

    def close(self):
        """Stop it; connections are refused from now on."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(autouse=True)
def no_other_identity(monkeypatch):
    """Keep proxies, and identities of the machine that runs the tests, out of them."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in (
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "IDENTITY_SERVER_THUMBPRINT",
        "IMDS_ENDPOINT",
        "MSI_ENDPOINT",
        "MSI_SECRET",
        "AZURE_CLIENT_ID",
        "AZURE_TENANT_ID",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST",
        "AZURE_REGIONAL_AUTHORITY_NAME",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def identity(monkeypatch):
    """App Service's identity endpoint, and the environment that leads to it."""
    server = TokenEndpoint()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    yield server
    server.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A file with a key and a certificate for localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return str(path)


@pytest.fixture
def entra(certificate):
    """Entra ID's token endpoint over TLS."""
    server = TokenEndpoint(certificate)
    yield server
    server.close()


@pytest.fixture
def secret(entra, certificate):
    """A credential with a client secret, which does not try again by itself."""
    return ClientSecretCredential(
        TENANT,
        CLIENT,
        "client-secret",
        authority=entra.url,
        disable_instance_discovery=True,
        connection_verify=certificate,
        retry_total=0,
    )


def make(credential, **kwargs):
    """Return a source with a clock set by hand; how long tokens live is reckoned by the real one."""
    clock = ManualClock()
    return TokenSource(credential, ENDPOINT, clock=clock, **kwargs), clock


def header(source, timeout_s=20.0):
    """Return what the source gives for the ingestion endpoint."""
    return source.header_for(URL, timeout_s)


# Managed identity


def test_system_assigned(identity):
    """The machine's own identity is asked for Azure Monitor's resource, once."""
    source, _ = make(ManagedIdentityCredential())
    assert [header(source) for _ in range(3)] == ["Bearer token-1-msi-token"] * 3
    assert identity.asked == [("/msi/token", {"api-version": "2019-08-01", "resource": "https://monitor.azure.com/"})]


def test_user_assigned(identity):
    """A user-assigned identity is asked for by its client id."""
    source, _ = make(ManagedIdentityCredential(client_id=CLIENT))
    assert header(source) == "Bearer token-1-msi-token"
    ((_, query),) = identity.asked
    assert query == {"api-version": "2019-08-01", "resource": "https://monitor.azure.com/", "client_id": CLIENT}


@pytest.mark.parametrize(("text", "client_id"), [("Authorization=AAD", None), (f"Authorization=AAD;ClientId={CLIENT}", CLIENT)])
def test_authentication_string(identity, text, client_id):
    """The environment's authentication string leads to the same identities."""
    credentials._managed_identity.cache_clear()
    source, _ = make(credential_from_environment({"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": text}))
    assert header(source) == "Bearer token-1-msi-token"
    assert [query.get("client_id") for _, query in identity.asked] == [client_id]


def test_audience(identity):
    """Another cloud's audience is another resource."""
    source, _ = make(ManagedIdentityCredential(), audience="https://monitor.azure.us/")
    assert header(source) == "Bearer token-1-msi-token"
    assert [query["resource"] for _, query in identity.asked] == ["https://monitor.azure.us/"]


@pytest.mark.parametrize(
    "answer",
    [
        (400, {"statusCode": 400, "message": "no identity is assigned"}),
        (401, {}),
        (500, b""),
        (200, b"<html>secret-in-garbage</html>"),
        (200, {"access_token": "secret-in-garbage"}),
        (200, []),
    ],
    ids=["400", "401", "500", "not JSON", "no expiry", "a list"],
)
def test_identity_endpoint_fails(identity, answer, caplog):
    """Whatever the identity endpoint answers is a failure, and it is not asked again in the pause that follows."""
    identity.answer = answer
    source, _ = make(ManagedIdentityCredential(retry_total=0))
    assert header(source) == NoToken(FAILED, FIRST_PAUSE_S)
    asked = len(identity.asked)
    assert header(source) == NoToken(FAILED, FIRST_PAUSE_S)
    assert len(identity.asked) == asked
    (ours,) = [record.getMessage() for record in caplog.records if record.name == auth.__name__]
    assert "secret-in-garbage" not in ours


def test_no_identity_at_all(monkeypatch):
    """Where nothing listens the failure is the same; the object that looks for an identity late says so too."""
    gone = TokenEndpoint()
    gone.close()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{gone.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    source, _ = make(ManagedIdentityCredential(retry_total=0))
    assert header(source) == NoToken(FAILED, FIRST_PAUSE_S)


def test_slow_identity_endpoint(identity):
    """A request waits as long as it may for a slow endpoint, and a later one has the token."""
    came, go = threading.Event(), threading.Event()

    def slow():
        came.set()
        assert go.wait(60)

    identity.answer = slow
    source, _ = make(ManagedIdentity())
    assert header(source, 0.2) == NoToken(reasons.TOKEN_PENDING, STILL_ASKING_S)
    assert came.wait(60)
    go.set()
    for thread in threading.enumerate():
        if thread.name == "appinsights-token":
            thread.join(60)
    assert header(source) == "Bearer token-1-msi-token"
    assert len(identity.asked) == 1


# Client secret and workload identity


def test_client_secret(entra, secret):
    """A client secret is exchanged for a token with Azure Monitor's scope, once."""
    source, _ = make(secret)
    expected = f"Bearer token-1-{TENANT}-oauth2-v2.0-token"
    assert [header(source) for _ in range(3)] == [expected] * 3
    ((path, form),) = entra.asked
    assert path == f"/{TENANT}/oauth2/v2.0/token"
    assert (form["grant_type"], form["client_id"], form["client_secret"]) == ("client_credentials", CLIENT, "client-secret")
    assert SCOPE in form["scope"].split()


def test_workload_identity(entra, certificate, tmp_path):
    """A pod's federated token is exchanged for a token with Azure Monitor's scope."""
    (tmp_path / "federated").write_text("federated-token")
    credential = WorkloadIdentityCredential(
        tenant_id=TENANT,
        client_id=CLIENT,
        token_file_path=str(tmp_path / "federated"),
        authority=entra.url,
        disable_instance_discovery=True,
        connection_verify=certificate,
    )
    source, _ = make(credential)
    assert header(source) == f"Bearer token-1-{TENANT}-oauth2-v2.0-token"
    ((_, form),) = entra.asked
    assert (form["client_assertion"], form["client_id"]) == ("federated-token", CLIENT)
    assert SCOPE in form["scope"].split()


def test_renewal(entra, secret):
    """At half of a short life the endpoint is asked again, beside the requests; they go on with the old token until the new one is there."""
    entra.life_s = 200
    source, clock = make(secret)
    path = f"{TENANT}-oauth2-v2.0-token"
    assert header(source) == f"Bearer token-1-{path}"
    clock.advance(90)
    assert header(source) == f"Bearer token-1-{path}"
    assert len(entra.asked) == 1
    clock.advance(20)
    assert header(source) == f"Bearer token-1-{path}"
    for thread in threading.enumerate():
        if thread.name == "appinsights-token":
            thread.join(60)
    assert header(source) == f"Bearer token-2-{path}"
    assert len(entra.asked) == 2


def test_expired_token_while_entra_is_down(entra, secret):
    """A token that ends during an outage is not used any more, and the next one comes when the outage is over."""
    entra.life_s = 200
    source, clock = make(secret)
    header(source)
    # A connection that breaks; after a status from 500 on, MSAL itself answers for a minute without asking.
    entra.answer = BrokenPipeError
    clock.advance(201)
    assert header(source) == NoToken(FAILED, FIRST_PAUSE_S)
    entra.answer = None
    clock.advance(FIRST_PAUSE_S)
    assert header(source) == f"Bearer token-3-{TENANT}-oauth2-v2.0-token"


def test_wrong_secret(entra, secret, caplog):
    """A refused secret is a failure; the line about it has Entra ID's code and not the secret."""
    description = "AADSTS7000215: Invalid client secret provided. client-secret"
    entra.answer = (401, {"error": "invalid_client", "error_description": description})
    with caplog.at_level(logging.WARNING, logger=auth.__name__):
        source, _ = make(secret)
        assert header(source) == NoToken(FAILED, FIRST_PAUSE_S)
    (ours,) = [record.getMessage() for record in caplog.records if record.name == auth.__name__]
    assert "(ClientSecretCredential, scope https://monitor.azure.com//.default): ClientAuthenticationError (AADSTS7000215)." in ours
    assert "client-secret" not in ours


def test_untrusted_certificate(entra):
    """A token endpoint with a certificate that nobody vouches for is not believed."""
    credential = ClientSecretCredential(TENANT, CLIENT, "s", authority=entra.url, disable_instance_discovery=True, retry_total=0)
    source, _ = make(credential)
    assert header(source) == NoToken(FAILED, FIRST_PAUSE_S)
    assert entra.asked == []


# All the way


def test_token_reaches_ingestion(identity):
    """An ingestion endpoint that wants the token of the managed identity takes the batch, and refuses it without."""
    with LocalEndpoint(misbehaviour=[RequireAuthorization("token-1-msi-token")]) as endpoint:
        transport = HttpTransport(f"{endpoint.url.rstrip('/')}/v2.1/track")
        source = TokenSource(ManagedIdentityCredential(), endpoint.url)
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        item = {
            "name": "Microsoft.ApplicationInsights.Event",
            "time": now,
            "iKey": endpoint.instrumentation_key,
            "data": {"baseType": "EventData", "baseData": {"ver": 2, "name": "signed"}},
        }
        body, headers = json.dumps([item]).encode(), {"Content-Type": "application/json"}
        without = transport.send(body, headers, 10.0).status
        with_token = transport.send(body, {**headers, "Authorization": source.header_for(transport.url, 20.0)}, 10.0).status
        transport.close()
    assert (without, with_token) == (401, 200)
