"""Tracers and spans that travel through a program: all of their way changes, or none of it, with the reason."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite

_HEAD = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

"""
_MADE = "Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())"
_TELEMETRY = f"{_HEAD}tracer = {_MADE}\n"
_WITH = "with {}.span(name='x') as span:\n    {}span.add_attribute('n', 1)\n"
_HOLDER = """from dataclasses import dataclass

from opencensus.trace.tracer import Tracer


@dataclass
class Till:
    tracer: Tracer

    def sell(self):
        with self.tracer.span('x') as span:
            span.add_attribute('n', 1)


Till({}).sell()
"""


def _rewritten(folder, texts):
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    result = rewrite([str(folder)], Options(markers=False))
    assert not result.problems
    return {name: result.after.get(str(folder / name), b"").decode() for name in texts}, result.left


_CHANGE = {
    "a field of a data class": (
        _TELEMETRY,
        (
            "from dataclasses import dataclass\nfrom telemetry import tracer\n\n\n@dataclass\nclass Till:\n    tracer: object\n    n: int = 1\n\n"
            "    def sell(self):\n        with self.tracer.span(name='x'):\n            pass\n\n\nTill(tracer).sell()\nTill(tracer=tracer, n=2).sell()\n"
        ),
        "        with self.tracer.start_as_current_span('x'):",
    ),
    "a field of the class above": (
        _TELEMETRY,
        (
            "from typing import NamedTuple\nimport telemetry\n\n\nclass Tools(NamedTuple):\n    n: int\n    tracer: object\n\n\nclass Till(Tools):\n"
            "    def sell(self):\n        with self.tracer.span(name='x'):\n            pass\n\n\nTill(1, telemetry.tracer).sell()\n"
        ),
        "        with self.tracer.start_as_current_span('x'):",
    ),
    "a constructor of the class above": (
        _TELEMETRY,
        (
            "import telemetry\n\n\nclass Base:\n    def __init__(self, tracer):\n        self._tracer = tracer\n\n\nclass Till(Base):\n"
            "    def sell(self):\n        with self._tracer.span(name='x'):\n            pass\n\n\nTill(telemetry.tracer).sell()\n"
        ),
        "        with self._tracer.start_as_current_span('x'):",
    ),
    "super": (
        _TELEMETRY,
        (
            "import telemetry\n\n\nclass Base:\n    def __init__(self, tracer):\n        self._tracer = tracer\n\n\nclass Till(Base):\n"
            "    def __init__(self, n, tracer):\n        super().__init__(tracer)\n        self.n = n\n\n"
            "    def sell(self):\n        with self._tracer.span(name='x'):\n            pass\n\n\nTill(1, telemetry.tracer).sell()\n"
        ),
        "        with self._tracer.start_as_current_span('x'):",
    ),
    "an import of all names": (
        _TELEMETRY,
        (
            "from telemetry import *\n\n\nclass Till:\n    def __init__(self):\n        self._tracer = tracer\n\n    def get(self):\n        return self._tracer\n\n"
            "    def sell(self):\n        with self.get().span('x'):\n            pass\n\n\nTill().sell()\n"
        ),
        "        with self.get().start_as_current_span('x'):",
    ),
    "a default": (
        _TELEMETRY,
        "import telemetry\n\n\ndef sell(tracer=telemetry.tracer):\n    with tracer.span(name='x'):\n        pass\n\n\nsell()\n",
        "    with tracer.start_as_current_span('x'):",
    ),
    "a class attribute": (
        _TELEMETRY,
        (
            "from telemetry import tracer\n\n\nclass Till:\n    tracer = tracer\n\n    @classmethod\n    def sell(cls):\n"
            "        with cls.tracer.span('x'):\n            pass\n\n\nTill.sell()\n"
        ),
        "        with cls.tracer.start_as_current_span('x'):",
    ),
    "a class attribute of another module": (
        f"{_HEAD}class Shared:\n    tracer = {_MADE}\n",
        "import telemetry\nfrom telemetry import Shared\n\nwith Shared.tracer.span('x'):\n    pass\nwith telemetry.Shared.tracer.span('y'):\n    pass\n",
        "with telemetry.Shared.tracer.start_as_current_span('y'):",
    ),
    "a method that several classes have": (
        f"{_HEAD}class Tools:\n    def __init__(self):\n        self._tracer = {_MADE}\n\n    def get(self):\n        return self._tracer\n\n\ntools = Tools()\n",
        (
            "import telemetry\n\n\nclass Till:\n    def get(self):\n        return 1\n\n\ndef sell(tracer=None):\n    with tracer.span('x'):\n        pass\n\n\n"
            "sell(tracer=telemetry.tools.get())\n"
        ),
        "    with tracer.start_as_current_span('x'):",
    ),
    "a context manager of one's own": (
        (
            f"{_HEAD}tracer = {_MADE}\n\n\nclass Step:\n    def __enter__(self):\n        self.span = tracer.start_span(name='x')\n        return self.span\n\n"
            "    def __exit__(self, *error):\n        tracer.end_span()\n"
        ),
        "from telemetry import Step\n\nwith Step() as it:\n    it.add_annotation('a')\n",
        "    it.add_event('a')",
    ),
    "a method that gives back its object": (
        f"{_HEAD}class Tools:\n    def configure(self):\n        self.tracer = {_MADE}\n        return self\n\n\ntools = Tools().configure()\n",
        "from telemetry import tools\n\nwith tools.tracer.span('x') as it:\n    it.add_attribute('a', 1)\n",
        "    it.set_attribute('a', 1)",
    ),
    "types in quotes": (
        f"{_HEAD}def make() -> 'Tracer':\n    return {_MADE}\n",
        (
            "from typing import TYPE_CHECKING, Optional\n\nimport telemetry\n\nif TYPE_CHECKING:\n    from opencensus.trace.span import Span as Part\n"
            "    from opencensus.trace.tracer import Tracer\n\n\ndef mark(part: \"Optional[Part]\") -> None:\n    part.add_attribute('a', 1)\n\n\n"
            "def sell(tracer: 'Tracer | None' = None) -> None:\n    with tracer.span('x') as part:\n        mark(part)\n\n\nsell(telemetry.make())\n"
        ),
        'def mark(part: "Optional[trace.Span]") -> None:',
    ),
    "what FastAPI hands over": (
        f"{_HEAD}tracer = {_MADE}\n\n\ndef get_tracer():\n    return tracer\n",
        (
            "from typing import Annotated\n\nfrom fastapi import Depends, FastAPI\n\nfrom telemetry import get_tracer\n\napp = FastAPI()\n\n\n"
            "@app.get('/a')\ndef one(tracer=Depends(get_tracer)):\n    with tracer.span('x'):\n        pass\n\n\n"
            "@app.get('/b')\ndef two(tracer: Annotated[object, Depends(get_tracer)]):\n    with tracer.span('y'):\n        pass\n"
        ),
        "    with tracer.start_as_current_span('y'):",
    ),
    "what FastAPI hands over by the name of a type": (
        (
            f"{_HEAD}from typing import Annotated\n\nfrom fastapi import Depends\n\ntracer = {_MADE}\n\n\ndef get_tracer():\n    return tracer\n\n\n"
            "Traced = Annotated[Tracer, Depends(get_tracer)]\n"
        ),
        (
            "from fastapi import FastAPI\n\nimport telemetry\nfrom telemetry import Traced\n\napp = FastAPI()\n\n\n"
            "@app.get('/a')\ndef one(tracer: Traced):\n    with tracer.span('x'):\n        pass\n\n\n"
            "@app.get('/b')\ndef two(*, tracer: telemetry.Traced):\n    with tracer.span('y'):\n        pass\n"
        ),
        "    with tracer.start_as_current_span('y'):",
    ),
}


