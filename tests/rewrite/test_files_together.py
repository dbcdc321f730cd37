"""Names that cross files: what changes together, what changes alone, and what waits."""

from __future__ import annotations

import ast
import itertools
import os
from textwrap import dedent

import pytest

from opencensus_compat.rewrite import files
from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_TELEMETRY = """\
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer

    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    """
_ORDERS = """\
    import logging

    from app.telemetry import tracer


    def order():
        with tracer.span(name="order") as span:
            span.add_attribute("a", logging.INFO)
    """
_BILLING = """\
    from app import telemetry


    def bill():
        with telemetry.tracer.span(name="bill"):
            pass
    """
_FUNCTION = """\
from opencensus.trace.tracer import Tracer


def bill(tracer: Tracer):
    with tracer.span('bill'):
        pass
"""
_FILES = {"telemetry.py": _TELEMETRY, "orders.py": _ORDERS, "billing.py": _BILLING, "__init__.py": ""}


@pytest.fixture
def app(tmp_path, monkeypatch):
    """A package of three modules, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    for name, text in _FILES.items():
        (tmp_path / "app" / name).write_text(dedent(text), encoding="utf-8")
    return tmp_path / "app"


def _write(result):
    for path, data in result.after.items():
        with open(path, "wb") as file:
            file.write(data)


def test_files_that_share_a_tracer_change_together(app):
    """In one run the import stays: both sides change."""
    result = rewrite(["app"], Options(shape=True))
    _write(result)
    assert "from app.telemetry import tracer\n" in (app / "orders.py").read_text(encoding="utf-8")
    assert 'telemetry.tracer.start_as_current_span("bill")' in (app / "billing.py").read_text(encoding="utf-8")
    assert [result.left, rewrite(["app"], Options(shape=True)).after] == [[], {}]


def test_a_file_that_uses_a_tracer_changes_alone(app):
    """It gets a tracer of its own, and still imports the module that sets up what is sent."""
    (app / "billing.py").unlink()
    result = rewrite(["app/orders.py"])
    assert result.after["app/orders.py"].decode() == dedent("""\
        import logging

        from opentelemetry import trace

        import app.telemetry  # noqa: F401 -- sets up what is sent

        tracer = trace.get_tracer(__name__)


        def order():
            with tracer.start_as_current_span("order") as span:
                span.set_attribute("a", logging.INFO)
        """)


def test_a_file_that_hands_a_tracer_on_waits(app):
    """Where others use its tracer, it does not change; the report names one of them, and says what to do."""
    result = rewrite(["app/telemetry.py"])
    assert result.after == {}
    others = ("app/billing.py:5", "app/orders.py:7")
    assert {each.text for each in result.left} <= {f"waits for {each}: name that file, too" for each in others}
    assert {each.path for each in result.left} == {"app/telemetry.py"}


@pytest.mark.parametrize("order", list(itertools.permutations(["telemetry.py", "orders.py", "billing.py"])))
def test_files_change_one_by_one_in_any_order(app, order):
    """Each state can be parsed, and after two rounds nothing of OpenCensus is left that can go alone."""
    for name in order * 2:
        _write(rewrite([f"app/{name}"]))
        for path in app.iterdir():
            ast.parse(path.read_bytes())
    left = [name for name in _FILES if "opencensus" in (app / name).read_text(encoding="utf-8")]
    # What reads the tracer of another module by the module's name changes with that module.
    assert left == ["telemetry.py"]
    _write(rewrite(["app"]))
    assert [name for name in _FILES if "opencensus" in (app / name).read_text(encoding="utf-8")] == []


def test_a_tracer_that_cannot_change_leaves_the_others_free(app):
    """Where one file keeps the tracer for something unknown, another gets its own."""
    with (app / "billing.py").open("a", encoding="utf-8") as file:
        file.write("\n\nunknown(telemetry.tracer)\n")
    result = rewrite(["app"])
    assert set(result.after) == {"app/orders.py"}
    assert "tracer = trace.get_tracer(__name__)" in result.after["app/orders.py"].decode()
    assert "from app.telemetry" not in result.after["app/orders.py"].decode()


_SETS_UP = "  # noqa: F401 -- sets up what is sent\n\n"


@pytest.mark.parametrize(
    ("importing", "more", "kept"),
    [
        ("from app import tracer\n", {"__init__.py": "from .telemetry import tracer\n\n__all__ = ['tracer']\n"}, f"import app{_SETS_UP}"),
        ("from app.telemetry import tracer\n", {"__init__.py": "from .telemetry import tracer\n"}, f"import app.telemetry{_SETS_UP}"),
        ("from app.telemetry import tracer\n", {"more.py": "from app.telemetry import other\n"}, f"import app.telemetry{_SETS_UP}"),
        ("from app.get import tracer\n", {"get.py": "from app.telemetry import tracer\n"}, f"import app.get{_SETS_UP}"),
        (
            "from app.get import tracer\n",
            {
                "get.py": "from . import boot\nfrom opencensus.trace import execution_context\n\n"
                "tracer = execution_context.get_opencensus_tracer()\n",
                "boot.py": "from app import telemetry\n",
            },
            f"import app.get{_SETS_UP}",
        ),
        ("from app.telemetry import tracer\nfrom app.telemetry import other\n", {}, "from app.telemetry import other\n\n"),
        ("from app.telemetry import tracer\n\napp = 1\n", {}, f"import app.telemetry as telemetry{_SETS_UP}"),
    ],
)
def test_a_file_that_changes_alone_imports_what_sets_up(app, importing, more, kept):
    """Also through the face of a package and through other modules; no name of the file is taken for that."""
    for name, text in more.items():
        (app / name).write_text(text, encoding="utf-8")
    (app / "alone.py").write_text(f"{importing}\nwith tracer.span('a'):\n    pass\n", encoding="utf-8")
    text = rewrite(["app/alone.py"]).after["app/alone.py"].decode()
    head, _, rest = text.partition("tracer = trace.get_tracer(__name__)\n")
    assert kept.strip() in head
    assert "tracer.start_as_current_span('a')" in rest


def test_a_module_gets_nothing_from_the_face_of_its_package(app):
    """That is imported by then; so the import of its tracer just goes."""
    (app / "__init__.py").write_text("from .telemetry import tracer\n", encoding="utf-8")
    (app / "alone.py").write_text("from . import tracer\n\nwith tracer.span('a'):\n    pass\n", encoding="utf-8")
    text = rewrite(["app/alone.py"]).after["app/alone.py"].decode()
    assert (
        text
        == "from opentelemetry import trace\n\n\ntracer = trace.get_tracer(__name__)\n\nwith tracer.start_as_current_span('a'):\n    pass\n"
    )


def test_a_function_that_others_call_changes_with_them(app):
    """A function with a tracer as its parameter changes where all calls of it do."""
    (app / "billing.py").write_text(_FUNCTION, encoding="utf-8")
    (app / "orders.py").write_text("from app.billing import bill\nfrom app.telemetry import tracer\n\nbill(tracer)\n", encoding="utf-8")
    assert rewrite(["app/billing.py"]).after == {}
    _write(rewrite(["app"]))
    assert "def bill(tracer: trace.Tracer):\n    with tracer.start_as_current_span('bill')" in (app / "billing.py").read_text(
        encoding="utf-8"
    )


def test_names_that_others_import_stay(app):
    """An import that hands a name of OpenCensus on stays as long as another file uses it."""
    (app / "names.py").write_text("from opencensus.trace.tracer import Tracer\n", encoding="utf-8")
    (app / "orders.py").write_text("from app.names import Tracer\n\nprint(Tracer)\n", encoding="utf-8")
    assert rewrite(["app"]).after.keys() & {"app/names.py", "app/orders.py"} == set()


@pytest.mark.parametrize("name", ["above.py", "zebra.py"])
def test_what_a_file_gets_is_read_anew_in_each_round(app, name):
    """A file with OpenCensus of its own, read before or after the one whose tracer it imports, is rewritten once."""
    (app / name).write_text(
        dedent(
            """\
            from app.telemetry import tracer
            from opencensus.trace.span import SpanKind

            with tracer.span(name="save") as span:
                span.span_kind = SpanKind.CLIENT
            """
        ),
        encoding="utf-8",
    )
    _write(rewrite(["app"], Options(shape=True)))
    text = (app / name).read_text(encoding="utf-8")
    assert text.endswith('with tracer.start_as_current_span("save", kind=trace.SpanKind.CLIENT) as span:\n    pass\n')


_HEAD = """
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.tracer import Tracer
"""


def _written(folder, **files):
    """Write modules that begin with imports of OpenCensus, and return what becomes of each."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(f"{_HEAD}{dedent(text)}", encoding="utf-8")
    after = rewrite([str(folder)], Options(shape=True)).after
    paths = {name: folder / f"{name}.py" for name in files}
    return {name: after.get(str(path), path.read_bytes()).decode() for name, path in paths.items()}


