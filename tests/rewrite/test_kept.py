"""Tracers that objects, classes and collections of another file keep: each form changes with all that reads it, or waits and says why."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite

_HEAD = """\
import functools
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


"""
_T, _STAR = "import telemetry\n", "from telemetry import *\n"

_FOLLOWED = {
    "an attribute of an imported class": ("class T:\n    {0} = tracer\n", "from telemetry import T\n", "T.{0}"),
    "an attribute of a class by star": ("class T:\n    {0} = tracer\n", _STAR, "T.{0}"),
    "an attribute of an object": ("class T:\n    def __init__(self):\n        self.{0} = tracer\n\n\nt = T()\n", _T, "telemetry.t.{0}"),
    "an attribute of an imported object": (
        "class T:\n    def __init__(self):\n        self.{0} = tracer\n\n\nt = T()\n",
        "from telemetry import t\n",
        "t.{0}",
    ),
    "an attribute of an object of a function": (
        "class T:\n    def __init__(self):\n        self.{0} = tracer\n\n\ndef get():\n    return T()\n",
        "from telemetry import get\n",
        "get().{0}",
    ),
    "a property": ("class T:\n    @property\n    def {0}(self):\n        return tracer\n\n\nt = T()\n", _T, "telemetry.t.{0}"),
    "a cached property": (
        "class T:\n    @cached_property\n    def {0}(self):\n        return tracer\n\n\nt = T()\n",
        _T,
        "telemetry.t.{0}",
    ),
    "a cached property of the module": (
        "class T:\n    @functools.cached_property\n    def {0}(self):\n        return tracer\n\n\nt = T()\n",
        _T,
        "telemetry.t.{0}",
    ),
    "a cached function": ("@lru_cache\ndef get_{0}():\n    return tracer\n", "from telemetry import get_{0}\n", "get_{0}()"),
    "a cached function of the module": (
        "@functools.lru_cache(maxsize=None)\ndef get_{0}():\n    return tracer\n",
        _T,
        "telemetry.get_{0}()",
    ),
    "a method of a class": ("class T:\n    @classmethod\n    def get(cls):\n        return tracer\n", _T, "telemetry.T.get()"),
    "a value of a dict": ("T = {{'{0}': tracer}}\n", _T, "telemetry.T['{0}']"),
    "a value of an imported dict": ("T = {{'{0}': tracer}}\n", "from telemetry import T\n", "T['{0}']"),
    "a value by get": ("T = {{'{0}': tracer}}\n", "from telemetry import T\n", "T.get('{0}')"),
    "a value that is set": ("T = {{}}\nT['{0}'] = tracer\n", "from telemetry import T\n", "T['{0}']"),
    "a dict of an object": (
        "class T:\n    def __init__(self):\n        self.all = {{}}\n        self.all['a'] = tracer\n\n    def get(self):\n        return self.all['a']\n",
        _T,
        "telemetry.T().get()",
    ),
    "a field by its name": ("@dataclass(frozen=True)\nclass T:\n    {0}: Tracer\n\n\nt = T({0}=tracer)\n", _T, "telemetry.t.{0}"),
    "the default of a field": ("@dataclass\nclass T:\n    {0}: object = tracer\n\n\nt = T()\n", _T, "telemetry.t.{0}"),
    "a dict that a function fills": (
        "T = {{}}\n\n\ndef get(name):\n    if name not in T:\n        T[name] = tracer\n    return T[name]\n",
        _T,
        "telemetry.get('{0}')",
    ),
    "a function by star": ("def get():\n    return tracer\n", _STAR, "get()"),
}
"""Form -> what the module with the tracer has, what the other one imports, and how it reads it."""

_WAITS = {
    "a dict in a dict": ("T = {{'a': {{'{0}': tracer}}}}\n", _T, "telemetry.T['a']['{0}']", "`.span` of an OpenCensus object"),
    "a list": ("T = [tracer]\n", _T, "telemetry.T[0]", "what `span` is an attribute of is not known"),
    "a record that is handed on": (
        "T = {{'a': {{'{0}': tracer}}}}\nprint(T['a'])\n",
        _T,
        "telemetry.T['a']['{0}']",
        "it is kept in a collection",
    ),
    "a record beside another object": (
        "T = {{'a': {{'{0}': tracer}}, 'b': print}}\n",
        _T,
        "telemetry.T['a']['{0}']",
        "it is kept in a collection",
    ),
    "a record that is changed": (
        "T = {{'a': {{'{0}': tracer}}}}\nT['a']['{0}'] = print\n",
        _T,
        "telemetry.T['a']['{0}']",
        "it is kept in a collection",
    ),
    "a record of keys from outside": (
        "T = {{'a': {{'{0}': tracer}}}}\n",
        "import sys\nimport telemetry\n",
        "telemetry.T['a'][sys.argv[0]]",
        "it is kept in a collection",
    ),
    "a dict that is handed on": ("T = {{}}\nT['{0}'] = tracer\nprint(T)\n", _T, "telemetry.T['{0}']", "it is kept in a collection"),
    "dict()": ("T = dict({0}=tracer)\n", _T, "telemetry.T['{0}']", "it is handed to dict()"),
    "a factory of a field": (
        "@dataclass\nclass T:\n    {0}: object = field(default_factory=lambda: tracer)\n\n\nt = T()\n",
        _T,
        "telemetry.t.{0}",
        "a lambda",
    ),
    "an attribute from outside": ("class T:\n    pass\n\n\nT.{0} = tracer\n", _T, "telemetry.T.{0}", "`.span` of an OpenCensus object"),
    "an attribute of an object from outside": (
        "class T:\n    pass\n\n\nt = T()\nt.{0} = tracer\n",
        "from telemetry import t\n",
        "t.{0}",
        "`.span` of an OpenCensus object",
    ),
    "a class in a class": ("class O:\n    class T:\n        {0} = tracer\n", _T, "telemetry.O.T.{0}", "`.span` of an OpenCensus object"),
    "setattr": ("class T:\n    pass\n\n\nsetattr(T, '{0}', tracer)\n", _T, "telemetry.T.{0}", "it is handed to setattr()"),
    "what a module makes up": ("def __getattr__(name):\n    return tracer\n", _T, "telemetry.{0}_2", "__getattr__"),
    "partial": ("get = functools.partial(lambda given: given, tracer)\n", _T, "telemetry.get()", "it is handed on by partial()"),
    "a private name by star": ("__all__ = ['_{0}']\n_{0} = tracer\n", _STAR, "_{0}", "`__all__` names"),
}
"""The same, and why it stays."""


def _run(tmp_path, kept, imported, read):
    """Return the two files after a run, and what is left."""
    sources = {"telemetry": _HEAD + kept, "app": f"{imported}\nwith {read}.span(name='a') as span:\n    span.add_attribute('k', 'v')\n"}
    for name, text in sources.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    result = rewrite([str(tmp_path)], Options(shape=True, markers=False))
    after = {path.rpartition("/")[2].removesuffix(".py"): data.decode() for path, data in result.after.items()}
    return sources, {**sources, **after}, result.left


@pytest.mark.parametrize("name", ["tracer", "tr"])
@pytest.mark.parametrize("form", _FOLLOWED.values(), ids=_FOLLOWED)
def test_what_reads_it_changes_with_it(tmp_path, form, name):
    """Nothing of OpenCensus is left on either side, whatever the name is."""
    kept, imported, read = (part.format(name) for part in form)
    _, texts, left = _run(tmp_path, kept, imported, read)
    assert left == []
    assert "configure(" in texts["telemetry"]
    assert f"with {read}.start_as_current_span('a') as span:\n    span.set_attribute('k', 'v')\n" in texts["app"]


@pytest.mark.parametrize("name", ["tracer", "tr"])
@pytest.mark.parametrize("form", _WAITS.values(), ids=_WAITS)
def test_what_cannot_be_followed_stays_and_says_why(tmp_path, form, name):
    """Neither side changes, and the reason is in the report."""
    kept, imported, read, reason = (part.format(name) for part in form)
    sources, texts, left = _run(tmp_path, kept, imported, read)
    assert texts == sources
    assert any(reason in each.text for each in left)