@pytest.mark.parametrize("kind", _CHANGE)
def test_both_files_change(tmp_path, kind):
    """What makes a tracer changes with what is done with it, wherever that is."""
    telemetry, app, expected = _CHANGE[kind]
    after, left = _rewritten(tmp_path, {"telemetry.py": telemetry, "app.py": app})
    assert "trace.get_tracer(__name__)" in after["telemetry.py"]
    assert expected in after["app.py"].splitlines()
    assert ".span(" not in after["app.py"]
    assert left == []


def test_a_name_of_a_type_that_is_more(tmp_path):
    """A name of `Annotated[...]` that is not only read as a type keeps the tracer as it is."""
    text = (
        f"{_HEAD}from typing import Annotated\n\nfrom fastapi import Depends, FastAPI\n\napp = FastAPI()\n\n\ndef get_tracer():\n    return {_MADE}\n\n\n"
        "Traced = Annotated[Tracer, Depends(get_tracer)]\nregister(Traced)\n\n\n@app.get('/a')\ndef one(tracer: Traced):\n"
        "    with tracer.span('x'):\n        pass\n"
    )
    after, left = _rewritten(tmp_path, {"app.py": text})
    assert "    with tracer.span('x'):\n" in after.get("app.py", text)
    assert "collection" in next(each.text for each in left if each.rule == "T001")


