"""What an Amazon EC2 instance says about itself."""

from __future__ import annotations

import json

from opencensus_compat.common.http_handler import get_request

REGION_KEY = "region"
ACCOUNT_ID_KEY = "aws_account"
INSTANCE_ID_KEY = "instance_id"

_IDENTITY_DOCUMENT_URL = "http://169.254.169.254/latest/dynamic/instance-identity/document"

_LABEL_BY_FIELD = {"region": REGION_KEY, "accountId": ACCOUNT_ID_KEY, "instanceId": INSTANCE_ID_KEY}

# OpenCensus has these two beside the class attributes that are really used; they never change.
inited = False
is_running_on_aws = False

aws_metadata_map: dict[str, str] = {}
"""The labels found, shared by all callers."""


class AwsIdentityDocumentUtils:
    """The identity document, read once per process."""

    inited = False
    is_running = False

    @classmethod
    def _initialize_aws_identity_document(cls) -> None:
        if cls.inited:
            return
        document = _read(get_request(_IDENTITY_DOCUMENT_URL))
        if document is not None:
            aws_metadata_map.update({label: document[field] for field, label in _LABEL_BY_FIELD.items() if document.get(field) is not None})
            cls.is_running = True
        cls.inited = True

    @classmethod
    def is_running_on_aws(cls) -> bool:
        """Return whether the metadata service of EC2 answers; the first call may take some seconds."""
        cls._initialize_aws_identity_document()
        return cls.is_running

    def get_aws_metadata(self) -> dict[str, str]:
        """Return the instance's labels, none when it is not on EC2."""
        return aws_metadata_map if self.is_running_on_aws() else {}


def _read(content: bytes | str | None) -> dict[str, str] | None:
    """Return the identity document; None for no reply or for one of a proxy or another service."""
    if content is None:
        return None
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
