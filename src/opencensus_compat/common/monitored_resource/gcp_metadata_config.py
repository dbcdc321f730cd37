"""What a Google Cloud machine says about itself."""

from __future__ import annotations

from opencensus_compat.common.http_handler import get_request

_METADATA_URL = "http://metadata.google.internal/computeMetadata/v1/"
_METADATA_HEADERS = {"Metadata-Flavor": "Google"}

PROJECT_ID_KEY = "project_id"
INSTANCE_ID_KEY = "instance_id"
ZONE_KEY = "zone"

CLUSTER_NAME_KEY = "instance/attributes/cluster-name"
"""Path of the Kubernetes cluster's name in the metadata service; unlike the three above it is not a label."""

_INSTANCE_ID_PATH = "instance/id"
_ZONE_PATH = "instance/zone"
_PATH_BY_LABEL = {PROJECT_ID_KEY: "project/project-id", INSTANCE_ID_KEY: _INSTANCE_ID_PATH, ZONE_KEY: _ZONE_PATH}

_metadata: dict[str, str] = {}


class GcpMetadataConfig:
    """The machine's metadata, read once per process."""

    inited = False
    is_running = False

    @classmethod
    def _initialize_metadata_service(cls) -> None:
        if cls.inited:
            return
        instance_id = cls.get_attribute(_INSTANCE_ID_PATH)
        if instance_id is not None:
            cls.is_running = True
            _metadata[INSTANCE_ID_KEY] = instance_id
            for label, path in _PATH_BY_LABEL.items():
                if label not in _metadata and (value := cls.get_attribute(path)) is not None:
                    _metadata[label] = value
        cls.inited = True

    @classmethod
    def is_running_on_gcp(cls) -> bool:
        """Return whether Google's metadata service answers; the first call may take some seconds."""
        cls._initialize_metadata_service()
        return cls.is_running

    def get_gce_metadata(self) -> dict[str, str]:
        """Return the machine's labels, none when it is not on Google Cloud."""
        return _metadata if self.is_running_on_gcp() else {}

    @staticmethod
    def get_attribute(attribute_uri: str) -> str | None:
        """Return one entry of the metadata service, or None when it does not answer.

        Args:
            attribute_uri: Path below ``computeMetadata/v1/``.
        """
        reply = get_request(_METADATA_URL + attribute_uri, _METADATA_HEADERS)
        if reply is None:
            return None
        value = reply.decode("utf-8") if isinstance(reply, bytes) else reply
        # The service writes a zone as projects/<number>/zones/<name>.
        return value.rpartition("/")[2] if attribute_uri == _ZONE_PATH else value