def test_a_property_that_returns_something_unknown(tmp_path):
    """What reads it stays, and the property is named."""
    text = (
        "from opencensus.trace.status import Status\n\nfrom made import get_tracer\n\n\nclass Till:\n    @property\n    def tracer(self):\n"
        "        return get_tracer()\n\n    def sell(self):\n        with self.tracer.span('x'):\n            return Status\n\n\nTill().sell()\n"
    )
    after, left = _rewritten(tmp_path, {"app.py": text, "made.py": "get_tracer = open\n"})
    assert after["app.py"] == ""
    assert any("what tracer() returns is not known" in each.text for each in left)


def test_an_import_in_try_that_another_one_takes_the_place_of(tmp_path):
    """The new import stands in the same `try`, and start and end of a span change together."""
    text = (
        "try:\n    from opencensus.trace import execution_context\nexcept ImportError:\n    execution_context = None\n\n\ndef sell():\n"
        "    execution_context.get_opencensus_tracer().start_span('x')\n    try:\n        print(1)\n    finally:\n"
        "        execution_context.get_opencensus_tracer().end_span()\n"
    )
    after, left = _rewritten(tmp_path, {"app.py": text})
    assert "try:\n    from opentelemetry import context, trace\nexcept ImportError:\n" in after["app.py"]
    assert "        span.end()\n        context.detach(token)\n" in after["app.py"]
    assert left == []


def test_an_import_after_a_byte_order_mark(tmp_path):
    """The file belongs to the program, though its first line is no import to the byte."""
    app = "\ufefffrom telemetry import tracer\n\n\n@tracer.trace_decorator()\ndef sell():\n    pass\n"
    after, left = _rewritten(tmp_path, {"telemetry.py": _TELEMETRY, "app.py": app})
    assert after["app.py"] == app.replace("trace_decorator()", 'start_as_current_span("sell")')
    assert left == []


def test_a_use_inside_another_one(tmp_path):
    """What a tracer of the context is needed for goes with it: not the tracer alone."""
    text = (
        "from opencensus.trace import execution_context\n"
        "from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator\n\n\n"
        "def headers():\n    return TraceContextPropagator().to_headers(execution_context.get_opencensus_tracer().span_context)\n"
    )
    after, _ = _rewritten(tmp_path, {"app.py": text})
    assert after["app.py"] == (
        "from opentelemetry import propagate\n\n\ndef headers():\n    carrier = {}\n    propagate.inject(carrier)\n    return carrier\n"
    )


def test_a_variable_after_its_import(tmp_path):
    """A file that gets a tracer of its own imports `trace` before that, also where its imports of OpenCensus stand below a `try`."""
    (tmp_path / "telemetry.py").write_text(_TELEMETRY + "every = [tracer]\n", encoding="utf-8")
    text = (
        "from telemetry import tracer\n\ntry:\n    import extras\nexcept ImportError:\n    extras = None\n"
        "from opencensus.trace import execution_context\n\n\ndef sell():\n    with tracer.span('x'):\n        execution_context.get_current_span().add_attribute('a', 1)\n"
    )
    after, _ = _rewritten(tmp_path, {"app.py": text})
    head, _, rest = after["app.py"].partition("\ntry:")
    assert "from opentelemetry import trace\n" in head
    assert "tracer = trace.get_tracer(__name__)\n" in head
    assert "opencensus" not in rest


