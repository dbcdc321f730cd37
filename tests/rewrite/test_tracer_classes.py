"""Classes of the program on a tracer: the base goes, where they only name it."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text
from opencensus_compat.scan.rules import BY_ID

_IMPORT = "from opencensus.trace.tracer import Tracer\n\n\n"
_METHODS = "".join(
    f"    def {name}(self, *given):\n        return None\n\n"
    for name in ("span", "start_span", "end_span", "current_span", "add_attribute_to_current_span")
)
_CONSTRUCTOR = "    def __init__(self):\n        self.seen = []\n\n"
_CLASS = f"class Own(Tracer):\n{_CONSTRUCTOR}{_METHODS}"
_ON_IT = f"class Own(Tracer):\n{_METHODS}\nclass Other(Own):\n{{}}\n"
_QUESTION = BY_ID["B001"].question


def rewritten(text, **options):
    """Return what becomes of a program, and what is left of it by rule; a second run changes nothing."""
    chosen = Options(markers=False, **options)
    data = (_IMPORT + text).encode()
    found = rewrite_text(data, options=chosen)
    new = next(iter(found.after.values()), data)
    assert rewrite_text(new, options=chosen).after == {}
    return new.decode().removeprefix(_IMPORT), {each.rule: each.text for each in found.left}


@pytest.mark.parametrize(
    ("bases", "after"),
    [
        ("(Tracer)", ""),
        ("( Tracer, )", ""),
        ("(Tracer, Base)", "(Base)"),
        ("(Base, Tracer)", "(Base)"),
        ("(Base, Tracer, metaclass=ABCMeta)", "(Base, metaclass=ABCMeta)"),
        ("(Tracer, metaclass=ABCMeta)", "(metaclass=ABCMeta)"),
        ("(Base,\n          Tracer)", "(Base)"),
    ],
)
def test_the_base_goes(bases, after):
    """The other bases and keywords stay, and the import goes with its last reader."""
    text, left = rewritten(_CLASS.replace("(Tracer)", bases) + "\n\nown = Own()\nown.span('a')\nprint(own.current_span(), own.seen)\n")
    assert text == _CLASS.replace("(Tracer)", after) + "\n\nown = Own()\nown.span('a')\nprint(own.current_span(), own.seen)\n"
    assert left == {}


@pytest.mark.parametrize(
    "text",
    [
        _CLASS.replace(_CONSTRUCTOR, "") + "own = Own()\n",
        _CLASS.replace(_CONSTRUCTOR, "") + "made = [each() for each in (Own,)]\n",
        _CLASS.replace(_CONSTRUCTOR, "") + "own = load('shop.Own')\n",
        _CLASS.replace("self.seen = []", "super().__init__()"),
        _CLASS.replace("self.seen = []", "Tracer.__init__(self)"),
        _CLASS.replace("self.seen = []", "print(super())"),
        _CLASS.replace("return None", "return super().start_span(*given)", 1),
        _CLASS.replace("def start_span", "def begin_span") + "Own().start_span('a')\n",
        _CLASS + "Own().finish()\n",
        _CLASS + "@Own().trace_decorator()\ndef work():\n    pass\n",
        _CLASS + "getattr(Own(), 'finish')()\n",
        _CLASS + "print(isinstance(given, Tracer))\n",
        _CLASS + "print(Tracer.__subclasses__())\n",
        _CLASS + "from opencensus.trace import execution_context\nexecution_context.set_opencensus_tracer(Own())\n",
        _CLASS + "from opencensus.trace import config_integration\nconfig_integration.trace_integrations(['logging'], Own())\n",
        _ON_IT.format("    pass\n") + "Other()\n",
        _ON_IT.format("    def __init__(self):\n        super().__init__()\n") + "Other()\n",
        _CLASS.replace("Tracer)", "Tracer  # by name\n)"),
        _CLASS + "def work(tracer):\n    tracer.add_attribute_to_current_span('a', 1)\n\n\nwork(Own())\n",
    ],
    ids=[
        "made by the tracer's constructor",
        "made as a value",
        "made by its name in text",
        "the constructor above",
        "the constructor by its name",
        "what stands above as a value",
        "a method above",
        "a method that it gets",
        "an inherited method is called",
        "an inherited decorator",
        "an inherited method by its name in text",
        "a check of the class",
        "the classes on the tracer",
        "the tracer of the context",
        "the tracer of an integration",
        "a class on it without a constructor",
        "a class on it whose constructor calls the tracer's",
        "a comment among the bases",
        "a parameter that may be one of both",
    ],
)
def test_a_tracer_that_it_may_be_is_asked_for(text):
    """The base stays, with the question, where something may get to what it has from the tracer."""
    after, left = rewritten(text)
    assert "(Tracer" in after
    assert left["B001"] == _QUESTION


def test_objects_of_a_class_that_stays_are_kept():
    """What makes an object of the program's class is not what makes a tracer: its constructor runs."""
    text = "class Own(Tracer):\n    def finish(self):\n        print(self)\n\n\nOwn()\nown = Own(sampler=None)\n"
    after, left = rewritten(text)
    assert after == text
    assert left == {"B001": _QUESTION, "T001": "a class of the program stands on the tracer"}


@pytest.mark.parametrize("call", ["add_attribute_to_current_span('a', 1)", "current_span()"])
def test_own_methods_of_a_class_that_stays_are_asked_for(call):
    """What the program's class has in place of the tracer's is no method of the tracer's."""
    text = _CLASS.replace("self.seen = []", "super().__init__()") + f"own = Own()\nown.{call}\n"
    after, left = rewritten(text)
    assert after == text
    assert "What does the program's own method do?" in left["T016" if "attribute" in call else "T015"]


def test_classes_of_other_files(tmp_path):
    """What other files make of such a class is no use of a tracer any more."""
    files = {
        "base.py": _IMPORT + f"class Own(Tracer):\n{_METHODS}",
        "part.py": f"from base import Own\n\n\nclass Part(Own):\n{_CONSTRUCTOR}",
        "app.py": "from part import Part\n\npart = Part()\npart.start_span('a')\nprint(part.seen)\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = rewrite([str(tmp_path)], Options())
    assert {path.rpartition("/")[2]: text.decode() for path, text in found.after.items()} == {"base.py": f"class Own:\n{_METHODS}"}
    assert found.left == []


def test_it_is_left_where_another_rule_is_asked_for():
    """A run for one rule takes no base, and does what it is asked for."""
    text = f"{_CLASS}\n\ndef work(span):\n    span.add_annotation('a')\n"
    after, _ = rewritten(text, rules=frozenset({"T023"}))
    assert "class Own(Tracer)" in after
    after, _ = rewritten(text, rules=frozenset({"B001"}))
    assert "class Own:" in after
