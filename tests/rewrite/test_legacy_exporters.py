"""Programs whose spans go to another exporter than AzureExporter: it stays, behind a provider of OpenTelemetry's."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_HEAD = """\
from opencensus.ext.jaeger.trace_exporter import JaegerExporter
from opencensus.ext.zipkin.trace_exporter import ZipkinExporter
from opencensus.trace.link import Link
from opencensus.trace.print_exporter import PrintExporter
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer

"""


def rewritten(text, *, shape=False):
    """Return what becomes of a program, and what is left of it as rule -> reason."""
    found = rewrite_text(text.encode(), options=Options(shape=shape, markers=False))
    new = next(iter(found.after.values()), text.encode())
    assert rewrite_text(new, options=Options(shape=shape, markers=False)).after == {}
    compile(new, "app.py", "exec")
    return new.decode(), {each.rule: each.text for each in found.left if each.why != "with"}


def body(text, **options):
    """Return what becomes of a program, without its imports, and what is left of it."""
    new, left = rewritten(_HEAD + text, **options)
    return new.rpartition("\n\n")[2] if new.count("\n\n") == 1 else new.partition("\n\n")[2], left


def test_in_place():
    """An exporter that is made where its tracer is, is made where it gets spans."""
    new, left = body(
        'tracer = Tracer(exporter=ZipkinExporter(port=9411), sampler=AlwaysOnSampler())\nwith tracer.span(name="a"):\n    pass\n'
    )
    assert new == (
        "provider = TracerProvider(sampler=ALWAYS_ON)\n"
        "provider.add_span_processor(LegacyExporterProcessor(ZipkinExporter(port=9411)))\n"
        "trace.set_tracer_provider(provider)\n"
        "tracer = trace.get_tracer(__name__)\n"
        'with tracer.start_as_current_span("a"):\n    pass\n'
    )
    assert list(left) == ["V002"]


def test_a_tracer_that_nothing_holds():
    """A tracer that is only there to send the spans of others becomes the provider alone."""
    new, _ = body("Tracer(exporter=ZipkinExporter(), sampler=AlwaysOnSampler())\n")
    assert new.splitlines()[-1] == "trace.set_tracer_provider(provider)"


def test_handed_to_a_function():
    """Of several exporters the function that is called once gets one: that gets the spans."""
    new, left = body(
        "def work(exporter):\n    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\n    with tracer.span(name='a'):\n        pass\n\n\n"
        "work(ZipkinExporter() if 'Z' in globals() else JaegerExporter())\n"
    )
    assert "    provider.add_span_processor(LegacyExporterProcessor(exporter))\n" in new
    assert set(left) == {"V001", "V002"}


def test_tracers_of_several_functions():
    """The exporter of several tracers gets the spans where it is made."""
    new, _ = body(
        "exporter = ZipkinExporter()\n\n\n"
        + "".join(
            f"def {name}():\n    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\n    tracer.start_span()\n    tracer.end_span()\n\n\n"
            for name in ("one", "two")
        )
    )
    assert new.startswith(
        "exporter = ZipkinExporter()\nprovider = TracerProvider(sampler=ALWAYS_ON)\nprovider.add_span_processor(LegacyExporterProcessor(exporter))\n"
        "trace.set_tracer_provider(provider)\n"
    )
    assert new.count("set_tracer_provider") == 1


def test_the_exporter_of_another_module(tmp_path):
    """An exporter that is imported gets the spans in the module that makes it, which is imported all the same."""
    (tmp_path / "telemetry.py").write_text("from opencensus.trace.file_exporter import FileExporter\n\nexporter = FileExporter('a.json')\n")
    (tmp_path / "app.py").write_text(
        "from opencensus.trace.samplers import AlwaysOnSampler\nfrom opencensus.trace.tracer import Tracer\nfrom telemetry import exporter\n\n"
        "tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\nwith tracer.span(name='a'):\n    pass\n"
    )
    found = rewrite([str(tmp_path)], Options(markers=False))
    texts = {path.rpartition("/")[2]: text.decode() for path, text in found.after.items()}
    assert texts["telemetry.py"].endswith(
        "exporter = FileExporter('a.json')\nprovider = TracerProvider(sampler=ALWAYS_ON)\n"
        "provider.add_span_processor(LegacyExporterProcessor(exporter))\ntrace.set_tracer_provider(provider)\n"
    )
    assert "import telemetry  # noqa: F401" in texts["app.py"]
    assert "opencensus" not in texts["app.py"]


def test_programs_beside_each_other(tmp_path):
    """Two programs that share a module have an exporter each."""
    (tmp_path / "words.py").write_text("NAME = 'a'\n")
    for name in ("client", "server"):
        (tmp_path / f"{name}.py").write_text(
            f"{_HEAD}from words import NAME\n\ntracer = Tracer(exporter=ZipkinExporter(), sampler=AlwaysOnSampler())\n"
            "with tracer.span(name=NAME):\n    pass\n"
        )
    found = rewrite([str(tmp_path)], Options(markers=False))
    assert {path.rpartition("/")[2] for path in found.after} == {"client.py", "server.py"}
    assert {each.rule for each in found.left} == {"V002"}


_AZURE = "from opencensus.ext.azure.trace_exporter import AzureExporter\n"
_PIPELINE = "SpanPipeline.through(LegacyExporterProcessor(ZipkinExporter()))"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a = Tracer(exporter=ZipkinExporter(), sampler=AlwaysOnSampler())\nb = Tracer(exporter=JaegerExporter(), sampler=AlwaysOnSampler())\n",
            [
                f"a = {_PIPELINE}.tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)",
                "b = SpanPipeline.through(LegacyExporterProcessor(JaegerExporter())).tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)",
            ],
        ),
        (
            "exporter = ZipkinExporter()\na = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\nb = Tracer(exporter=exporter, sampler=AlwaysOffSampler())\n",
            [
                f"exporter = {_PIPELINE}",
                "a = exporter.tracer_provider(sampler=ParentBased(ALWAYS_ON)).get_tracer(__name__)",
                "b = exporter.tracer_provider(sampler=ParentBased(ALWAYS_OFF)).get_tracer(__name__)",
            ],
        ),
        (
            "for number in range(2):\n    tracer = Tracer(exporter=ZipkinExporter(), sampler=AlwaysOnSampler())\n    with tracer.span(name='a'):\n        pass\n",
            [f"    tracer = {_PIPELINE}.tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)"],
        ),
        (
            "def work():\n    tracer = Tracer(exporter=ZipkinExporter(), sampler=AlwaysOnSampler())\n    with tracer.span(name='a'):\n        pass\n\n\nwork()\nwork()\n",
            [f"    tracer = {_PIPELINE}.tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)"],
        ),
        (
            _AZURE
            + "exporter = None or ZipkinExporter()\nif __debug__:\n    exporter = AzureExporter()\ntracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\n",
            [
                f"exporter = None or {_PIPELINE}",
                "    exporter = SpanPipeline()",
                "tracer = exporter.tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)",
            ],
        ),
        (
            _AZURE
            + "EXPORTERS = {'zipkin': ZipkinExporter(), 'azure': AzureExporter()}\ntracer = Tracer(exporter=EXPORTERS['zi' + 'pkin'], sampler=AlwaysOnSampler())\n",
            [
                f"EXPORTERS = {{'zipkin': {_PIPELINE}, 'azure': SpanPipeline()}}",
                "tracer = EXPORTERS['zi' + 'pkin'].tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)",
            ],
        ),
    ],
    ids=["two exporters", "two samplers", "in a loop", "a function that is called twice", "a default", "a dictionary"],
)
def test_what_one_provider_cannot_serve_has_pipelines(text, expected):
    """Where a process would need two providers, or would set one twice, each exporter that stays has its pipeline."""
    new, left = body(text)
    assert [line for line in expected if line not in new.splitlines()] == []
    assert set(left) <= {"V001", "V002"}


@pytest.mark.parametrize("line", ["exporter.transport.flush()", "exporter.add_telemetry_processor(print)"])
def test_what_a_pipeline_has_not_stays(line):
    """An exporter that something else is done with stays, with its tracers; what only asks for the current span does not wait for these."""
    text = (
        f"exporter = ZipkinExporter()\n{line}\nfor each in range(2):\n"
        "    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler() if each else AlwaysOffSampler())\n"
    )
    new, left = body(
        f"from opencensus.trace import execution_context\n\n{text}with execution_context.get_opencensus_tracer().span(name='a'):\n    pass\n"
    )
    assert text in new
    assert "with trace.get_tracer(__name__).start_as_current_span('a'):" in new
    assert "T001" in left


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("span.set_status(Status(5, 'not there'))", "T025"),
        ("span.add_link(Link('a' * 32, 'b' * 16, 1))", "T027"),
        ("with span.span(name='b'):\n        pass", "T029"),
    ],
    ids=["a code", "the type of a link", "children"],
)
@pytest.mark.parametrize(("maker", "is_shown"), [("JaegerExporter", True), ("ZipkinExporter", False)])
def test_what_opentelemetry_does_not_keep(line, rule, maker, is_shown):
    """What OpenTelemetry does not keep is asked about where the exporter shows it."""
    text = f"tracer = Tracer(exporter={maker}(), sampler=AlwaysOnSampler())\nwith tracer.span(name='a') as span:\n    {line}\n"
    new, left = body(text)
    assert (rule in left, new == text) == (is_shown, is_shown)


def test_the_console():
    """An exporter that prints stays, until another shape is asked for: then it is OpenTelemetry's."""
    text = "tracer = Tracer(exporter=PrintExporter(), sampler=AlwaysOnSampler())\nwith tracer.span(name='a'):\n    pass\n"
    new, left = body(text)
    assert "provider.add_span_processor(LegacyExporterProcessor(PrintExporter()))\n" in new
    assert list(left) == ["T070"]
    kept, _ = rewritten(_HEAD + text)
    later, left = rewritten(kept, shape=True)
    assert left == {}
    assert (later, left) == rewritten(_HEAD + text, shape=True)
    assert "LegacyExporterProcessor" not in later