@pytest.mark.parametrize("other", ["Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())", "Tracer(sampler=AlwaysOffSampler())"])
def test_a_tracer_without_an_exporter_beside_others_is_asked_about(tmp_path, other):
    """Its spans went nowhere; the provider of another tracer would send them, or sample them in another way."""
    text = _written(tmp_path, one=f"tracer = {other}\n", two="import one\n\ntracer = Tracer(sampler=AlwaysOnSampler())\n")["two"]
    assert "# census-compat: T001" in text
    assert "tracer = Tracer(sampler=AlwaysOnSampler())" in text


def test_programs_in_one_folder_do_not_stand_in_each_others_way(tmp_path):
    """Modules that import nothing of each other never run together."""
    texts = _written(
        tmp_path,
        one="tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())\n",
        two="tracer = Tracer(sampler=AlwaysOffSampler())\n",
    )
    assert "opencensus" not in texts["one"] + texts["two"]


@pytest.mark.parametrize(
    "joint", ["import one, two\n", "import one\nfrom . import two\n", "APPS = ['{0}.one', '{0}.two.Two']\n", "__import__(input())\n"]
)
def test_modules_that_a_third_one_brings_together_are_one_program(tmp_path, joint):
    """They may meet in one process, also where the third does not name OpenCensus."""
    (tmp_path / "main.py").write_text(joint.format(tmp_path.name), encoding="utf-8")
    texts = _written(
        tmp_path,
        one="tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())\n",
        two="tracer = Tracer(sampler=AlwaysOnSampler())\n",
    )
    assert "# census-compat: T001" in texts["two"]


