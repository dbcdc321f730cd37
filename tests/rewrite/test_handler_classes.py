"""Classes of the program on a log handler: they stand on the native one, where they only add to it."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_IMPORT = "from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler\n\n\n"
_CLASS = "class Own(AzureLogHandler):\n"
_ADDS = "    def __init__(self, **options):\n        super().__init__(**options)\n        super().add_telemetry_processor(print)\n"
_MADE = "\n\nhandler = Own({})\n"


def rewritten(text, **options):
    """Return what becomes of a program, and what a person is asked; a second run changes nothing."""
    chosen = Options(markers=False, **options)
    found = rewrite_text((_IMPORT + text).encode(), options=chosen)
    new = next(iter(found.after.values()), (_IMPORT + text).encode())
    assert rewrite_text(new, options=chosen).after == {}
    return new.decode().partition("\n\n\n")[2], {each.rule: each.text for each in found.left if each.why == "decide"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_ADDS + _MADE.format("connection_string=TEXT"), _ADDS + _MADE.format("connection_string=TEXT")),
        (
            _ADDS + _MADE.format("instrumentation_key='a', queue_capacity=10"),
            _ADDS + _MADE.format('connection_string="InstrumentationKey=a", queue_capacity=10'),
        ),
        ("    pass\n" + _MADE.format("export_interval=2"), "    pass\n" + _MADE.format("export_interval_millis=2000")),
        (
            "    def __init__(self, seconds):\n        AzureLogHandler.__init__(self, export_interval=seconds)\n"
            + _MADE.format("seconds=2"),
            None,
        ),
        (
            "    def __init__(self, seconds):\n        super().__init__(export_interval=seconds)\n" + _MADE.format("seconds=2"),
            "    def __init__(self, seconds):\n        super().__init__(export_interval_millis=seconds * 1000)\n"
            + _MADE.format("seconds=2"),
        ),
        (
            "    def emit(self, record):\n        self.last = record\n        super().emit(record)\n" + _MADE.format(""),
            "    def emit(self, record):\n        self.last = record\n        super().emit(record)\n" + _MADE.format(""),
        ),
    ],
    ids=[
        "handed through",
        "options of other names",
        "no constructor",
        "the class by its name",
        "options of its own",
        "a method of all handlers",
    ],
)
def test_it_stands_on_the_native_handler(before, after):
    """The base is the native handler, and options have its names where they are given."""
    text, asked = rewritten(_CLASS + before)
    if after is None:
        assert text == _CLASS + before
        return
    assert (text, asked) == (_CLASS.replace("AzureLogHandler", "ApplicationInsightsLoggingHandler") + after, {})


def test_events():
    """A class on the handler of events stands on the native one of those."""
    text, asked = rewritten(f"class Own(AzureEventHandler):\n    pass\n{_MADE.format('')}")
    assert (text.splitlines()[0], asked) == ("class Own(ApplicationInsightsEventHandler):", {})


@pytest.mark.parametrize(
    "before",
    [
        "    def log_record_to_envelope(self, record):\n        return None\n" + _MADE.format(""),
        "    def createLock(self):\n        pass\n" + _MADE.format(""),
        "    def emit(self, record):\n        self._queue.put(record)\n" + _MADE.format(""),
        "    def emit(self, record):\n        print(self.options.connection_string)\n" + _MADE.format(""),
    ],
    ids=["the conversion", "the lock", "the queue", "the options"],
)
def test_what_only_opencensus_has(before):
    """A class that replaces or reads what the native handler has not is asked about."""
    text, asked = rewritten(_CLASS + before)
    assert text == _CLASS + before
    assert asked["B003"].startswith("Does it change records")


@pytest.mark.parametrize(
    "made",
    ["", "\n\nCLASSES = [Own]\n", "\n\nCONFIG = {'class': 'app.Own'}\n", "\n\nhandler = Own(**options)\n"],
    ids=["nowhere", "as a value", "by a logging configuration", "with stars"],
)
def test_who_makes_it(made):
    """Where it is not known with which options objects are made, a person is asked."""
    text, asked = rewritten(_CLASS + _ADDS + made)
    assert text == _CLASS + _ADDS + made
    assert asked["B003"].startswith("Who makes this handler")


def test_made_by_others():
    """A library's class is rewritten where its makers are said to see to the options."""
    text, asked = rewritten(_CLASS + _ADDS, accepted=frozenset({"B003"}))
    assert (text, asked) == (_CLASS.replace("AzureLogHandler", "ApplicationInsightsLoggingHandler") + _ADDS, {})


def test_made_in_another_file(tmp_path):
    """Options change in the file that gives them."""
    (tmp_path / "logs.py").write_text(_IMPORT + _CLASS + _ADDS)
    (tmp_path / "app.py").write_text("from logs import Own\n\nhandler = Own(storage_path='a', export_interval=2)\n")
    found = rewrite([str(tmp_path)], Options(markers=False))
    texts = {path.rpartition("/")[2]: text.decode() for path, text in found.after.items()}
    assert texts["app.py"].endswith("Own(storage_directory='a', export_interval_millis=2000)\n")
    assert "class Own(ApplicationInsightsLoggingHandler):" in texts["logs.py"]
