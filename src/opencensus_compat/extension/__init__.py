"""Extensions of hosts that run functions; others than ours are found on disk, as integrations are."""

from __future__ import annotations

from opencensus_compat._lookup import legacy_folders

__path__ += [folder for folder in legacy_folders("extension") if folder not in __path__]
