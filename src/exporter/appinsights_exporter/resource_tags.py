"""The tags of OpenTelemetry resources, made once for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .convert import resource
from .host import random_instance_id, this_host

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

_MAX_RESOURCES = 64


class ResourceTags:
    """Tags of the resources seen lately: there is one per provider, so they are made once and not per span."""

    def __init__(self) -> None:
        # By identity: hashing a resource costs more than a whole span. The resource is kept, so that its id is not given to another.
        self.known: dict[int, tuple[dict[str, str], bool, Resource]] = {}
        """Id of a resource to its tags (not to be changed), whether it names its role, and itself."""
        self._with_role: dict[tuple[int, str], dict[str, str]] = {}

    def remember(self, of: Resource) -> tuple[dict[str, str], bool, Resource]:
        """Make and return the entry of a resource."""
        host = this_host()
        tags = resource.tags(
            of.attributes,
            host_name=host.name,
            locale=host.locale,
            sdk_version=host.sdk_version,
            random_instance_id=random_instance_id(),
        )
        if len(self.known) >= _MAX_RESOURCES:
            self.known.clear()
            self._with_role.clear()
        made = self.known[id(of)] = (tags, resource.has_name(of.attributes), of)
        return made

    def with_role(self, of: Resource, tags: dict[str, str], role: str | None) -> dict[str, str]:
        """Return the tags of a known resource with another role, not to be changed; without one, the tags themselves."""
        if not role:
            return tags
        found = self._with_role.get((id(of), role))
        if found is None:
            if len(self._with_role) >= _MAX_RESOURCES:
                self._with_role.clear()
            found = self._with_role[id(of), role] = {**tags, "ai.cloud.role": role}
        return found