def test_the_module_that_is_imported_first_sets_the_provider(tmp_path):
    """Of several tracers without an exporter and with the same sampler, the first sets it for all."""
    texts = _written(
        tmp_path,
        first="tracer = Tracer(sampler=AlwaysOnSampler())\n\n\ndef work():\n    return Tracer(sampler=AlwaysOnSampler())\n",
        main="from first import work\n\ntracer = Tracer(sampler=AlwaysOnSampler())\nwork()\n",
    )
    assert texts["first"].count("set_tracer_provider") == 1
    assert "trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_ON))\ntracer = trace.get_tracer(__name__)" in texts["first"]
    assert "set_tracer_provider" not in texts["main"]
    assert "ALWAYS_ON" not in texts["main"]


@pytest.mark.parametrize(
    ("importing", "name", "left"),
    [
        ("from made import exporter", "exporter", "import made  # noqa: F401 -- sets up what is sent"),
        ("from made import exporter, other", "exporter", "from made import other"),
        ("import made", "made.exporter", "import made"),
        ("from made import get_exporter", "get_exporter()", "from made import get_exporter"),
    ],
)
def test_an_exporter_of_another_module_is_configured_there(tmp_path, importing, name, left):
    """Where it was made stands `configure`, with the sampler of the tracers; and the module is imported all the same."""
    what = "def get_exporter():\n    return AzureExporter()\n" if "get_" in name else "exporter = AzureExporter()\nother = 1\n"
    texts = _written(tmp_path, made=what, main=f"{importing}\n\ntracer = Tracer(exporter={name}, sampler=AlwaysOnSampler())\n")
    assert 'configure(signals=["traces"], sampler=ALWAYS_ON)' in texts["made"]
    assert left in texts["main"].splitlines()
    assert "tracer = trace.get_tracer(__name__)" in texts["main"]
    assert "configure" not in texts["main"]
    assert "opencensus" not in texts["main"] + texts["made"]


