"""Who sends: the tags that come from an OpenTelemetry resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .limits import tag, text

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLE_FROM_KUBERNETES = (
    "k8s.deployment.name",
    "k8s.replicaset.name",
    "k8s.statefulset.name",
    "k8s.job.name",
    "k8s.cronjob.name",
    "k8s.daemonset.name",
)
"""Attributes that name the role when nobody named the service. Source: specification section 2.1."""


def tags(
    attributes: Mapping[str, object], *, host_name: str, locale: str | None, sdk_version: str, random_instance_id: str | None = None
) -> dict[str, str]:
    """Return the tags of a resource, every value text within its limit, nothing empty.

    Args:
        attributes: Of the resource.
        host_name: Of this machine: instance and device when the resource names none.
        locale: Of this process, or None.
        sdk_version: Value of ``ai.internal.sdkVersion``.
        random_instance_id: The ``service.instance.id`` that the OpenTelemetry SDK made up for this process. A resource that carries it
            was given no instance, and a name that changes at every start helps nobody: the host name is used, as in OpenCensus.
    Source: specification sections 2, 2.1 and 15 number 37;
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/utils.py#L26-L38
    """
    instance = attributes.get("k8s.pod.name") or attributes.get("service.instance.id")
    if not instance or instance == random_instance_id:
        instance = attributes.get("host.name") or host_name
    found = {
        "ai.cloud.role": role(attributes),
        "ai.cloud.roleInstance": instance,
        "ai.internal.nodeName": instance,
        "ai.application.ver": attributes.get("service.version"),
        "ai.device.id": attributes.get("device.id") or host_name,
        "ai.device.model": attributes.get("device.model.name"),
        "ai.device.oemName": attributes.get("device.manufacturer"),
        "ai.device.locale": locale,
        "ai.device.type": "Other",
        "ai.internal.sdkVersion": sdk_version,
    }
    return {name: tag(name, value) for name, value in found.items() if value is not None and value != ""}


def role(attributes: Mapping[str, object]) -> str:
    """Return the role name: the named service, else the Kubernetes workload, else the SDK's ``unknown_service…``, else ``""``."""
    service = text(attributes.get("service.name") or "")
    namespace = attributes.get("service.namespace")
    named = f"{text(namespace)}.{service}" if namespace and service else service
    if service and not service.startswith("unknown_service"):
        return named
    for key in ROLE_FROM_KUBERNETES:
        if attributes.get(key):
            return text(attributes[key])
    return named


def has_name(attributes: Mapping[str, object]) -> bool:
    """Return whether the resource names its role, rather than leaving it to the SDK's ``unknown_service…``."""
    named = role(attributes)
    return bool(named) and not named.rpartition(".")[2].startswith("unknown_service")


def context_tags(mapping: Mapping[str, object]) -> dict[str, str]:
    """Return tags from the mapping that OpenCensus programs change by hand: None is left out, all else is text within its limit."""
    # Copied first: other threads may change it meanwhile.
    return {text(name): tag(text(name), value) for name, value in dict(mapping).items() if value is not None}
