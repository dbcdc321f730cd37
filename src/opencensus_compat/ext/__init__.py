"""Exporters and integrations of OpenCensus that this package brings itself.

An integration that is not here (`opencensus.ext.flask` of an installed legacy package) is found on disk by the import finder.
"""

from __future__ import annotations

from opencensus_compat._bridge import environment as _environment  # noqa: F401 - before anything of OpenTelemetry is imported
from opencensus_compat._lookup import legacy_folders

# For programs that list the integrations there are, by `pkgutil.iter_modules(opencensus.ext.__path__)`.
__path__ += [folder for folder in legacy_folders("ext") if folder not in __path__]
