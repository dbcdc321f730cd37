"""Tags from resources: who sends."""

from __future__ import annotations

import sys

import pytest

from appinsights_exporter.convert import resource
from appinsights_exporter.host import random_instance_id, sdk_version, this_host

ROLES = {
    "name": ({"service.name": "shop"}, "shop"),
    "namespace and name": ({"service.name": "shop", "service.namespace": "acme"}, "acme.shop"),
    "namespace alone": ({"service.namespace": "acme"}, ""),
    "kubernetes when nobody named it": ({"service.name": "unknown_service:python", "k8s.deployment.name": "web"}, "web"),
    "the name before kubernetes": ({"service.name": "shop", "k8s.deployment.name": "web"}, "shop"),
    "order in kubernetes": ({"k8s.job.name": "j", "k8s.statefulset.name": "s", "k8s.daemonset.name": "d"}, "s"),
    "unknown service": ({"service.name": "unknown_service"}, "unknown_service"),
    "unknown service with a namespace": ({"service.name": "unknown_service", "service.namespace": "acme"}, "acme.unknown_service"),
    "nothing": ({}, ""),
}


@pytest.mark.parametrize(("attributes", "role"), ROLES.values(), ids=ROLES)
def test_role(attributes, role):
    """The named service, else the Kubernetes workload, else the SDK's own word."""
    assert resource.role(attributes) == role


@pytest.mark.parametrize("key", resource.ROLE_FROM_KUBERNETES)
def test_every_kubernetes_workload_names_the_role(key):
    """Each kind of workload is a role."""
    assert resource.role({key: "x"}) == "x"


INSTANCES = {
    "pod": ({"k8s.pod.name": "pod-1", "service.instance.id": "web-1"}, "pod-1"),
    "instance": ({"service.instance.id": "web-1", "host.name": "h"}, "web-1"),
    "made up by the SDK": ({"service.instance.id": "random"}, "host-a"),
    "made up by the SDK, with a host name": ({"service.instance.id": "random", "host.name": "h"}, "h"),
    "none": ({}, "host-a"),
}


@pytest.mark.parametrize(("attributes", "instance"), INSTANCES.values(), ids=INSTANCES)
def test_instance(attributes, instance):
    """A chosen instance counts; the SDK's random one, new at each start, does not (peer defect 37)."""
    tags = resource.tags(attributes, host_name="host-a", locale=None, sdk_version="v", random_instance_id="random")
    assert tags["ai.cloud.roleInstance"] == tags["ai.internal.nodeName"] == instance


def test_all_tags():
    """Every tag that a resource gives, cut to its limit."""
    attributes = {
        "service.name": "s" * 300,
        "service.version": 2.4,
        "service.instance.id": "web-1",
        "device.id": "d",
        "device.model.name": "m",
        "device.manufacturer": "o",
    }
    assert resource.tags(attributes, host_name="host-a", locale="en_US", sdk_version="v") == {
        "ai.cloud.role": "s" * 256,
        "ai.cloud.roleInstance": "web-1",
        "ai.internal.nodeName": "web-1",
        "ai.application.ver": "2.4",
        "ai.device.id": "d",
        "ai.device.model": "m",
        "ai.device.oemName": "o",
        "ai.device.locale": "en_US",
        "ai.device.type": "Other",
        "ai.internal.sdkVersion": "v",
    }


def test_nothing_is_null_or_empty():
    """Without facts there are no tags for them, rather than null or empty ones (peer defect 55)."""
    assert resource.tags({}, host_name="", locale=None, sdk_version="v") == {"ai.device.type": "Other", "ai.internal.sdkVersion": "v"}


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"service.name": "shop"}, True),
        ({"service.name": "unknown_service:python"}, False),
        ({"service.name": "unknown_service", "service.namespace": "acme"}, False),
        ({"service.name": "unknown_service", "k8s.pod.name": "p", "k8s.job.name": "j"}, True),
        ({}, False),
    ],
)
def test_has_name(attributes, named):
    """Only a role that somebody chose counts as a name."""
    assert resource.has_name(attributes) is named


def test_context_tags():
    """The programs' own mapping: None is left out, the rest is text within its limit."""
    assert resource.context_tags({"ai.cloud.role": "r" * 300, "ai.device.locale": None, "n": 5, 7: "x"}) == {
        "ai.cloud.role": "r" * 256,
        "n": "5",
        "7": "x",
    }


def test_sdk_version():
    """Our own component name, at most 64 characters (peer defect 38)."""
    assert sdk_version("3.11.7", "1.45.2", "0.1.0") == "py3.11.7:otel1.45.2:cc0.1.0"
    assert len(sdk_version("3.11.7", "1.45.2", "0.1.0+" + "x" * 90)) == 64
    assert ":cc" in this_host().sdk_version


def test_random_instance_id_is_that_of_new_resources():
    """What the SDK puts into a resource by itself is recognised, in releases that do so."""
    from opentelemetry.sdk.resources import Resource

    assert Resource.create({}).attributes.get("service.instance.id") == random_instance_id()


LOCALES = {
    "first variable wins": ({"LC_ALL": "de_DE.UTF-8", "LANG": "en_US.UTF-8"}, "de_DE"),
    "empty variable": ({"LC_ALL": "", "LANG": "en_US.UTF-8"}, "en_US"),
    "without encoding": ({"LC_CTYPE": "fr_FR"}, "fr_FR"),
    "with modifier": ({"LANG": "de_DE@euro"}, "de_DE"),
    "list": ({"LANGUAGE": "pt_BR:pt"}, "pt_BR"),
    "C": ({"LC_ALL": "C"}, None),
    "POSIX": ({"LANG": "POSIX"}, None),
    "C with an encoding": ({"LANG": "C.UTF-8"}, "C" if sys.version_info >= (3, 12) else "en_US"),
}


@pytest.mark.parametrize(("variables", "shown"), LOCALES.values(), ids=LOCALES)
def test_locale(monkeypatch, variables, shown):
    """The locale is the one that the environment names, as in both peers; the C locale is no locale (peer defect 55)."""
    for variable in ("LC_ALL", "LC_CTYPE", "LANG", "LANGUAGE"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    this_host.cache_clear()
    try:
        assert this_host().locale == shown
    finally:
        this_host.cache_clear()


@pytest.mark.parametrize(("name", "shown"), [("en_US", "en_US"), ("C", None), (None, None)])
def test_locale_of_the_process(monkeypatch, name, shown):
    """Where the environment names none, as on Windows, the process's own counts."""
    for variable in ("LC_ALL", "LC_CTYPE", "LANG", "LANGUAGE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("locale.getlocale", lambda: (name, "UTF-8"))
    this_host.cache_clear()
    try:
        assert this_host().locale == shown
    finally:
        this_host.cache_clear()
