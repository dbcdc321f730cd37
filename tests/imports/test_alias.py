"""What a program sees under the legacy names."""

from __future__ import annotations

import pytest

FACTS = {
    "modules that OpenCensus's modules have imported are attributes of their packages": """
import opencensus.trace.tracer
import opencensus.ext.threading
opencensus.trace.print_exporter.PrintExporter, opencensus.common.transports.sync.SyncTransport, opencensus.ext.threading.trace.trace_integration
assert not hasattr(opencensus.trace, "nothing") and not hasattr(opencensus.trace, "_kept_") and not hasattr(opencensus.ext, "flask")
""",
    "one object under both names": """
import sys
import opencensus.trace.link, opencensus_compat.trace.link
assert opencensus.trace.link is opencensus_compat.trace.link
assert sys.modules["opencensus.trace.link"] is sys.modules["opencensus_compat.trace.link"]
assert sys.modules["opencensus"] is sys.modules["opencensus_compat"]
""",
    "beside an import hook in front that asks all other finders": """
import sys
class Hook:
    def find_spec(self, name, path=None, target=None):
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        return next((spec for spec in others if spec is not None), None)
sys.meta_path.insert(0, Hook())
import opencensus.ext.azure.trace_exporter
from opencensus.trace import tracer
from opencensus.ext import azure
""",
    "ours first, then the legacy name": """
import opencensus_compat.trace.link as ours
import opencensus.trace.link as legacy
assert ours is legacy
""",
    "every form of import statement": """
import opencensus.trace as t
from opencensus.trace import link
from opencensus.trace.link import Link
from opencensus import trace
import importlib
assert t is trace and t.link is link and link.Link is Link
assert importlib.import_module("opencensus.trace.link") is importlib.import_module(".link", "opencensus.trace") is link
""",
    "a module reached through an import of ours is bound on its parent": """
import opencensus.trace.link
import opencensus
assert opencensus.trace.link.Link
""",
    "name and spec are those of our name, before and after": """
import importlib.util
import opencensus_compat.trace.link as ours
spec = ours.__spec__
import opencensus.trace.link as legacy
assert legacy.__name__ == legacy.__spec__.name == "opencensus_compat.trace.link"
assert legacy.__spec__ is spec and legacy.__loader__ is spec.loader and not spec._initializing
assert importlib.util.find_spec("opencensus.trace.link") is spec
assert legacy.__package__ == spec.parent == "opencensus_compat.trace"
""",
    "looking for a module does not load it": """
import importlib.util, sys
found = importlib.util.find_spec("opencensus.trace.link")
assert found.name == "opencensus.trace.link" and found.origin.endswith("link.py")
assert importlib.util.find_spec("opencensus.ext.not_there") is None
assert importlib.util.find_spec("opencensus.not_there") is None
""",
    "reload": """
import importlib, sys
import opencensus.common.utils as utils
utils.mark = 1
function = utils.get_truncatable_str
assert importlib.reload(utils) is utils is sys.modules["opencensus.common.utils"] is sys.modules["opencensus_compat.common.utils"]
assert utils.get_truncatable_str is not function
""",
    "reload of what traces": """
import importlib
from opencensus.trace import blank_span, samplers, span, span_context, tracer
from opencensus.trace.tracers import context_tracer, noop_tracer
exported = []
class Exporter:
    export = exported.extend
for module in (tracer, span, samplers, span_context, context_tracer, noop_tracer, blank_span):
    importlib.reload(module)
traced = tracer.Tracer(exporter=Exporter(), sampler=samplers.AlwaysOnSampler())
with traced.span("outer"), traced.span("inner"):
    pass
inner, outer = exported
assert (inner.name, outer.name, inner.parent_span_id) == ("inner", "outer", outer.span_id)
""",
    "pickles that name the legacy module": """
import pickle
from opencensus.trace.link import Link
assert pickle.loads(b"copencensus.trace.link\\nLink\\n.") is Link
import copy
link = Link("a" * 32, "b" * 16)
assert pickle.loads(pickle.dumps(link)).trace_id == copy.deepcopy(link).trace_id == "a" * 32
""",
    "mock.patch by the legacy name": """
from unittest import mock
import opencensus_compat.trace.link as ours
with mock.patch("opencensus.trace.link.Link", "patched"):
    assert ours.Link == "patched"
assert ours.Link != "patched"
""",
    "dotted names of logging.config": """
import logging, logging.config
import opencensus_compat.ext as ext
with open("handlers.py", "w"):
    pass
logging.config.dictConfig({
    "version": 1,
    "filters": {"f": {"()": "opencensus.trace.link.Link", "trace_id": "1", "span_id": "2"}},
    "handlers": {"h": {"class": "logging.NullHandler", "filters": ["f"]}},
})
""",
    "every public module that a walk of the packages lists": """
import importlib, pkgutil
import opencensus
names = [info.name for info in pkgutil.walk_packages(opencensus.__path__, "opencensus.")]
from opencensus_compat._lookup import _OPENCENSUS
public = [name for name in names if name.split(".")[1] in _OPENCENSUS]
assert "opencensus.trace.link" in public and "opencensus.common.utils" in public
for name in public:
    if not any(part.startswith("_") for part in name.split(".")):
        importlib.import_module(name)
""",
    "sources and resources": """
import importlib.resources, inspect
import opencensus.trace.link
assert "class Link" in inspect.getsource(opencensus.trace.link)
assert importlib.resources.files("opencensus").joinpath("py.typed").is_file()
""",
    "what is new here is not under the legacy name": """
import importlib
import opencensus_compat.propagators, opencensus_compat.tags_and_baggage, opencensus_compat.stats._feed
private = ("_alias", "_lookup", "_cli", "_bridge", "_bridge.convert.oc_to_otel", "__main__", "stats._feed", "ext._patching")
for name in (*private, "auto", "local", "local.cli", "migrate", "propagators", "tags_and_baggage"):
    try:
        importlib.import_module(f"opencensus.{name}")
    except ModuleNotFoundError as error:
        assert str(error).startswith("No module named 'opencensus."), error
    else:
        raise AssertionError(name)
""",
    "a module that nobody has": """
import importlib
for name in ("opencensus.nothing", "opencensus.ext.logging.nothing", "opencensus.ext.azure.nothing", "opencensus.trace.nothing.at_all"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert name.startswith(error.name) and str(error) == f"No module named {error.name!r}", error
    else:
        raise AssertionError(name)
try:
    from opencensus.ext import nothing
except ImportError as error:
    assert "cannot import name 'nothing'" in str(error)
""",
    "a module that is somewhere else, or nowhere": """
import importlib, importlib.util
for name, hint in {
    "opencensus.ext.zipkin": "pip install opencensus-ext-zipkin",
    "opencensus.ext.jaeger.trace_exporter": "the distribution opencensus-ext-jaeger has it",
    "opencensus.proto.agent": "pip install opencensus-proto",
    "opencensus.trace.ext.flask.flask_middleware": "its modules have been in opencensus.ext since OpenCensus 0.2",
    "opencensus.trace.exporters.zipkin_exporter": "or opencensus.ext.NAME.trace_exporter since OpenCensus 0.2",
    "opencensus.ext.flaks": "census-compat has azure, dbapi, django, fastapi, flask, gevent, ",
}.items():
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert str(error).startswith(f"No module named {error.name!r}: ") and hint in str(error) and name.startswith(error.name), error
    else:
        raise AssertionError(name)
    assert importlib.util.find_spec(".".join(name.split(".")[:2])) is None or importlib.util.find_spec(".".join(name.split(".")[:3])) is None
""",
    "uninstall and install again": """
import sys
import opencensus.trace.link as first
import opencensus_compat
opencensus_compat.uninstall()
opencensus_compat.uninstall()
assert not [name for name in sys.modules if name == "opencensus" or name.startswith("opencensus.")]
assert sys.modules["opencensus_compat.trace.link"] is first
try:
    import opencensus.trace.link
except ModuleNotFoundError as error:
    assert error.name == "opencensus"
opencensus_compat.install()
opencensus_compat.install()
import opencensus.trace.link as again
assert again is first and sum("opencensus" in type(finder).__module__ for finder in sys.meta_path) == 1
""",
    "an error in a module is the program's to see, and can be retried": """
import pathlib, sys, tempfile
import opencensus_compat.ext
with tempfile.TemporaryDirectory() as folder:
    opencensus_compat.ext.__path__.append(folder)
    source = pathlib.Path(folder, "broken.py")
    source.write_text("1 / 0")
    for _ in range(2):
        try:
            import opencensus.ext.broken
        except ZeroDivisionError:
            assert "opencensus.ext.broken" not in sys.modules and "opencensus_compat.ext.broken" not in sys.modules
    source.write_text("answer = 42")
    import opencensus.ext.broken
    assert opencensus.ext.broken.answer == 42
""",
}


