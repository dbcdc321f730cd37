"""Errors that this package raises.

::

    ExporterError
    ├── ConfigurationError (also ValueError)   raised while something is being set up
    │   └── ConnectionStringError
    ├── ConversionError (also ValueError)      one span or log record that cannot become an envelope
    ├── EncodingError (also ValueError)        one envelope that cannot become bytes
    └── UnsupportedReleaseError (also RuntimeError)   raised at import: an OpenTelemetry that is too old or too new

Conversion and encoding errors are caught by the exporters, counted and logged; the others reach an application, from constructors and at
import:
telemetry never raises into a running program.
"""

from __future__ import annotations


class ExporterError(Exception):
    """Base of every error of this package."""


class ConfigurationError(ExporterError, ValueError):
    """A setting has a value that cannot work.

    Args:
        setting: Name of the setting, as the caller writes it.
        source: Where the value came from: ``"argument"`` or the name of an environment variable.
        expected: What would have been right.
        came: What came instead, with secrets left out.
        advice: What to do about it.
    """

    setting: str
    """Name of the setting, as the caller writes it."""
    source: str
    """Where the value came from."""

    def __init__(self, setting: str, source: str, *, expected: str, came: str, advice: str) -> None:
        super().__init__(f"{setting} (from {source}): expected {expected}; got {came}. {advice}")
        self.setting = setting
        self.source = source

    def __reduce__(self) -> tuple[object, ...]:
        """Let the error cross process boundaries although its constructor takes keywords."""
        return (_rebuild, (type(self), self.args, {"setting": self.setting, "source": self.source}))


class ConnectionStringError(ConfigurationError):
    """A connection string, or one field of it, cannot be used."""


class UnsupportedReleaseError(ExporterError, RuntimeError):
    """The installed release of OpenTelemetry is not supported: this package would lose telemetry with it, or not work at all.

    It is no ImportError: a program that treats telemetry as optional would run on without it, in silence.

    Args:
        distribution: Which one, as pip names it.
        installed: Its release.
        supported: Those that work, as pip takes them.
    """

    installed: str
    """The release that is installed."""

    def __init__(self, distribution: str, installed: str, supported: str) -> None:
        super().__init__(
            f"census-compat works with {distribution} {supported}; {installed} is installed, and nothing would be exported with it. "
            f'Install a release in that range: pip install "{distribution}{supported}"; or a census-compat that knows {installed}.'
        )
        self.installed = installed

    def __reduce__(self) -> tuple[object, ...]:
        """Let the error cross process boundaries although its constructor takes three arguments."""
        return (_rebuild, (type(self), self.args, {"installed": self.installed}))


class ConversionError(ExporterError, ValueError):
    """A span or log record lacks something without which no envelope can be made."""


class EncodingError(ExporterError, ValueError):
    """An envelope cannot be turned into bytes that the service would take."""


def _rebuild(kind: type[ExporterError], args: tuple[object, ...], fields: dict[str, object]) -> ExporterError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error