@pytest.mark.parametrize(
    "main",
    [
        "Tracer(exporter=exporter, sampler=AlwaysOnSampler())\nprint(exporter)\n",
        "Tracer(exporter=exporter, sampler=choose())\n",
    ],
)
def test_an_exporter_that_is_needed_besides_is_asked_about(tmp_path, main):
    """Something else reads it, or its tracers sample in a way that is not known."""
    texts = _written(tmp_path, made="exporter = AzureExporter()\n", main=f"from made import exporter\n\n{main}")
    assert "# census-compat: A001" in texts["made"]
    assert "exporter = AzureExporter()" in texts["made"]


def test_tracers_that_no_module_makes_first_are_asked_about(tmp_path):
    """Of two modules that a third one imports, either may come first."""
    (tmp_path / "main.py").write_text("import one\nimport two\n", encoding="utf-8")
    tracer = "tracer = Tracer(sampler=AlwaysOnSampler())\n"
    texts = _written(tmp_path, one=tracer, two=tracer)
    assert all("# census-compat: T001 Which module sets the tracer provider" in text for text in texts.values())


def test_a_tracer_that_another_thread_makes_is_asked_about(tmp_path):
    """The span of the tracer whose context it gets is not the current one there."""
    text = _written(
        tmp_path,
        one="""
        import threading

        tracer = Tracer(sampler=AlwaysOnSampler())


        def work(caller):
            Tracer(span_context=caller.span_context, sampler=AlwaysOnSampler()).start_span()


        threading.Thread(target=work, args=[tracer]).start()
        work(tracer)
        """,
    )["one"]
    assert "# census-compat: T003 In which thread is this tracer made?" in text


