"""Which credential the environment names."""

from __future__ import annotations

import pytest

from appinsights_exporter.delivery.auth import TokenSource
from appinsights_exporter.delivery.credentials import credential_from_environment
from appinsights_exporter.errors import ConfigurationError

ENDPOINT = "https://westeurope-5.in.applicationinsights.azure.com"
SECRET = "s3cr3t-that-must-not-appear"


@pytest.mark.parametrize(
    ("text", "client_id"),
    [
        ("Authorization=AAD", None),
        (" authorization = aad ; ", None),
        ("Authorization=AAD;ClientId=01234567-89AB-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"),
        ("clientid=01234567-89ab-cdef-0123-456789abcdef;AUTHORIZATION=AAD;", "01234567-89ab-cdef-0123-456789abcdef"),
    ],
)
def test_authentication_string(text, client_id):
    """The string asks for the machine's identity or a user-assigned one; the same one is the same object."""
    credential = credential_from_environment({"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": text})
    assert repr(credential) == f"ManagedIdentity(client_id={client_id!r})"
    assert credential_from_environment({"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": text}) is credential
    TokenSource(credential, ENDPOINT)


@pytest.mark.parametrize("environ", [{}, {"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": " "}])
def test_no_authentication_string(environ):
    """Without the string there is no credential."""
    assert credential_from_environment(environ) is None


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("AAD", "part 1 that is neither"),
        ("Authorization=AAD;Client=1", "part 2 that is neither"),
        ("Authorization=AAD;Client Id=1", "part 2 that is neither"),
        ("ClientId=01234567-89ab-cdef-0123-456789abcdef", "no Authorization"),
        (f"Authorization=Bearer {SECRET}", "another kind of Authorization"),
        ("Authorization=", "another kind of Authorization"),
        ("Authorization=AAD;ClientId=", "a ClientId that is not of the form 01234567-89ab-cdef-0123-456789abcdef"),
        (f"Authorization=AAD;ClientId={SECRET}", "a ClientId that is not of the form 01234567-89ab-cdef-0123-456789abcdef"),
    ],
)
def test_bad_authentication_string(text, came):
    """Anything else raises, and the message says what was expected and what came, without quoting it."""
    with pytest.raises(ConfigurationError) as caught:
        credential_from_environment({"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": text})
    assert str(caught.value) == (
        "credential (from APPLICATIONINSIGHTS_AUTHENTICATION_STRING): expected Authorization=AAD, with ;ClientId=<id> for a user-assigned "
        f"identity; got {came}. Correct the variable or remove it."
    )


def test_azure_identity_loads_late(run_program):
    """Reading the string and making a source loads no credential library: azure-identity takes half a second."""
    printed = run_program(
        f"""
        import sys
        from appinsights_exporter.delivery.auth import TokenSource
        from appinsights_exporter.delivery.credentials import credential_from_environment

        environment = {{"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD"}}
        TokenSource(credential_from_environment(environment), "{ENDPOINT}")
        print([name for name in ("azure", "azure.identity", "msal", "requests") if name in sys.modules])
        """
    )
    assert printed == "[]\n"