_STAY = {
    "an object of the program that may be anything": (
        _TELEMETRY,
        "import telemetry\n\n\nclass Tracer:\n    pass\n\n\nmade = telemetry.tracer\nmade = Tracer()\nwith made.span('x'):\n    pass\n",
        "what `made` gets here is not known",
    ),
    "a dictionary": (
        _TELEMETRY,
        "import telemetry\n\nTOOLS = {'t': [telemetry.tracer]}\n" + _WITH.format("TOOLS['t'][0]", ""),
        "collection",
    ),
    "a dictionary that another file gets with all names": (
        f"{_HEAD}TOOLS = {{'t': {_MADE}}}\n\n\ndef work():\n    with TOOLS['t'].span('y'):\n        pass\n",
        "from telemetry import *\n\n" + _WITH.format("TOOLS['t']", ""),
        "collection",
    ),
    "an attribute in text": (
        _TELEMETRY,
        (
            "from operator import attrgetter\n\nimport telemetry\n\n\nclass Till:\n    def __init__(self, tracer):\n        self.tracer = tracer\n\n\n"
            "def sell(till):\n    with attrgetter('tracer')(till).span('x'):\n        pass\n\n\nsell(Till(telemetry.tracer))\n"
        ),
        "`tracer` is named in text",
    ),
    "an exporter in text": (
        (
            f"{_HEAD}class Till:\n    def __init__(self):\n        self.exporter = AzureExporter()\n"
            "        self.tracer = Tracer(exporter=self.exporter, sampler=AlwaysOnSampler())\n"
        ),
        "import telemetry\n\nprint(getattr(telemetry.Till(), 'exporter', None))\n",
        "`exporter` is named in text",
    ),
    "a function that is returned": (
        f"{_HEAD}def outer():\n    tracer = {_MADE}\n\n    def get():\n        return tracer\n\n    return get\n\n\nget_tracer = outer()\n",
        "import telemetry\n\n" + _WITH.format("telemetry.get_tracer()", ""),
        "get is a value here",
    ),
    "a function under another name": (
        f"{_HEAD}def make():\n    return {_MADE}\n\n\nmade = make\n",
        "import telemetry\n\n" + _WITH.format("telemetry.made()", ""),
        "make is a value here",
    ),
    "a tuple by name": (
        f"{_HEAD}from collections import namedtuple\n\nTools = namedtuple('Tools', 'tracer n')\ntools = Tools({_MADE}, 1)\n",
        "import telemetry\n\n\ndef sell(tracer=telemetry.tools.tracer):\n    with tracer.span('x'):\n        pass\n\n\nsell()\n",
        "handed to Tools()",
    ),
    "a name space": (
        f"{_HEAD}import types\n\nbox = types.SimpleNamespace(tracer={_MADE})\n",
        "from telemetry import box\n\n" + _WITH.format("box.tracer", ""),
        "handed to SimpleNamespace()",
    ),
    "a tuple by name beside a class": (
        f"{_HEAD}from collections import namedtuple\n\nTools = namedtuple('Tools', ['n', 'tracer'])\ntools = Tools(1, {_MADE})\n",
        "from telemetry import tools\n" + _HOLDER.format("tools.tracer"),
        "handed to Tools()",
    ),
    "a field that is read by its place": (
        f"{_HEAD}from typing import NamedTuple\n\n\nclass Tools(NamedTuple):\n    tracer: Tracer\n    n: int = 1\n\n\ntools = Tools({_MADE})\n",
        "from telemetry import tools\n\ntr = tools[0]\n" + _WITH.format("tr", ""),
        "what `tracer` keeps is read by its place",
    ),
    "a name space beside a class": (
        f"{_HEAD}import types\n\ntools = types.SimpleNamespace(tracer={_MADE})\n",
        "from telemetry import tools\n" + _HOLDER.format("tools.tracer"),
        "handed to SimpleNamespace()",
    ),
    "an attribute that is set by its name": (
        f"{_HEAD}class Tools:\n    pass\n\n\ntools = Tools()\nsetattr(tools, 'tracer', {_MADE})\n",
        "from telemetry import tools\n" + _HOLDER.format("tools.tracer"),
        "handed to setattr()",
    ),
    "a list that a comprehension makes": (
        _TELEMETRY,
        "import telemetry\n\nevery = [telemetry.tracer for _ in range(2)]\n" + _WITH.format("every[0]", ""),
        "collection",
    ),
    "a status of an unknown span": (
        f"{_HEAD}def outer():\n    tracer = {_MADE}\n    return lambda: tracer\n\n\nget_tracer = outer()\n",
        (
            "from opencensus.trace.status import Status\n\nfrom telemetry import get_tracer\n\n\n"
            "def sell():\n    made = get_tracer()\n    with made.span('x') as it:\n        it.status = Status(2, 'bad')\n\n\nsell()\n"
        ),
        "what `status` is set on is not known",
    ),
    "statuses of a span that stays": (
        f"{_HEAD}tracers = [{_MADE}]\n",
        (
            "from opencensus.trace import utils\nfrom opencensus.trace.status import Status\n\nfrom telemetry import tracers\n\n"
            "for tracer in tracers:\n    with tracer.span('x') as span:\n        span.set_status(Status.as_ok())\n"
            "        span.set_status(Status.from_exception(ValueError()))\n        span.set_status(utils.status_from_http_code(404))\n"
        ),
        "what `tracer` holds is not known",
    ),
    "what a generator yields": (
        f"{_TELEMETRY}\n\ndef each():\n    with tracer.span('y') as span:\n        yield span\n",
        "from telemetry import each\n\nfor one in each():\n    one.status = 1\n",
        "what `one` holds is not known",
    ),
    "what a generator yields on": (
        f"{_TELEMETRY}\n\ndef each():\n    with tracer.span('y') as span:\n        yield span\n\n\ndef all():\n    yield from each()\n",
        "from telemetry import all\n\nprint([one.name for one in all()])\n",
        "another function yields it",
    ),
    "a `match`": (
        _TELEMETRY,
        (
            "from telemetry import tracer\n\nwith tracer.span('x') as span:\n    match span:\n        case None:\n            pass\n"
            "        case found:\n            found.add_attribute('n', 1)\n"
        ),
        "a `match` gives it another name",
    ),
    "a fixture": (
        f"import pytest\n{_HEAD}@pytest.fixture\ndef tracer():\n    return {_MADE}\n",
        "from telemetry import tracer\n\n\ndef test_it(tracer):\n    with tracer.span('x'):\n        pass\n",
        "which tests get what tracer() returns is not known",
    ),
    "the tracer of the context, elsewhere": (
        _TELEMETRY,
        (
            "from opencensus.trace import execution_context\n\nimport telemetry\n\n"
            "made = [execution_context.get_opencensus_tracer()]\n" + _WITH.format("made[0]", "")
        ),
        "collection",
    ),
    "a global that a function sets": (
        _TELEMETRY,
        (
            "from opencensus.trace import execution_context\n\nimport telemetry\n\n_it = None\n\n\ndef set_it(tracer):\n    global _it\n    _it = tracer\n\n\n"
            "set_it(execution_context.get_opencensus_tracer())\nspan = _it.start_span('x')\nspan.add_annotation('a')\n_it.end_span()\n"
        ),
        "`.end_span` of an OpenCensus object is no known use",
    ),
}


