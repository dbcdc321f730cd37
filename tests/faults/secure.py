"""Certificates, good ones and bad ones; a front that speaks TLS for an endpoint; and a proxy."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import select
import socket
import socketserver
import ssl
import threading
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def named(name):
    """Return a certificate's name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """Signs certificates."""

    def __init__(self, name):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = named(name)
        self.certificate = self._signed(self._name, self._key.public_key(), (NOW - DAY, NOW + DAY), None)

    def _signed(self, name, key, valid, address):
        builder = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number(), *valid)
        is_authority = address is None
        # Python 3.13 verifies strictly: certificates must say what their keys are for and whose they are.
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
        )
        extensions = (
            (x509.BasicConstraints(ca=is_authority, path_length=None), True),
            (x509.KeyUsage(digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority, **usage), True),
            (x509.SubjectKeyIdentifier.from_public_key(key), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False),
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        if address is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def pem(self):
        """Return its own certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server(self, folder, *, valid=(NOW - DAY, NOW + DAY), address=None):
        """Return a server's TLS settings with a new certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1")) if address is None else address
        made = self._signed(named("server"), key.public_key(), valid, address)
        path = folder / f"{made.serial_number}.pem"
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + made.public_bytes(serialization.Encoding.PEM)
        )
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        settings.load_cert_chain(path)
        return settings


BAD = {
    "expired": lambda authority, folder: authority.server(folder, valid=(NOW - 3 * DAY, NOW - 2 * DAY)),
    "not yet valid": lambda authority, folder: authority.server(folder, valid=(NOW + 2 * DAY, NOW + 3 * DAY)),
    "of another host": lambda authority, folder: authority.server(folder, address=x509.DNSName("elsewhere.example.com")),
    "of a stranger": lambda authority, folder: Authority("stranger").server(folder),  # noqa: ARG005 - as the others are called
}
"""What may be wrong with a certificate, to TLS settings of a server that has such a one."""


class Listener:
    """Listens on the loopback interface, a thread for each connection."""

    def __init__(self, serve):
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                # Whoever connects may go at any time, and does where it does not like what it sees.
                with contextlib.suppress(OSError):
                    serve(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.port = self._server.server_address[1]

    def close(self):
        """Stop it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Front(Listener):
    """Speaks TLS for a server at another address, with settings that may be exchanged."""

    def __init__(self, settings, url):
        self.settings = settings
        self._behind = ("127.0.0.1", urlsplit(url).port)
        super().__init__(self._serve)
        self.url = f"https://127.0.0.1:{self.port}"

    def _serve(self, connection):
        with self.settings.wrap_socket(connection, server_side=True) as secured:
            secured.settimeout(30)
            with socket.create_connection(self._behind) as server:
                # One thread each way: select says nothing of what TLS has decrypted already.
                back = threading.Thread(target=_pass, args=(server, secured), daemon=True)
                back.start()
                _pass(secured, server)
                with contextlib.suppress(OSError):
                    server.shutdown(socket.SHUT_WR)
                back.join()


class Proxy(Listener):
    """A proxy that opens tunnels, or refuses to with a status."""

    def __init__(self, status=200):
        self.status = status
        self.asked = []
        super().__init__(self._serve)
        self.url = f"http://127.0.0.1:{self.port}"

    def _serve(self, connection):
        with connection.makefile("rb") as head:
            line = head.readline().decode().strip()
            while head.readline().strip():
                pass
        self.asked.append(line)
        status = self.status
        connection.sendall(b"HTTP/1.1 %d Says so\r\nContent-Length: 0\r\n\r\n" % status)
        if status == 200:
            host, _, port = line.split()[1].rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                while True:
                    for readable in select.select([connection, server], [], [])[0]:
                        piece = readable.recv(65536)
                        if not piece:
                            return
                        (server if readable is connection else connection).sendall(piece)


class Between(Listener):
    """Stands before a server: answers in its place, or lets everything through."""

    def __init__(self, url, answer):
        self.answer = answer
        """Called with each connection, once a request has been read; None lets everything through."""
        self._behind = ("127.0.0.1", urlsplit(url).port)
        super().__init__(self._serve)
        self.url = f"http://127.0.0.1:{self.port}"

    def _serve(self, connection):
        connection.settimeout(30)
        answer = self.answer
        if answer is None:
            with socket.create_connection(self._behind) as server:
                back = threading.Thread(target=_pass, args=(server, connection), daemon=True)
                back.start()
                _pass(connection, server)
                with contextlib.suppress(OSError):
                    server.shutdown(socket.SHUT_WR)
                back.join()
            return
        with connection.makefile("rb") as request:
            length = 0
            while line := request.readline().strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            request.read(length)
        answer(connection)


def says(data):
    """Return an answer of these bytes, after which the connection ends."""
    return lambda connection: connection.sendall(data)


def drips(first, then):
    """Return an answer that begins so and goes on so for ever, twenty times a second."""

    def answer(connection):
        connection.sendall(first)
        while True:
            connection.sendall(then)
            threading.Event().wait(0.05)

    return answer


def _pass(source, target):
    """Pass on what comes until no more does."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