@pytest.mark.parametrize("code", FACTS.values(), ids=FACTS.keys())
def test_fact(installed, code, tmp_path, monkeypatch):
    """Each fact, named by its row, holds in a fresh process."""
    monkeypatch.chdir(tmp_path)
    assert not installed.execute(code)


def test_integrations_on_disk(installed, tmp_path):
    """Integrations lie in several folders of the path; each loads once, under its legacy name, and leaves with ``uninstall``."""
    first, second = tmp_path / "first" / "opencensus" / "ext", tmp_path / "second" / "opencensus" / "ext"
    sources = {
        first / "pkgone" / "__init__.py": "",
        first / "pkgone" / "inner.py": "from opencensus.trace import link\nfrom . import __name__ as parent",
        first.parent / "proto" / "agent" / "v1_pb2.py": "from opencensus.proto import agent",
        first.parent / "extension" / "__init__.py": "",
        first.parent / "extension" / "azure" / "functions.py": "from opencensus.trace.tracer import Tracer",
        second / "two.py": "import opencensus.ext.pkgone.inner",
        second / "azure" / "extra.py": "",
    }
    for path, source in sources.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    code = """
import sys
from opencensus.ext import two
from opencensus.ext.pkgone import inner
import opencensus_compat.ext.pkgone.inner as under_our_name
import opencensus_compat.trace.link as link
assert inner is under_our_name and inner.__name__ == "opencensus.ext.pkgone.inner" and inner.parent == "opencensus.ext.pkgone"
assert inner.link is link
from opencensus.proto.agent import v1_pb2
assert v1_pb2.__name__ == "opencensus.proto.agent.v1_pb2"
from opencensus.extension.azure import functions
from opencensus.trace.tracer import Tracer
assert functions.__name__ == "opencensus.extension.azure.functions"
assert functions.Tracer is Tracer
try:
    import opencensus.ext.azure.extra
except ModuleNotFoundError as error:
    assert "do not mix" in str(error), error
else:
    raise AssertionError
import opencensus_compat
opencensus_compat.uninstall()
assert not [name for name in sys.modules if "pkgone" in name or name.endswith(".two")]
assert not hasattr(opencensus_compat.ext, "two") and not hasattr(opencensus_compat.ext, "pkgone")
opencensus_compat.install()
from opencensus.ext import two as again
assert again is not two
"""
    path = f"{tmp_path / 'first'}:{tmp_path / 'second'}"
    assert not installed.execute(code, variables={"PYTHONPATH": path})


