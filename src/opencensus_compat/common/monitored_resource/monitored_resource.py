"""The resource that the process runs on, put together from the environment and the cloud's metadata service."""

from __future__ import annotations

from opencensus_compat.common import resource
from opencensus_compat.common.monitored_resource import aws_identity_doc_utils, gcp_metadata_config, k8s_utils

_GCE_INSTANCE = "gce_instance"
_K8S_CONTAINER = "k8s_container"
_AWS_EC2_INSTANCE = "aws_ec2_instance"


def is_gce_environment() -> bool:
    """Return whether the process runs on Google Compute Engine."""
    return gcp_metadata_config.GcpMetadataConfig.is_running_on_gcp()


def is_aws_environment() -> bool:
    """Return whether the process runs on Amazon EC2."""
    return aws_identity_doc_utils.AwsIdentityDocumentUtils.is_running_on_aws()


def get_instance() -> resource.Resource | None:
    """Return the resource of this process, or None when nothing is known about it.

    What the environment says wins over the Kubernetes container, and that over the machine. Asks the metadata services, which can
    take some seconds where there are none.
    """
    found = []
    if (from_environment := resource.get_from_env()) is not None:
        found.append(from_environment)
    if k8s_utils.is_k8s_environment():
        found.append(resource.Resource(_K8S_CONTAINER, k8s_utils.get_k8s_metadata()))
    if is_gce_environment():
        found.append(resource.Resource(_GCE_INSTANCE, gcp_metadata_config.GcpMetadataConfig().get_gce_metadata()))
    elif is_aws_environment():
        found.append(resource.Resource(_AWS_EC2_INSTANCE, aws_identity_doc_utils.AwsIdentityDocumentUtils().get_aws_metadata()))
    return resource.merge_resources(found) if found else None