def test_one_file_beside_strangers_is_read_alone(tmp_path):
    """Where there is no repository, folders beside the file are not searched: its folder may be that for temporary files."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "user.py").write_text("from app import tracer\n\nwith tracer.span(name='a'):\n    pass\n", encoding="utf-8")
    app = tmp_path / "app.py"
    app.write_text(dedent(_TELEMETRY), encoding="utf-8")
    assert files.around(str(app)) == (str(app),)


_HELPERS = {
    "a tracer": (
        "bill(tracer)",
        "def bill(tracer):\n    with tracer.span('bill'):\n        pass\n",
        "tracer.start_as_current_span('bill')",
    ),
    "a span": (
        "with tracer.span(name='x') as span:\n    bill(span)",
        "def bill(span, n=1):\n    span.add_attribute('n', n)\n",
        "span.set_attribute('n', n)",
    ),
    "an object of a class": (
        "bill(tracer=tracer).run()",
        (
            "class bill:\n    def __init__(self, tracer):\n        self._tracer = tracer\n\n    def run(self):\n"
            "        with self._tracer.span('bill'):\n            pass\n"
        ),
        "self._tracer.start_as_current_span('bill')",
    ),
    **{
        name: (
            f"{head}\n\n{call}",
            "def bill(n, tracer):\n    with tracer.span('bill'):\n        pass\n",
            "tracer.start_as_current_span('bill')",
        )
        for name, head, call in (
            ("a thread", "import threading", "threading.Thread(target=bill, args=(1, tracer)).start()"),
            ("a pool", "from concurrent.futures import ThreadPoolExecutor", "ThreadPoolExecutor().submit(bill, 1, tracer)"),
            ("a part", "import functools", "functools.partial(bill, 1, tracer=tracer)()"),
            ("a loop", "import asyncio", "asyncio.new_event_loop().run_in_executor(None, bill, 1, tracer)"),
        )
    },
    "a function that is not known": (
        "import functools\n\nfunctools.partial(bill.run, tracer)()",
        "bill = object()\n\n\ndef other(tracer):\n    with tracer.span('bill'):\n        pass\n",
        "",
    ),
}


@pytest.mark.parametrize("kind", _HELPERS)
def test_a_helper_that_does_not_name_opencensus(app, kind):
    """A file that gets tracers or spans as arguments changes with those that hand them over, or all of them wait."""
    call, helper, after = _HELPERS[kind]
    (app / "helper.py").write_text(helper, encoding="utf-8")
    (app / "orders.py").write_text(f"from app.helper import bill\nfrom app.telemetry import tracer\n\n{call}\n", encoding="utf-8")
    result = rewrite(["app"])
    if not after:
        assert {"app/helper.py", "app/orders.py", "app/telemetry.py"} & result.after.keys() == set()
        assert any("run()" in each.text for each in result.left)
        return
    assert after in result.after["app/helper.py"].decode()
    assert rewrite(["app/orders.py"]).after == {}
    _write(result)
    assert rewrite(["app"]).after == {}


def test_a_helper_that_others_call_with_something_else(app):
    """A function that gets an object of unknown kind elsewhere waits, with its tracers."""
    (app / "helper.py").write_text("def bill(tracer):\n    with tracer.span('bill'):\n        pass\n", encoding="utf-8")
    (app / "orders.py").write_text("from app.helper import bill\nfrom app.telemetry import tracer\n\nbill(tracer)\n", encoding="utf-8")
    (app / "fakes.py").write_text("from app.helper import bill\nfrom fakes import Fake\n\nbill(Fake())\n", encoding="utf-8")
    result = rewrite(["app"])
    assert {"app/helper.py", "app/telemetry.py"} & result.after.keys() == set()
    assert f"{os.path.join('app', 'fakes.py')}:4: what `tracer` gets here is not known" in {each.text for each in result.left}


@pytest.mark.parametrize(
    "helper", ["with context.tracer.span('bill'):\n        pass", "tracer = context.tracer\n    tracer.span('bill').finish()"]
)
def test_a_tracer_in_an_object(app, helper):
    """A file that uses an attribute of some object, and gets nothing of OpenCensus by its imports, keeps the tracer in it."""
    (app / "helper.py").write_text(f"def bill(context):\n    {helper}\n", encoding="utf-8")
    (app / "telemetry.py").write_text(
        dedent(_TELEMETRY).replace("tracer = Tracer", "class Context:\n    def __init__(self):\n        self.tracer = Tracer"),
        encoding="utf-8",
    )
    (app / "orders.py").write_text("from app import helper, telemetry\n\nhelper.bill(telemetry.Context())\n", encoding="utf-8")
    result = rewrite(["app"])
    assert "app/telemetry.py" not in result.after
    assert any(each.text.startswith(os.path.join("app", "helper.py")) and "`.span` of an OpenCensus" in each.text for each in result.left)


_LATE = "def init():\n    from opencensus.ext.azure.log_exporter import AzureLogHandler\n    return AzureLogHandler()\n"
_EARLY = "from opencensus.ext.azure.log_exporter import AzureLogHandler\n\ndef init():\n    return AzureLogHandler()\n"


@pytest.mark.parametrize(
    ("handlers", "test", "is_rewritten"),
    [
        pytest.param(_LATE, "import opencensus.ext.azure.log_exporter as module\nmodule.AzureLogHandler = object\n", False, id="set"),
        pytest.param(
            _LATE, "from opencensus.ext.azure import log_exporter\npatch.object(log_exporter, 'AzureLogHandler')\n", False, id="object"
        ),
        pytest.param(_LATE, "m.setattr('opencensus.ext.azure.log_exporter.AzureLogHandler', F)\n", False, id="text"),
        pytest.param(_EARLY, "patch('opencensus.ext.azure.log_exporter.AzureLogHandler.emit')\n", False, id="a method"),
        pytest.param(_EARLY, "patch('opencensus.ext.azure.log_exporter.AzureLogHandler')\n", True, id="imported before"),
    ],
)
def test_a_name_of_opencensus_that_a_test_replaces(tmp_path, handlers, test, is_rewritten):
    """What looks the name up in OpenCensus's module only then waits: nobody would replace its counterpart."""
    (tmp_path / "handlers.py").write_text(handlers, encoding="utf-8")
    (tmp_path / "test_handlers.py").write_text(f"import handlers\n{test}handlers.init()\n", encoding="utf-8")
    after = rewrite([str(tmp_path)], Options(shape=True, markers=False)).after
    assert [os.path.basename(path) for path in after] == (["handlers.py"] if is_rewritten else [])


