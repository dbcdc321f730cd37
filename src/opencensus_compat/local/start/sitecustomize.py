"""What `census-compat local` puts first on ``PYTHONPATH``: redirects the retired SDK, in environments without this package, too.

No package: the interpreter imports this file by its bare name, before the program. It may be that of an old environment, so the file says
nothing that a Python before 3.6 does not understand, and does nothing there. Another ``sitecustomize`` has its turn after it.
"""

import os
import sys

_folder = os.path.dirname(os.path.realpath(__file__))
_target = os.environ.get("APPINSIGHTS_EXPORTER_REDIRECT")

if _target and sys.version_info >= (3, 6):
    import importlib.util

    _spec = importlib.util.spec_from_file_location("census_compat_retired_sdk", os.path.join(_folder, "retired_sdk.py"))
    if _spec is not None and _spec.loader is not None:
        _retired_sdk = importlib.util.module_from_spec(_spec)
        sys.modules[_spec.name] = _retired_sdk
        _spec.loader.exec_module(_retired_sdk)
        _retired_sdk.redirect(_target)

# A Python that this one starts finds the folder on PYTHONPATH again; this one needs it no longer.
sys.path[:] = [entry for entry in sys.path if not entry or os.path.realpath(entry) != _folder]
_ourselves = sys.modules.pop("sitecustomize")
try:
    import sitecustomize as _another  # noqa: F401 -- the next one on the path, if there is one
except ImportError as _missing:
    if getattr(_missing, "name", "sitecustomize") != "sitecustomize":
        raise
    sys.modules["sitecustomize"] = _ourselves
