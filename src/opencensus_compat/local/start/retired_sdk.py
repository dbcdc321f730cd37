"""Sends what the retired SDK exports to `census-compat local`, in a process below that command.

All exporters of opencensus-ext-azure take their endpoint from one function, which is replaced as soon as its module is loaded:
https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/__init__.py#L28-L59

`sitecustomize.py` beside it loads it in any environment: it imports nothing but the standard library, and says nothing that Python 3.6 does
not understand.
"""

import sys
from importlib.util import find_spec
from urllib.parse import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_MODULE = "opencensus.ext.azure.common"
_FACADES = ("opencensus_compat", "Finder")
"""Package and class of the finder that answers in the place of the retired SDK."""

redirected_endpoints: "set[str]" = set()
"""Endpoints that exporters of this process would have sent to."""


def redirect(target: str) -> None:
    """Have all exporters of the retired SDK send to a local endpoint, whatever connection string or credential they are given.

    Args:
        target: Its base URL. The original endpoint stays visible in the path, as `appinsights_exporter.redirect` has it.
    """
    sys.meta_path.insert(0, _Finder(target.rstrip("/")))


class _Finder:
    """Finds the one module, unless it is a facade, and has it changed when it has been executed."""

    def __init__(self, target: str) -> None:
        self._target = target

    def find_spec(self, fullname: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None) -> "ModuleSpec | None":
        """Return the spec that the other finders have for the module; None for all other modules."""
        if fullname != _MODULE:
            return None
        kinds = [type(finder) for finder in sys.meta_path]
        if _FACADES in [(kind.__module__.partition(".")[0], kind.__name__) for kind in kinds]:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._target)  # type: ignore[assignment]  # a loader by what it does
        return spec


class _Loader:
    """The module's own loader, and a change after it."""

    def __init__(self, loader: "Any", target: str) -> None:
        self._loader = loader
        self._target = target

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._loader, name)

    def exec_module(self, module: "ModuleType") -> None:
        """Execute the module, and replace the function that gives options their endpoint."""
        self._loader.exec_module(module)
        original = getattr(module, "process_options", None)
        if original is None:
            return

        def process_options(options: "Any") -> None:
            original(options)
            endpoint = str(options.endpoint).rstrip("/")
            if endpoint == self._target:
                return
            redirected_endpoints.add(endpoint)
            options.endpoint = "{}/_from/{}".format(self._target, quote(endpoint, safe=""))
            options.credential = None  # Its token is for the service alone.
            options.enable_local_storage = False  # What lies in the folder of this key is for the service, too.

        vars(module)["process_options"] = process_options
