"""What the environment of a Kubernetes container says about it."""

from __future__ import annotations

import os

from opencensus_compat.common.monitored_resource import gcp_metadata_config

CLUSTER_NAME_KEY = "k8s.io/cluster/name"
NAMESPACE_NAME_KEY = "k8s.io/namespace/name"
POD_NAME_KEY = "k8s.io/pod/name"
CONTAINER_NAME_KEY = "k8s.io/container/name"

_PRESENCE_VARIABLE = "KUBERNETES_SERVICE_HOST"
_VARIABLE_BY_LABEL = {CONTAINER_NAME_KEY: "CONTAINER_NAME", NAMESPACE_NAME_KEY: "NAMESPACE", POD_NAME_KEY: "HOSTNAME"}


def is_k8s_environment() -> bool:
    """Return whether the process runs in a Kubernetes container, by the variable that Kubernetes always sets there."""
    return _PRESENCE_VARIABLE in os.environ


def get_k8s_metadata() -> dict[str, str]:
    """Return the container's labels: the cluster's name from Google's metadata service, the others from the environment."""
    labels: dict[str, str] = {}
    cluster = gcp_metadata_config.GcpMetadataConfig.get_attribute(gcp_metadata_config.CLUSTER_NAME_KEY)
    if cluster is not None:
        labels[CLUSTER_NAME_KEY] = cluster
    labels.update({label: os.environ[variable] for label, variable in _VARIABLE_BY_LABEL.items() if variable in os.environ})
    return labels