@pytest.mark.parametrize("kind", _STAY)
def test_nothing_changes(tmp_path, kind):
    """Where part of the way is not known, both files stay as they are, and the reason is named."""
    telemetry, app, reason = _STAY[kind]
    after, left = _rewritten(tmp_path, {"telemetry.py": telemetry, "app.py": app})
    assert after == {"telemetry.py": "", "app.py": ""}
    assert reason in "\n".join(each.text for each in left)


def test_a_class_with_methods_of_a_tracer_keeps_its_users(tmp_path):
    """What gets the class in the place of a tracer calls the method of OpenCensus that it has."""
    telemetry = f"{_TELEMETRY}\n\nclass Tracing:\n    span = staticmethod(tracer.span)\n"
    app = (
        "from opencensus.trace.tracer import Tracer\n\nfrom telemetry import Tracing\n\n\n"
        "def work(tracer: Tracer):\n    with tracer.span('x'):\n        pass\n\n\nwork(Tracing)\n"
    )
    after, left = _rewritten(tmp_path, {"telemetry.py": telemetry, "app.py": app})
    assert after["app.py"] == ""
    assert "what `tracer` gets here is not known" in "\n".join(each.text for each in left)


def test_a_method_with_the_name_of_a_tracers_waits_for_its_callers(tmp_path):
    """One file alone would hand OpenTelemetry's span to a caller that takes it for one of OpenCensus's."""
    telemetry = f"{_TELEMETRY}\n\nclass Tracing:\n    def current_span(self):\n        return tracer.current_span()\n"
    app = (
        "from opencensus.trace import execution_context\n\nfrom telemetry import Tracing\n\n\n"
        "def work(tracer):\n    tracer.current_span().add_attribute('n', 1)\n\n\nwork(Tracing())\n"
    )
    (tmp_path / "app.py").write_text(app, encoding="utf-8")
    (tmp_path / "telemetry.py").write_text(telemetry, encoding="utf-8")
    result = rewrite([str(tmp_path / "telemetry.py")], Options(markers=False))
    assert b"tracer.current_span()" in result.after.get(str(tmp_path / "telemetry.py"), telemetry.encode())