OF_A_DISTRIBUTION = """
import importlib, importlib.util, logging, sys
records = []
handler = logging.Handler()
handler.emit = records.append
logging.getLogger("opencensus_compat").addHandler(handler)
logging.getLogger("opencensus_compat").propagate = False
for name in {names}:
    print(importlib.import_module("opencensus.ext." + name).__name__)
import opencensus.ext.threading
from opencensus.ext import threading as first
from opencensus_compat.ext import threading as second
assert first is second
print([record.getMessage() for record in records])
"""


def test_the_files_of_a_distribution_win(installed, tmp_path):
    """An integration that we have as well is that of the distribution, under both names; the built-in ones and left-over folders are ours."""
    folder = tmp_path / "opencensus" / "ext"
    for name in ("dbapi/__init__.py", "dbapi/trace.py", "threading/__init__.py", "logging/__pycache__/left.txt", "company/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    names = ["dbapi", "dbapi.trace", "threading", "logging", "company"]
    told = installed.execute(OF_A_DISTRIBUTION.format(names=names), variables={"PYTHONPATH": str(tmp_path)}).splitlines()
    ours = [f"opencensus_compat.ext.{name}" for name in ("threading", "logging")]
    assert told == ["opencensus.ext.dbapi", "opencensus.ext.dbapi.trace", *ours, "opencensus.ext.company", "[]"]


LACKING = """
import logging
records = []
handler = logging.Handler()
handler.emit = records.append
logging.getLogger("opencensus_compat").addHandler(handler)
logging.getLogger("opencensus_compat").propagate = False
import opencensus.ext.httpx
from opencensus.ext import httpx
import opencensus_compat.ext.httpx
assert opencensus_compat.ext.httpx is httpx is opencensus.ext.httpx
print(httpx.__name__, *(record.getMessage() for record in records), sep="\\n")
"""


def test_a_distribution_that_lacks_what_it_imports(installed, tmp_path):
    """Ours answers in its place under both names, and one line of the log says what is missing; with it, that of the distribution does."""
    folder = tmp_path / "opencensus" / "ext" / "httpx"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("import wrapt")
    variables = {"PYTHONPATH": str(tmp_path)}
    assert installed.execute(LACKING, variables=variables, lend=False).splitlines() == [
        "opencensus_compat.ext.httpx",
        (
            "census-compat's own opencensus.ext.httpx is in use: the installed opencensus-ext-httpx needs wrapt, which is not there. "
            "To end this message: pip uninstall opencensus-ext-httpx"
        ),
    ]
    (tmp_path / "wrapt.py").write_text("")
    assert installed.execute(LACKING, variables=variables, lend=False).splitlines() == ["opencensus.ext.httpx"]


def test_integrations_are_listed(installed, tmp_path, built_in):
    """``pkgutil`` lists the integrations on the path beside ours, each once, and importing what it lists gives the legacy module."""
    for name in ("first/opencensus/ext/vendor/__init__.py", "second/opencensus/ext/azure/__init__.py", "second/opencensus/ext/other.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    code = f"""
import importlib, pkgutil
import opencensus.ext
listed = [found.name for found in pkgutil.iter_modules(opencensus.ext.__path__, "opencensus.ext.") if not found.name.rpartition(".")[2].startswith("_")]
assert sorted(listed) == sorted("opencensus.ext." + name for name in ("azure", "other", "vendor", *{built_in})), listed
names = [importlib.import_module(name).__name__ for name in listed]
assert sorted(name.partition(".")[0] for name in names) == ["opencensus"] * 2 + ["opencensus_compat"] * {1 + len(built_in)}, names
import opencensus_compat.ext.vendor, opencensus.ext.vendor
assert opencensus_compat.ext.vendor is opencensus.ext.vendor
"""
    assert not installed.execute(code, variables={"PYTHONPATH": f"{tmp_path / 'first'}:{tmp_path / 'second'}"})


def test_modules_of_other_distributions_that_are_no_integrations(installed, tmp_path):
    """A folder without the real SDK may bring modules below any package of OpenCensus, namespace packages and data files among them."""
    sources = {
        "common/correlation/__init__.py": "from opencensus.common import utils\nfrom .inner import answer",
        "common/correlation/inner.py": "answer = 42",
        "common/correlation/words.txt": "hello",
        "trace/exporters/foo.py": "from opencensus.trace import base_exporter",
        "company.py": "import opencensus.common.correlation",
    }
    for name, source in sources.items():
        path = tmp_path / "opencensus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    code = """
import importlib, importlib.resources, pkgutil, sys
from opencensus.common import correlation
from opencensus.trace.exporters import foo
from opencensus import company
import opencensus.trace.exporters, opencensus.common.utils, opencensus_compat.common.utils, opencensus_compat.trace.base_exporter
assert correlation.answer == 42 and correlation.__name__ == "opencensus.common.correlation"
assert correlation.utils is opencensus_compat.common.utils
assert foo.base_exporter is opencensus_compat.trace.base_exporter and foo.__name__ == "opencensus.trace.exporters.foo"
assert importlib.import_module("opencensus.company") is company
assert importlib.resources.files(correlation).joinpath("words.txt").read_text() == "hello"
assert importlib.resources.files("opencensus.common.correlation").joinpath("words.txt").is_file()
assert pkgutil.get_data("opencensus.common.correlation", "words.txt") == b"hello"
assert [found.name for found in pkgutil.iter_modules(opencensus.trace.exporters.__path__)] == ["foo"]
importlib.invalidate_caches()
assert list(opencensus.trace.exporters.__path__)
import opencensus_compat
opencensus_compat.uninstall()
assert not [name for name in sys.modules if "correlation" in name or "exporters" in name]
"""
    assert not installed.execute(code, variables={"PYTHONPATH": str(tmp_path)})


ODD_PATHS = """
import os, pathlib, sys, tempfile, zipfile
with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as gone:
    here = pathlib.Path(folder)
    (here / "file").write_text("no archive")
    (here / "closed").mkdir(mode=0)
    for name, inside in (("flat.zip", ""), ("deep.zip", "lib/")):
        with zipfile.ZipFile(here / name, "w") as archive:
            archive.writestr(f"{inside}opencensus/ext/in_{name[:4]}.py", "")
    sys.path[:0] = [
        "", None, b"bytes", here, 5, str(here / "file"), str(here / "closed"), str(here / "missing"),
        str(here / "flat.zip"), str(here / "deep.zip" / "lib"), str(here / "missing.zip" / "lib"),
    ]
    os.chdir(gone)
    os.rmdir(gone)
    import opencensus.ext.in_flat, opencensus.ext.in_deep
    import opencensus.common.utils
    for name in ("opencensus.ext.nothing", "opencensus.common.nothing", "opencensus.nothing", "opencensus._alias"):
        try:
            __import__(name)
        except ModuleNotFoundError as error:
            assert error.name == name, error
        else:
            raise AssertionError(name)
    os.chdir("/")
    os.mkdir(gone)
"""


def test_odd_entries_of_the_path(installed):
    """A working directory that is gone, and entries that are no folders, are passed by as Python passes them; archives are searched."""
    assert not installed.execute(ODD_PATHS)


def test_an_integration_installed_while_the_program_runs(installed, tmp_path):
    """A notebook that installs an integration after a failed import can import it at once."""
    code = """
import pathlib, sys
try:
    import opencensus.ext.later
except ModuleNotFoundError:
    folder = pathlib.Path(sys.path[1], "opencensus", "ext")
    folder.mkdir(parents=True)
    folder.joinpath("later.py").write_text("")
import opencensus.ext.later
"""
    assert not installed.execute(code, variables={"PYTHONPATH": str(tmp_path)})


def test_threads_see_whole_modules(installed, tmp_path):
    """Threads that import one slow module at the same time, by either name, wait for it and get the same, whole module."""
    for number in range(4):
        (tmp_path / f"slow{number}.py").write_text("import time\nfirst = 1\ntime.sleep(0.05)\nlast = 2\n")
    code = f"""
import importlib, sys, threading
if sys.version_info >= (3, 13):
    # Its import system gives half modules, or crashes, when threads import modules of one cycle together; with or without us.
    import opencensus_compat.trace
import opencensus_compat.ext
opencensus_compat.ext.__path__.append({str(tmp_path)!r})
names = [f"{{root}}.ext.slow{{number}}" for root in ("opencensus", "opencensus_compat") for number in range(4)]
names += ["opencensus.trace.link", "opencensus.trace.span_context", "opencensus.common.utils", "opencensus_compat.trace.link"]
together = threading.Barrier(2 * len(names))
seen = []
def load(name):
    together.wait()
    module = importlib.import_module(name)
    seen.append((module.__name__, getattr(module, "last", 2), id(module)))
threads = [threading.Thread(target=load, args=(name,)) for name in names * 2]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(seen) == 2 * len(names), seen
assert {{last for _, last, _ in seen}} == {{2}}
assert len(set(seen)) == 4 + 3
"""
    assert not installed.execute(code)


def test_the_finder_imports_nothing_while_it_looks(installed):
    """It runs under the import system's global lock: waiting there for a module that another thread loads would stop both for ever."""
    code = """
import sys
from opencensus_compat import _alias
before = set(sys.modules)
assert _alias._finder.find_spec("opencensus") is not None
assert set(sys.modules) - before == {"opencensus_compat._lookup", "opencensus_compat._integrations"}
import opencensus
before = set(sys.modules)
for name, found in (("trace", True), ("common", True), ("ext", True), ("nothing", False)):
    assert (_alias._finder.find_spec(f"opencensus.{name}", opencensus.__path__) is not None) is found, name
assert set(sys.modules) == before
"""
    assert not installed.execute(code)


def test_what_is_private_is_loaded_once(installed):
    """A program that takes every name of OpenCensus out of `sys.modules` and imports anew has new modules, on the queues and providers of before."""
    code = """
import importlib, sys
def forget():
    for name in [name for name in sys.modules if name.startswith("opencensus")]:
        del sys.modules[name]
def load():
    from opencensus.trace import link
    from opencensus_compat._bridge import context
    from opencensus_compat._bridge.providers import spans
    import opencensus_compat._alias
    return link, context, spans, opencensus_compat._alias
forget()
before = load()
for _ in range(2):
    forget()
    after = load()
    assert [one is other for one, other in zip(before, after)] == [False, True, True, True]
context = after[1]
assert sys.modules["opencensus_compat._bridge"].context is context and context.__spec__.loader.name == context.__name__
assert importlib.reload(context) is context
importlib.reload(sys.modules["opencensus_compat"])
"""
    assert not installed.execute(code)
