"""Classes that are made with the exporter, sampler and propagator of their tracers."""

from __future__ import annotations

from textwrap import dedent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_CLASS = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import print_exporter, samplers
from opencensus.trace.tracer import Tracer


class Middleware:
    def __init__(
        self,
        app,
        sampler=None,
        exporter=None,
        paths=(),
    ):
        self.app = app
        self.sampler = sampler or samplers.AlwaysOnSampler()
        self.exporter = exporter or print_exporter.PrintExporter()
        self.paths = paths

    def dispatch(self):
        tracer = Tracer(sampler=self.sampler, exporter=self.exporter)
        with tracer.span(name="request"):
            pass


"""


def _rewritten(text: str) -> str:
    result = rewrite_text(f"{_CLASS}{dedent(text)}".encode(), options=Options(shape=True))
    return b"".join(result.after.values()).decode() or f"{_CLASS}{dedent(text)}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Middleware(app, exporter=AzureExporter())\n", "{0}\nMiddleware(app)\n"),
        ("web.add_middleware(Middleware, exporter=AzureExporter(), paths=PATHS)\n", "{0}\nweb.add_middleware(Middleware, paths=PATHS)\n"),
        ("made = [Made(Middleware, exporter=AzureExporter())]\n", "{0}\nmade = [Made(Middleware)]\n"),
        (
            "exporter = AzureExporter()\nweb.add_middleware(\n    Middleware,\n    sampler=samplers.AlwaysOnSampler(),\n    exporter=exporter,\n)\n",
            "{0}\nweb.add_middleware(\n    Middleware,\n)\n",
        ),
        ("Middleware(app, exporter=AzureExporter(sampler=samplers.AlwaysOffSampler()))\n", "{0}\nMiddleware(app)\n"),
    ],
)
def test_what_only_its_tracers_need_leaves_a_class(before, after):
    """Parameters and attributes go, and `configure` stands before the class gets its exporter."""
    text = _rewritten(before)
    assert text.endswith(after.format('configure(signals=["traces"], sampler=ALWAYS_ON)'))
    assert "opencensus" not in text
    assert (
        "    def __init__(\n        self,\n        app,\n        paths=(),\n    ):\n        self.app = app\n        self.paths = paths\n"
        in text
    )


def test_the_sampler_that_a_class_is_made_with_is_the_process_s(tmp_path):
    """What a call gives counts more than what the class has without; in whatever file either is."""
    head, _, rest = _CLASS.partition("\n\n\n")
    (tmp_path / "tracing.py").write_text(f"{head}\n\n\n{rest}", encoding="utf-8")
    main = tmp_path / "main.py"
    main.write_text(
        f"{head}\nfrom tracing import Middleware\n\nweb.add_middleware(Middleware, sampler=samplers.ProbabilitySampler(0.5), exporter=AzureExporter())\n",
        encoding="utf-8",
    )
    after = rewrite([str(tmp_path)], Options(shape=True)).after[str(main)].decode()
    sampler = "ParentBased(TraceIdRatioBased(0.5), remote_parent_not_sampled=TraceIdRatioBased(0.5))"
    assert after.endswith(f'configure(signals=["traces"], sampler={sampler})\nweb.add_middleware(Middleware)\n')


@pytest.mark.parametrize(
    "use",
    [
        pytest.param("Middleware(app, None, AzureExporter())\n", id="given by place"),
        pytest.param("Middleware(app, **options)\nMiddleware(app, exporter=AzureExporter())\n", id="stars"),
        pytest.param("Middleware(app, exporter=AzureExporter())\nMiddleware(app)\n", id="made twice"),
        pytest.param("Middleware(app, exporter=AzureExporter())\nregister(Middleware())\nname = Middleware\n", id="a class as a value"),
        pytest.param("exporter = AzureExporter()\nMiddleware(app, exporter=exporter)\nprint(exporter)\n", id="needed besides"),
        pytest.param("Middleware(app, exporter=AzureExporter(), sampler=choose())\n", id="a sampler that is not known"),
        pytest.param("class Other(Middleware):\n    pass\n\n\nOther(app, exporter=AzureExporter())\n", id="a subclass"),
        pytest.param("Middleware(app)\n", id="printed"),
    ],
)
def test_a_class_that_may_get_something_else_stays(use):
    """Where it is not sure what a tracer gets, class and exporter stay."""
    text = _rewritten(use)
    assert "self.exporter = exporter or print_exporter.PrintExporter()" in text
    assert "tracer = Tracer(sampler=self.sampler, exporter=self.exporter)" in text