@pytest.mark.parametrize(
    "line",
    [
        "span.add_attribute(**{'attribute_key': 'n', 'attribute_value': 1})",
        "tracer.add_attribute_to_current_span(**{'attribute_key': 'n', 'attribute_value': 1})",
    ],
)
def test_names_of_arguments_in_stars(tmp_path, line):
    """Keywords that are not known may have the names of OpenCensus's parameters: a person is asked."""
    after, left = _rewritten(tmp_path, {"app.py": f"{_TELEMETRY}with tracer.span('x') as span:\n    {line}\n"})
    assert line in (after["app.py"] or line)
    assert "Which arguments are in `**`? Their names are others." in " ".join(each.text for each in left if each.why == "decide")


def test_an_import_in_try_beside_the_same_one(tmp_path):
    """The whole `try` goes, and nothing comes in its place."""
    text = (
        "from opencensus.trace import execution_context\n"
        "try:\n    from opencensus.trace.status import Status\nexcept ImportError:\n    Status = None\n"
        "from opencensus.trace.status import Status\n\nexecution_context.get_opencensus_tracer().add_attribute_to_current_span('a', 1)\n"
    )
    after, _ = _rewritten(tmp_path, {"app.py": text})
    assert after["app.py"] == "from opentelemetry import trace\n\ntrace.get_current_span().set_attribute('a', 1)\n"


_LOGGERS = """
class Azure:
    def __init__(self):
        self.tracer = {0}

    def start(self, name):
        self.tracer.start_span(name=name)
        return self.current()

    def stop(self):
        self.tracer.end_span()

    def current(self):
        return self.tracer.current_span()


class Console:
    def current(self):
        {1}


class Every:
    def __init__(self, loggers):
        self.loggers = loggers

    def current(self):
        return self.loggers[0].current()


every = Every([Azure(), Console()])
print(every.current())
found = every.current()
"""


def test_a_method_that_several_classes_have(tmp_path):
    """Where it is not known which of them is called, what each of them gives is followed."""
    after, left = _rewritten(tmp_path, {"app.py": _HEAD + _LOGGERS.format(_MADE, "pass")})
    assert left == []
    assert "        return trace.get_current_span()\n" in after["app.py"]


def test_a_method_that_several_classes_have_and_one_gives_something_else(tmp_path):
    """Where one of them gives what is not known, nothing changes, and the reason is named."""
    after, left = _rewritten(tmp_path, {"app.py": _HEAD + _LOGGERS.format(_MADE, "return input()")})
    assert after["app.py"] == ""
    assert "what current() returns is not known" in "\n".join(each.text for each in left)


def test_a_span_that_an_asynchronous_stack_enters(tmp_path):
    """What it gives is what the context manager gives."""
    text = (
        f"from contextlib import AsyncExitStack, asynccontextmanager\n\n{_TELEMETRY}\n\n@asynccontextmanager\nasync def step():\n"
        "    with tracer.span(name='x') as span:\n        yield span\n\n\nasync def main():\n    async with AsyncExitStack() as stack:\n"
        "        span = await stack.enter_async_context(step())\n        span.add_attribute('n', 1)\n"
    )
    after, left = _rewritten(tmp_path, {"app.py": text})
    assert left == []
    assert "        span.set_attribute('n', 1)\n" in after["app.py"]


