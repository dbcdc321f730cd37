"""Classes of the program on a log handler: they stand on the native one, where they only add to it."""

from __future__ import annotations

import logging

import pytest

from appinsights_exporter import ApplicationInsightsEventHandler, ApplicationInsightsLoggingHandler
from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text
from opencensus_compat.rewrite.rules.logs.handler_classes import OF_NATIVE

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
            "    def __init__(self, seconds):\n        ApplicationInsightsLoggingHandler.__init__(self, export_interval_millis=seconds * 1000)\n"
            + _MADE.format("seconds=2"),
        ),
        (
            "    def __init__(self, name, *args, **kwargs):\n        super(Own, self).__init__(*args, **kwargs)\n        self._service = name\n"
            + _MADE.format("'a', timeout=None, storage_path='b'"),
            "    def __init__(self, name, *args, **kwargs):\n        super(Own, self).__init__(*args, **kwargs)\n        self._service = name\n"
            + _MADE.format("'a', storage_directory='b'"),
        ),
        (
            "    def close(self):\n        self.flush()\n        super().close()\n"
            + _MADE.format("")
            + "if isinstance(handler, Own):\n    handler.close()\n",
            "    def close(self):\n        self.flush()\n        super().close()\n"
            + _MADE.format("")
            + "if isinstance(handler, Own):\n    handler.close()\n",
        ),
        (
            _ADDS + "\n\nCONFIG = {'()': Own, 'export_interval': 2}\nOTHER = {'class': 'app.Own', 'storage_path': 'a'}\n",
            _ADDS + "\n\nCONFIG = {'()': Own, 'export_interval_millis': 2000}\nOTHER = {'class': 'app.Own', 'storage_directory': 'a'}\n",
        ),
        (
            "    def __init__(self):\n        super().__init__(storage_path='a')\n",
            "    def __init__(self):\n        super().__init__(storage_directory='a')\n",
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
        "by place, and with a name of its own",
        "a method that closes it",
        "a logging configuration",
        "made nowhere, with options of its own",
        "options of its own",
        "a method of all handlers",
    ],
)
def test_it_stands_on_the_native_handler(before, after):
    """The base is the native handler, and options have its names where they are given."""
    text, asked = rewritten(_CLASS + before)
    assert (text, asked) == (_CLASS.replace("AzureLogHandler", "ApplicationInsightsLoggingHandler") + after, {})


def test_events():
    """A class on the handler of events stands on the native one of those."""
    text, asked = rewritten(f"class Own(AzureEventHandler):\n    pass\n{_MADE.format('')}")
    assert (text.splitlines()[0], asked) == ("class Own(ApplicationInsightsEventHandler):", {})


@pytest.mark.parametrize(
    ("before", "named"),
    [
        ("    def log_record_to_envelope(self, record):\n        return None\n", "log_record_to_envelope"),
        ("    def createLock(self):\n        pass\n", "createLock"),
        ("    def emit(self, record):\n        self._queue.put(record)\n", "_queue"),
        ("    def emit(self, record):\n        print(self.options.connection_string)\n", "options"),
        ("    def emit(self, record):\n        self._telemetry_processors = [record]\n", "_telemetry_processors"),
        ("    _made = None\n", "_made"),
        ("    def flush(self, timeout=None):\n        super().flush(timeout)\n", "flush"),
    ],
)
def test_what_only_opencensus_has(before, named):
    """A class that replaces or reads what the native handler has not is asked about, by its name."""
    text, asked = rewritten(_CLASS + before + _MADE.format(""))
    assert text == _CLASS + before + _MADE.format("")
    assert f"`{named}`" in asked["B003"]


@pytest.mark.parametrize("handler", [ApplicationInsightsLoggingHandler, ApplicationInsightsEventHandler])
def test_what_the_native_handlers_keep_for_themselves(handler):
    """All that a native handler has beside what every handler has is known: a class of a program may use no such name."""
    made = handler("InstrumentationKey=00000000-0000-0000-0000-000000000000", disable_offline_storage=True)
    try:
        own = {*vars(made), *dir(handler)} - {*vars(logging.Handler()), *dir(logging.Handler)}
    finally:
        made.close()
    assert own <= OF_NATIVE | {"_exporter", "add_telemetry_processor", "clear_telemetry_processors"}


@pytest.mark.parametrize(
    "made",
    ["", "\n\nCLASSES = [Own]\n", "\n\nCLASSES = ['app.Own']\n", "\n\nhandler = Own(**options)\n"],
    ids=["nowhere", "as a value", "by its name", "with stars"],
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


def test_a_class_below_it():
    """A class on which another one stands is asked about: that may replace what the native handler has not."""
    text, asked = rewritten(f"{_CLASS}    pass\n\n\nclass More(Own):\n    def log_record_to_envelope(self, record):\n        return None\n")
    assert "class Own(AzureLogHandler):" in text
    assert "B003" in asked


@pytest.mark.parametrize(("name", "text"), [("log.yaml", "a:\n  class: logs.Own\n  storage_path: a\n"), ("log.json", '{"()": "logs.Own"}')])
def test_made_by_a_file_of_settings(tmp_path, name, text):
    """A class that a logging configuration in another file makes is asked about: its options stand there."""
    (tmp_path / "logs.py").write_text(_IMPORT + _CLASS + _ADDS)
    (tmp_path / name).write_text(text)
    found = rewrite([str(tmp_path)], Options(markers=False))
    assert not any(b"ApplicationInsights" in each for each in found.after.values())
    assert [each.text.partition(",")[0] for each in found.left if each.rule == "B003"] == ["Who makes this handler"]