def test_a_class_that_stands_on_the_exporter():
    """An exporter of the program's own that stands on AzureExporter keeps what it adds, and is not taken for one."""
    text = (
        "from opencensus.ext.azure.trace_exporter import AzureExporter\nfrom opencensus.trace.samplers import AlwaysOnSampler\n"
        "from opencensus.trace.tracer import Tracer\n\n\nclass Own(AzureExporter):\n    def __init__(self, **options):\n        super().__init__(**options)\n"
        "        self.add_telemetry_processor(print)\n\n    def span_data_to_envelope(self, span_data):\n        return None\n\n\n"
        "exporter = Own()\ntracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\nwith tracer.span(name='a'):\n    pass\n"
    )
    new, _ = rewritten(text)
    assert "configure" not in new
    assert "self.add_telemetry_processor(print)\n" in new
    # The exporter sets a provider by itself where none is set.
    assert (
        "provider = TracerProvider(sampler=ALWAYS_ON)\ntrace.set_tracer_provider(provider)\nexporter = Own()\n"
        "provider.add_span_processor(LegacyExporterProcessor(exporter))\n"
    ) in new


def test_a_class_without_a_base():
    """A class of the program that has the method of an exporter is one."""
    new, left = rewritten(
        "from opencensus.trace.samplers import AlwaysOnSampler\nfrom opencensus.trace.tracer import Tracer\n\n\nclass Lines:\n"
        "    def export(self, span_datas):\n        print(span_datas)\n\n\n"
        "with Tracer(exporter=Lines(), sampler=AlwaysOnSampler()).span(name='a'):\n    pass\n"
    )
    assert "LegacyExporterProcessor(Lines())" in new
    assert left == {}


