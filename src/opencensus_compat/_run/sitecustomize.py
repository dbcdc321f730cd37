"""What ``census-compat run`` puts first on ``PYTHONPATH``: switches the finder on, then lets another ``sitecustomize`` have its turn.

No package: the interpreter imports this file by its bare name, before the program.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

_folder = Path(__file__).resolve().parent

# A Python that this one starts finds the folder on PYTHONPATH again; this one needs it no longer.
sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != _folder]

try:
    from opencensus_compat import _alias
except ModuleNotFoundError:
    # A Python of another environment. Putting our folder on its path would put everything that lies beside it there as well.
    warnings.warn(f"census-compat is not active: it is not installed in {sys.prefix}", RuntimeWarning, stacklevel=1)
else:
    _alias.install_at_start()

_ourselves = sys.modules.pop("sitecustomize")
try:
    import sitecustomize as _another  # noqa: F401 -- the next one on the path, if there is one
except ModuleNotFoundError as _missing:
    if _missing.name != "sitecustomize":
        raise
    sys.modules["sitecustomize"] = _ourselves
