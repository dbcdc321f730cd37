"""What the worker of Azure Functions loads."""

from __future__ import annotations

from opencensus_compat._lookup import legacy_folders

__path__ += [folder for folder in legacy_folders("extension", "azure") if folder not in __path__]