def test_modules_of_early_releases():
    """Samplers of the modules that early releases had are those of today; the exporter is asked about."""
    new, left = rewritten(
        "from opencensus.trace.exporters.zipkin_exporter import ZipkinExporter\nfrom opencensus.trace.samplers import always_on, probability\n"
        "from opencensus.trace.tracer import Tracer\n\nRATE = probability.ProbabilitySampler(0.5)\n"
        "tracer = Tracer(exporter=ZipkinExporter(), sampler=always_on.AlwaysOnSampler())\nwith tracer.span(name='a'):\n    pass\n"
    )
    assert "TracerProvider(sampler=ALWAYS_ON)" in new
    assert "RATE = ParentBased(TraceIdRatioBased(0.5))" in new
    assert list(left) == ["X003"]


def test_names_of_early_releases(tmp_path):
    """With `--include X003`, imports of early releases get today's names, and the exporters that these had built in are required."""
    (tmp_path / "requirements.txt").write_text("opencensus==0.1.10\n")
    (tmp_path / "app.py").write_text(
        "try:\n    from opencensus.trace.exporters import file_exporter, stackdriver_exporter  # both\nexcept ImportError:\n    raise\n"
        "from opencensus.trace.exporters.transports import background_thread\n"
        "from opencensus.trace.exporters.transports.background_thread import BackgroundThreadTransport\n"
        "from opencensus.trace.ext.grpc.client_interceptor import OpenCensusClientInterceptor\n"
        "import opencensus.trace.exporters.print_exporter\n\n"
        "made = [stackdriver_exporter.StackdriverExporter(transport=background_thread.BackgroundThreadTransport)]\n"
        "print(file_exporter, BackgroundThreadTransport, OpenCensusClientInterceptor, opencensus)\n"
    )
    result = rewrite([str(tmp_path)], Options(accepted=frozenset({"X003"}), markers=False))
    assert result.after[str(tmp_path / "app.py")].decode() == (
        "try:\n    from opencensus.trace import file_exporter\n"
        "    from opencensus.ext.stackdriver import trace_exporter as stackdriver_exporter  # both\nexcept ImportError:\n    raise\n"
        "from opencensus.common.transports import async_ as background_thread\n"
        "from opencensus.common.transports.async_ import AsyncTransport as BackgroundThreadTransport\n"
        "from opencensus.ext.grpc.client_interceptor import OpenCensusClientInterceptor\n"
        "import opencensus.trace.exporters.print_exporter\n\n"
        "made = [stackdriver_exporter.StackdriverExporter(transport=background_thread.AsyncTransport)]\n"
        "print(file_exporter, BackgroundThreadTransport, OpenCensusClientInterceptor, opencensus)\n"
    )
    new = result.after[str(tmp_path / "requirements.txt")].decode().split()
    assert [line.partition("==")[0] for line in new] == ["census-compat", "opencensus-ext-stackdriver"]
    for path, data in result.after.items():
        with open(path, "wb") as file:
            file.write(data)
    assert rewrite([str(tmp_path)], Options(accepted=frozenset({"X003"}), markers=False)).after == {}