def test_a_parameter_that_a_decorator_fills():
    """A call that leaves it out says nothing of what it gets."""
    text = (
        "from opencensus.trace.tracer import Tracer\n\ndef traced(f):\n    def inner(**kwargs):\n        kwargs['tracer'] = Tracer(exporter=E)\n"
        "        return f(**kwargs)\n    return inner\n\n@traced\ndef main(tracer: Tracer):\n    with tracer.span('a'):\n        pass\n\nmain()\n"
    )
    assert rewrite_text(text.encode(), options=Options(shape=True, markers=False)).after == {}


@pytest.mark.parametrize("package", ["from shop.tracing import *\n", "from .tracing import *\n", "from shop.names import *\n"])
def test_names_that_a_package_hands_on_as_a_whole(tmp_path, package):
    """What another file does with an object that it gets by `import *` of a package changes with the object, also through several files."""
    (tmp_path / "shop").mkdir()
    texts = {
        "shop/__init__.py": package,
        "shop/names.py": "from shop.tracing import *\n",
        "shop/tracing.py": "from contextlib import contextmanager\nfrom opencensus.trace import execution_context\n\n\n@contextmanager\n"
        "def block(name):\n    with execution_context.get_opencensus_tracer().span(name) as span:\n        yield span\n",
        "app.py": "import shop\nfrom shop import block\n\nwith block('a') as span:\n    span.add_attribute('b', 1)\n"
        "with shop.block('a') as other:\n    other.add_attribute('b', 1)\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    after = rewrite([str(tmp_path)], Options(shape=True, markers=False)).after
    assert b"opencensus" not in after[str(tmp_path / "shop/tracing.py")]
    assert after[str(tmp_path / "app.py")].count(b".set_attribute(") == 2


def test_ids_of_a_span_that_stays(app):
    """`span.context_tracer.trace_id` is an id of that span's own class, and changes only where the span does."""
    billing = app / "billing.py"
    text = "from app import telemetry\n\nwith telemetry.tracer.span(name='bill') as span:\n    print(span.context_tracer.trace_id)\n"
    billing.write_text(text, encoding="utf-8")
    assert not rewrite([str(billing)]).after
    together = rewrite([str(app)]).after[str(billing)].decode()
    assert "trace.format_trace_id(span.get_span_context().trace_id)" in together


@pytest.mark.parametrize(("named", "is_left"), [("tracer.return_value.span", True), ("tracer.return_value", False)])
def test_a_function_that_a_test_replaces(app, named, is_left):
    """What a function gives changes only where no test replaces the function and names a method of OpenCensus."""
    function = dedent(_TELEMETRY).replace("tracer = ", "_tracer = ") + "\n\ndef tracer():\n    return _tracer\n"
    (app / "telemetry.py").write_text(function, encoding="utf-8")
    orders = "from app.telemetry import tracer\n\n\ndef order():\n    with tracer().span(name='order'):\n        pass\n"
    (app / "orders.py").write_text(orders, encoding="utf-8")
    (app / "billing.py").unlink()
    test = f"from unittest import mock\n\nfrom app import orders\n\nwith mock.patch('app.orders.tracer') as tracer:\n    orders.order()\n    print({named}.called)\n"
    (app / "test_orders.py").write_text(test, encoding="utf-8")
    result = rewrite([str(app)])
    assert any("a test replaces `tracer`, and names `span` of OpenCensus" in each.text for each in result.left) is is_left
    assert bool(result.after) is not is_left
