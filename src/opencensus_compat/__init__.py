"""Unchanged OpenCensus programs, running on OpenTelemetry.

Use: nothing to call. With this distribution installed, ``import opencensus`` and ``import opencensus.ext.azure`` give facades over
OpenTelemetry providers, because a ``.pth`` file installs the import finder when the interpreter starts. Where ``.pth`` files are not
read (``pip install --target``, a folder on ``PYTHONPATH``, ``python -S``), make ``import opencensus_compat.auto`` the first import, or
start the program with ``python -m opencensus_compat run -- python app.py``. The functions below are for applications that want to decide themselves::

    import opencensus_compat

    opencensus_compat.configure(tracer_provider=traces, logger_provider=logs, meter_provider=meters)  # instead of the global ones
    opencensus_compat.flush(timeout_s=5.0)                 # True when everything was sent or stored in time
    opencensus_compat.shutdown(timeout_s=5.0)
    opencensus_compat.uninstall()                          # back to the real packages, if they are installed
    opencensus_compat.install()                            # and to the facades again

Warnings: ``install`` must come before the first ``import opencensus...``; objects made by the real packages do not turn into facades.
``OPENCENSUS_COMPAT_DISABLED=1`` switches the finder off for one process, whatever calls ``install``.

Limits: a module that neither we nor an installed ``opencensus-ext-...`` integration has cannot be imported, even when the real
``opencensus`` distribution has it: half of one SDK does not work on half of another.
"""

# Every interpreter start runs this file, so it imports nothing: not `typing`, and not `__future__` either (0.1 ms each, or more).
TYPE_CHECKING = False
if TYPE_CHECKING:
    from opencensus_compat._alias import install, uninstall
    from opencensus_compat._bridge.providers.lifecycle import configure, flush, shutdown
del TYPE_CHECKING

__all__ = ["configure", "flush", "install", "shutdown", "uninstall"]
__version__ = "0.1.0"

_HOMES = {
    "configure": "_bridge.providers.lifecycle",
    "flush": "_bridge.providers.lifecycle",
    "install": "_alias",
    "shutdown": "_bridge.providers.lifecycle",
    "uninstall": "_alias",
}


def __getattr__(name: str) -> object:
    """Return a public function, importing the module that holds it on first use.

    Raises: AttributeError for any other name.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