@pytest.mark.parametrize(
    ("text", "instrumented"),
    [
        (
            (
                "from flask import Flask\nfrom opencensus.ext.flask.flask_middleware import FlaskMiddleware\n"
                "from opencensus.trace.logging_exporter import LoggingExporter\nfrom opencensus.trace.samplers import AlwaysOnSampler\n\n"
                "app = Flask(__name__)\nmiddleware = FlaskMiddleware(app, exporter=LoggingExporter(), sampler=AlwaysOnSampler())\n"
            ),
            "FlaskInstrumentor().instrument_app(app)\n",
        ),
        (
            (
                "from fastapi import FastAPI\nfrom opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware\n"
                "from opencensus.trace.logging_exporter import LoggingExporter\n\n"
                "app = FastAPI()\napp.add_middleware(FastAPIMiddleware, exporter=LoggingExporter())\n"
            ),
            'FastAPIInstrumentor.instrument_app(app, exclude_spans=["receive", "send"])\n',
        ),
    ],
    ids=["Flask", "FastAPI"],
)
def test_middlewares(text, instrumented):
    """The exporter of a middleware gets the spans of the instrumentation."""
    new, left = rewritten(text, shape=True)
    assert new.endswith(
        "provider = TracerProvider(sampler=ALWAYS_ON)\nprovider.add_span_processor(LegacyExporterProcessor(LoggingExporter()))\n"
        f"trace.set_tracer_provider(provider)\n{instrumented}"
    )
    assert list(left) == ["T070"]