@pytest.mark.parametrize(
    ("kept", "read"),
    [
        pytest.param("spans[task] = span", "spans.pop(task)", id="pop"),
        pytest.param("spans[task] = span", "spans.get(task, None)", id="get, or none"),
        pytest.param("spans[task] = span", "spans[task]\n    del spans[task]", id="del"),
        pytest.param("spans.clear()\n    spans[task] = span", "spans[task]\n    spans.pop(task, None)", id="pop as a statement"),
    ],
)
def test_spans_that_a_dict_keeps_until_they_end(tmp_path, kept, read):
    """What a function takes out of a dict is what another one has put into it."""
    text = (
        f"{_TELEMETRY}spans = {{}}\n\n\ndef start(task):\n    span = tracer.start_span(name=task)\n    {kept}\n\n\n"
        f"def stop(task):\n    span = {read}\n    if span:\n        span.add_attribute('done', True)\n        tracer.end_span()\n"
    )
    after, left = _rewritten(tmp_path, {"app.py": text})
    assert left == []
    assert "        span.set_attribute('done', True)\n" in after["app.py"]


def test_spans_in_a_dict_with_another_default(tmp_path):
    """What a dict gives in their place is followed no further: nothing changes."""
    text = (
        f"{_TELEMETRY}spans = {{}}\n\n\ndef start(task):\n    spans[task] = tracer.start_span(name=task)\n\n\n"
        "def stop(task, other):\n    spans.pop(task, other).add_attribute('done', True)\n    tracer.end_span()\n"
    )
    after, left = _rewritten(tmp_path, {"app.py": text})
    assert after["app.py"] == ""
    assert left


def test_a_function_that_comes_by_star(tmp_path):
    """What it is handed is known, though its file has nothing of OpenCensus."""
    work = "def work(tracer):\n    with tracer.span(name='x') as span:\n        span.add_attribute('n', 1)\n"
    after, left = _rewritten(tmp_path, {"work.py": work, "app.py": f"from work import *\n{_TELEMETRY}\nwork(tracer)\n"})
    assert left == []
    assert (
        after["work.py"] == "def work(tracer):\n    with tracer.start_as_current_span('x') as span:\n        span.set_attribute('n', 1)\n"
    )


@pytest.mark.parametrize(
    ("module", "code", "status"),
    [
        ("from google.rpc import code_pb2", "code_pb2.UNKNOWN", "trace.StatusCode.ERROR, 'm'"),
        ("from google.rpc import code_pb2", "code_pb2.OK", "trace.StatusCode.OK"),
        ("import google.rpc.code_pb2", "google.rpc.code_pb2.INTERNAL", "trace.StatusCode.ERROR, 'm'"),
    ],
)
def test_a_code_that_has_a_name(tmp_path, module, code, status):
    """The names of gRPC's codes stand for their numbers."""
    text = f"{module}\nfrom opencensus.trace.status import Status\n{_TELEMETRY}with tracer.span('x') as span:\n    span.set_status(Status({code}, 'm'))\n"
    after, left = _rewritten(tmp_path, {"app.py": text})
    assert left == []
    assert f"    span.set_status(trace.Status({status}))\n" in after["app.py"]


def test_a_code_of_another_module(tmp_path):
    """What another module calls so may be any number: a person is asked."""
    text = f"import code_pb2\nfrom opencensus.trace.status import Status\n{_TELEMETRY}with tracer.span('x') as span:\n    span.set_status(Status(code_pb2.OK))\n"
    _, left = _rewritten(tmp_path, {"app.py": text})
    assert "Which codes can it be?" in " ".join(each.text for each in left)


@pytest.mark.parametrize("factory", ["make", "lambda: make()"])
def test_a_field_that_a_function_fills(tmp_path, factory):
    """What the function returns is what the field of each object holds; what a lambda returns is not followed."""
    text = (
        f"from dataclasses import dataclass, field\n\n{_HEAD}\n\ndef make():\n    return {_MADE}\n\n\n@dataclass\nclass Till:\n"
        f"    tracer: Tracer = field(default_factory={factory})\n\n\nwith Till().tracer.span('x') as span:\n    span.add_attribute('n', 1)\n"
    )
    after, left = _rewritten(tmp_path, {"app.py": text})
    assert ("    tracer: trace.Tracer = field(default_factory=make)\n" in after["app.py"]) is (factory == "make")
    assert (left == []) is (factory == "make")