def test_what_a_function_returns():
    """An exporter that a function of the program makes is asked of that where it gets spans."""
    new, left = body(
        "def made():\n    return ZipkinExporter()\n\n\ntracer = Tracer(exporter=made(), sampler=AlwaysOnSampler())\nwith tracer.span(name='a'):\n    pass\n"
    )
    assert "provider.add_span_processor(LegacyExporterProcessor(made()))\n" in new
    assert list(left) == ["V002"]


def test_an_exporter_or_none():
    """Where there may be no exporter, the provider hands its spans to none."""
    new, left = body(
        "exporter = ZipkinExporter() if 'Z' in globals() else None\ntracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\n"
        "with tracer.span(name='a'):\n    pass\n"
    )
    assert (
        "if exporter is not None:\n    provider.add_span_processor(LegacyExporterProcessor(exporter))\ntrace.set_tracer_provider(provider)\n"
        in new
    )
    assert list(left) == ["V002"]


def test_one_of_several_by_branches():
    """Exporters that branches choose among get the spans by their variable."""
    new, left = body(
        "if 'Z' in globals():\n    exporter = ZipkinExporter()\nelse:\n    exporter = PrintExporter()\n"
        "tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\nwith tracer.span(name='a'):\n    pass\n",
        shape=True,
    )
    assert "provider.add_span_processor(LegacyExporterProcessor(exporter))\n" in new
    assert set(left) == {"V002", "T070"}


_MIDDLEWARE = """\
class Traced:
    def __init__(self, app, exporter=None):
        self.app = app
        self.exporter = exporter

    def __call__(self, environ, start_response):
        tracer = Tracer(exporter=self.exporter, sampler=AlwaysOnSampler())
        with tracer.span(name="request"):
            return self.app(environ, start_response)


"""


def test_handed_to_a_class():
    """An exporter that a class is made with gets the spans before that, and the class has none any more."""
    new, left = body(f"{_MIDDLEWARE}application = Traced(None, exporter=ZipkinExporter())\n")
    assert new.endswith(
        "provider = TracerProvider(sampler=ALWAYS_ON)\nprovider.add_span_processor(LegacyExporterProcessor(ZipkinExporter()))\n"
        "trace.set_tracer_provider(provider)\napplication = Traced(None)\n"
    )
    assert "def __init__(self, app):\n        self.app = app\n\n" in new
    assert list(left) == ["V002"]


def test_handed_to_a_class_of_another_file(tmp_path):
    """The provider is set in the file that hands the exporter over."""
    (tmp_path / "traced.py").write_text(_HEAD + "\n" + _MIDDLEWARE)
    (tmp_path / "app.py").write_text(
        "from opencensus.ext.zipkin.trace_exporter import ZipkinExporter\nfrom traced import Traced\n\napplication = Traced(None, exporter=ZipkinExporter())\n"
    )
    found = rewrite([str(tmp_path)], Options(markers=False))
    texts = {path.rpartition("/")[2]: text.decode() for path, text in found.after.items()}
    assert texts["app.py"].endswith("trace.set_tracer_provider(provider)\napplication = Traced(None)\n")
    assert "from opentelemetry.sdk.trace.sampling import ALWAYS_ON\n" in texts["app.py"]
    assert "exporter" not in texts["traced.py"].partition("class Traced")[2]


_OF_PROGRAM = """\
from opencensus.ext.azure.trace_exporter import AzureExporter


class ShopExporter(AzureExporter):
    def span_data_to_envelope(self, span_data):
        yield from super().span_data_to_envelope(span_data)


"""


def test_telemetry_processors_stay():
    """An exporter that stays keeps the telemetry processors that it gets."""
    new, left = body(
        f"{_OF_PROGRAM}exporter = ShopExporter()\nexporter.add_telemetry_processor(print)\n"
        "tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\nwith tracer.span(name='a'):\n    pass\n"
    )
    assert "provider.add_span_processor(LegacyExporterProcessor(exporter))\nexporter.add_telemetry_processor(print)\n" in new
    assert left["A006"] == "stays with the exporter that has it"


_MADE_BY_A_FRAMEWORK = f"""\
{_OF_PROGRAM}class Tracing(Base):
    def __init__(self, app, sampler):
        super().__init__(app)
        self.exporter = ShopExporter()
        self.sampler = sampler

    def __call__(self, scope):
        with Tracer(exporter=self.exporter, sampler=self.sampler).span(name="request"):
            pass


"""


@pytest.mark.parametrize(
    "made",
    [
        "Tracing(None, AlwaysOffSampler())\n",
        "from starlette.middleware import Middleware\nMiddleware(Tracing, sampler=AlwaysOffSampler())\n",
        "app.add_middleware(Tracing, sampler=AlwaysOffSampler())\n",
    ],
)
def test_of_a_class_that_a_framework_makes(made):
    """The provider has the sampler that the one object of a class is made with, whoever makes it."""
    new, left = body(_MADE_BY_A_FRAMEWORK + made)
    assert "provider = TracerProvider(sampler=ALWAYS_OFF)\n" in new
    assert set(left) == {"B002", "A001", "A002"}


@pytest.mark.parametrize(
    "made",
    [
        "app.add_middleware(Tracing, sampler=chosen())\n",
        "def Middleware(cls, sampler):\n    pass\n\n\nMiddleware(Tracing, sampler=AlwaysOnSampler())\n",
    ],
)
def test_of_a_class_whose_sampler_is_not_known(made):
    """Nothing is guessed where a class is made otherwise."""
    new, _ = body(_MADE_BY_A_FRAMEWORK + made)
    assert "TracerProvider" not in new
    assert "SpanPipeline" not in new


@pytest.mark.parametrize("other", ["AlwaysOffSampler", "AlwaysOnSampler"])
def test_of_a_class_that_is_made_twice(other):
    """Its exporter has a pipeline, with a provider for each sampler."""
    new, _ = body(
        f"{_MADE_BY_A_FRAMEWORK}app.add_middleware(Tracing, sampler=AlwaysOnSampler())\nadmin.add_middleware(Tracing, sampler={other}())\n"
    )
    assert "SpanPipeline.through(LegacyExporterProcessor(" in new
    assert ".tracer_provider(sampler=self.sampler).get_tracer(__name__)" in new


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("from ochoneycomb import HoneycombExporter as Other", True),
        ("from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter as Other", False),
        ("from ochoneycomb import make_it as Other", False),
        ("from .elsewhere import SomeExporter as Other", False),
    ],
)
def test_an_exporter_of_a_package_of_elsewhere(line, stays):
    """A class that is called so is an exporter of OpenCensus's, and stays as the others do; what else makes one is not known."""
    text = f"{line}\nfrom opencensus.trace.tracer import Tracer\n\nexporter = Other()\ntracer = Tracer(exporter=exporter)\n"
    new, left = rewritten(text)
    assert ("add_span_processor(LegacyExporterProcessor(exporter))" in new) == stays
    assert list(left.values()) == ([] if stays else ["what makes its exporter is not known"])
