"""Log handlers and their options: text before, text after, and what is left."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_OLD = "from opencensus.ext.azure.log_exporter import AzureLogHandler\n"
_NEW = "from appinsights_exporter import ApplicationInsightsLoggingHandler\n"


def _rewrite(text):
    result = rewrite_text(dedent(text).encode(), options=Options(shape=True))
    return b"".join(result.after.values()).decode(), [(each.line, each.rule, each.why) for each in result.left]


_ARGUMENTS = {
    "none": ("", ""),
    "an environment variable": ("connection_string=os.environ['X']", "connection_string=os.environ['X']"),
    "a key": ("instrumentation_key='k-1'", 'connection_string="InstrumentationKey=k-1"'),
    "a key that may be None": (
        "instrumentation_key=settings.KEY",
        'connection_string=f"InstrumentationKey={settings.KEY}" if settings.KEY else None',
    ),
    "a key that the environment may have": (
        "instrumentation_key=os.environ.get('K')",
        "connection_string=\"InstrumentationKey=\" + os.environ['K'] if os.environ.get('K') else None",
    ),
    "the same by getenv": (
        "instrumentation_key=os.getenv('K', '')",
        "connection_string=\"InstrumentationKey=\" + os.getenv('K', '') if os.getenv('K', '') else None",
    ),
    "a key with a text in its place": (
        "instrumentation_key=os.environ.get('K', 'k-1')",
        "connection_string=\"InstrumentationKey=\" + os.environ.get('K', 'k-1')",
    ),
    "a key of a mapping": ("instrumentation_key=os.environ['K']", "connection_string=\"InstrumentationKey=\" + os.environ['K']"),
    "a key with a default": ("instrumentation_key=KEY or 'k'", "connection_string=\"InstrumentationKey=\" + (KEY or 'k')"),
    "seconds": ("export_interval=2.5", "export_interval_millis=2500"),
    "no wait": ("export_interval=0.0", "export_interval_millis=1"),
    "seconds in a variable": ("export_interval=SECONDS", "export_interval_millis=SECONDS * 1000"),
    "a queue": ("queue_capacity=100", "queue_capacity=100"),
    "a queue without an end": ("queue_capacity=0", "queue_capacity=1000000"),
    "delivery": (
        "timeout=T, proxies='{}', storage_max_size=N, storage_retention_period=60, minimum_retry_interval=5, max_batch_size=9",
        "timeout=T, proxies='{}', storage_max_size=N, storage_retention_period=60, storage_min_retry_interval=5, max_batch_size=9",
    ),
    "what does nothing": ("storage_maintenance_period=5, timeout=None", ""),
    "a share of the records": (
        "logging_sampling_rate=RATE, logging_sampling_exempt_level='ERROR'",
        "sampling_rate=RATE, sampling_exempt_level='ERROR'",
    ),
    "no store": ("enable_local_storage=False", "disable_offline_storage=True"),
    "a store, as it is by default": ("enable_local_storage=True", ""),
    "a folder, and a default between": (
        "connection_string=X, logging_sampling_rate=1.0, storage_path='/x'",
        "connection_string=X, storage_directory='/x'",
    ),
}


@pytest.mark.parametrize(("before", "after"), _ARGUMENTS.values(), ids=_ARGUMENTS)
def test_arguments(before, after):
    """The new handler gets the old one's options under its own names."""
    text, left = _rewrite(f"{_OLD}\nhandler = AzureLogHandler({before})\n")
    assert (text, left) == (f"{_NEW}\nhandler = ApplicationInsightsLoggingHandler({after})\n", [])


@pytest.mark.parametrize(
    "argument",
    ["grace_period=1", "endpoint=E", "tiemout=5", "**options", "instrumentation_key=K, connection_string=C"],
)
def test_options_that_the_new_handler_lacks(argument):
    """An option without a counterpart is a question, and the handler stays."""
    text, left = _rewrite(f"{_OLD}\nhandler = AzureLogHandler({argument})\n")
    assert text.startswith(f"{_OLD}\n# census-compat: L001 ")
    assert text.endswith(f"\nhandler = AzureLogHandler({argument})\n")
    assert (3, "L001", "decide") in left


def test_a_subclass_stays():
    """A class that replaces a part of the handler keeps it, and so do its objects."""
    before = f"{_OLD}\nclass Handler(AzureLogHandler):\n    def createLock(self):\n        self.lock = None\n\nhandler = Handler()\n"
    text, left = _rewrite(before)
    assert [line for line in text.splitlines() if "# census-compat" not in line] == before.splitlines()
    assert (3, "B003", "decide") in left


def test_a_check_waits_for_the_handlers():
    """A check for the class changes only with all that it may find."""
    text, _ = _rewrite(
        f"{_OLD}\nhandlers = [AzureLogHandler(), AzureLogHandler(tiemout=5)]\nprint(isinstance(handlers[0], AzureLogHandler))\n"
    )
    assert "isinstance(handlers[0], AzureLogHandler)" in text


def test_an_import_that_may_fail():
    """What stands for the class where its import fails gets its new name."""
    text, _ = _rewrite("""\
        try:
            from opencensus.ext.azure.log_exporter import AzureLogHandler
        except ImportError:
            AzureLogHandler = None
        handler = AzureLogHandler() if AzureLogHandler else None
        """)
    assert "AzureLogHandler =" not in text.replace("ApplicationInsightsLoggingHandler", "")
    assert "    ApplicationInsightsLoggingHandler = None\n" in text


def test_a_processor_keeps_its_fields():
    """A telemetry processor stays, and its annotation names the exporter's class."""
    text, left = _rewrite("""\
        from opencensus.ext.azure.common.protocol import Envelope
        from opencensus.ext.azure.log_exporter import AzureLogHandler

        def set_role(envelope: Envelope) -> bool:
            envelope.tags["ai.cloud.role"] = "shop"
            return True

        handler = AzureLogHandler()
        handler.add_telemetry_processor(set_role)
        """)
    assert "opencensus" not in text
    assert "from appinsights_exporter.envelope import Envelope" in text
    assert '    envelope.tags["ai.cloud.role"] = "shop"\n' in text
    assert left == []


def test_any_code_may_hold_a_handler():
    """Handlers in lists, in loops and in functions change: the new ones have the same methods."""
    text, left = _rewrite(
        f"""\
import logging
{_OLD}
def make():
    handler = AzureLogHandler()
    handler.setLevel(logging.INFO)
    return handler

handlers = [logging.StreamHandler()]
handlers.append(make())
one = make()
one.flush()
for each in (one, *handlers):
    logging.getLogger().addHandler(each)
"""
    )
    assert "handler = ApplicationInsightsLoggingHandler()\n" in text
    assert ("opencensus" in text, left) == (False, [])


def test_a_handler_that_is_flushed_in_time():
    """A time limit has no counterpart, and the handler stays."""
    text, left = _rewrite(f"{_OLD}\nhandler = AzureLogHandler()\nhandler.flush(timeout=1)\n")
    assert (text, [why for *_, why in left]) == ("", ["with", "with", "keep"])


def test_a_name_in_a_sentence():
    """An import goes though a message has its name among other words; a text that may be an annotation keeps it."""
    text = (
        "import logging\n\nfrom opencensus.ext.azure.log_exporter import AzureLogHandler\n\n\ndef start():\n"
        "    logging.debug('Initializing AzureLogHandler')\n    logging.getLogger().addHandler(AzureLogHandler())\n"
    )
    assert "opencensus" not in _rewrite(text)[0]
    assert "import AzureLogHandler" in _rewrite(text.replace("Initializing AzureLogHandler", "list[AzureLogHandler]"))[0]


def test_a_name_in_the_signature():
    """An import inside a function goes where only the signature has its name, in quotes: that means one of the module."""
    text, _ = _rewrite(
        """\
from typing import Any

AzureLogHandler = Any

def make() -> "AzureLogHandler":
    from opencensus.ext.azure.log_exporter import AzureLogHandler

    return AzureLogHandler()
"""
    )
    assert "opencensus" not in text


def test_fields_of_all_handlers():
    """What every handler keeps, the new one keeps too."""
    text = "from opencensus.ext.azure.log_exporter import AzureLogHandler\n\nhandler = AzureLogHandler()\nhandler.lock = threading.Lock()\nprint(handler.level)\n"
    after = rewrite_text(text.encode()).after["<stdin>"].decode()
    assert after == text.replace("opencensus.ext.azure.log_exporter", "appinsights_exporter").replace(
        "AzureLogHandler", "ApplicationInsightsLoggingHandler"
    )


_DELIVERED = "connection_string=C, export_interval=2, timeout=None, storage_path='a'"
_RENAMED = "connection_string=C, export_interval_millis=2000, storage_directory='a'"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{'()': H, 'export_interval': 2}", "{'()': N, 'export_interval_millis': 2000}"),
        (f"make = partial(H, {_DELIVERED})\nmake()\nmake(timeout=3)", f"make = partial(N, {_RENAMED})\nmake()\nmake(timeout=3)"),
        (f"cls = H\nhandler = cls({_DELIVERED})", f"cls = N\nhandler = cls({_RENAMED})"),
        (f"def f():\n    cls = H\n    return cls({_DELIVERED})", f"def f():\n    cls = N\n    return cls({_RENAMED})"),
        (
            "print(isinstance(x, (H, str)), type(x) is H, H and H(), not H)",
            "print(isinstance(x, (N, str)), type(x) is N, N and N(), not N)",
        ),
        ("kinds: 'list[H]' = [H()]", "kinds: 'list[N]' = [N()]"),
        ("mock = Mock(spec=H)", "mock = Mock(spec=N)"),
        ("with patch.object(H, 'emit'):\n    H()", "with patch.object(N, 'emit'):\n    N()"),
    ],
)
def test_a_class_as_a_value(before, after):
    """A class that is named without a call becomes the new one where its options are known, or where nothing makes an object of it."""
    import_of = "from opencensus.ext.azure.log_exporter import AzureLogHandler as H\n"
    text, left = _rewrite(f"{import_of}\n{before}\n")
    assert (text, left) == (f"{_NEW}\n{_with_new_name(after)}\n", [])


def _with_new_name(text):
    return re.sub(r"\bN\b", "ApplicationInsightsLoggingHandler", text)


@pytest.mark.parametrize(
    "value",
    [
        "build(AzureLogHandler, export_interval=2)",
        "KINDS = {'azure': AzureLogHandler}",
        "partial(AzureLogHandler, timeout=3)",
        "self.handler = AzureLogHandler",
        "handler = (AzureLogHandler or StreamHandler)(**options)",
        "with patch.object(AzureLogHandler, '_transmit'):\n    pass",
    ],
)
def test_a_class_whose_options_are_not_seen(value):
    """A class that something else calls is asked about: its options may have other names."""
    text, left = _rewrite(f"{_OLD}\n{value}\n")
    assert "ApplicationInsights" not in text
    assert [(rule, why) for _, rule, why in left] == [("L001", "decide")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"OPTIONS = dict({_DELIVERED})\nhandler = H(**OPTIONS)", f"OPTIONS = dict({_RENAMED})\nhandler = N(**OPTIONS)"),
        (
            "OPTIONS = {'timeout': None, \"export_interval\": 2, 'storage_path': P}\nhandler = H(queue_capacity=9, **OPTIONS)",
            "OPTIONS = {\"export_interval_millis\": 2000, 'storage_directory': P}\nhandler = N(queue_capacity=9, **OPTIONS)",
        ),
        (
            f"def make(level, **options):\n    return H(**options)\n\nmake(3, {_DELIVERED})\nmake(level=4)",
            f"def make(level, **options):\n    return N(**options)\n\nmake(3, {_RENAMED})\nmake(level=4)",
        ),
        (
            f"class A:\n    def __init__(self, **kw):\n        self.h = H(**kw)\n\nA({_DELIVERED})",
            f"class A:\n    def __init__(self, **kw):\n        self.h = N(**kw)\n\nA({_RENAMED})",
        ),
    ],
    ids=["dict()", "a dict", "a function", "a class"],
)
def test_options_in_stars(before, after):
    """Options that a handler gets by `**` change where they are written."""
    text, left = _rewrite(f"from opencensus.ext.azure.log_exporter import AzureLogHandler as H\n\n{before}\n")
    assert (text, left) == (f"{_NEW}\n{_with_new_name(after)}\n", [])


@pytest.mark.parametrize(
    "body",
    [
        "OPTIONS = {'timeout': 3}\nOPTIONS['export_interval'] = 2\nhandler = AzureLogHandler(**OPTIONS)",
        "OPTIONS = {key: 3}\nhandler = AzureLogHandler(**OPTIONS)",
        "def make(**options):\n    return AzureLogHandler(**options)\n\nmakers = [make]",
        "def make(**options):\n    options.pop('name')\n    return AzureLogHandler(**options)\n\nmake(name=1)",
        "def make(**options):\n    return AzureLogHandler(**options)\n\nCONFIG = {'()': 'app.make', 'export_interval': 2}",
        "def make(**options):\n    return AzureLogHandler(**options)\n\nmake(instrumentation_key=K, connection_string=C)",
    ],
)
def test_options_in_stars_that_are_not_seen(body):
    """Options by `**` that are not all written out are asked about."""
    text, left = _rewrite(f"{_OLD}\n{body}\n")
    assert "ApplicationInsights" not in text
    assert [(rule, why) for _, rule, why in left] == [("L001", "decide")]


def test_options_that_another_file_gives(tmp_path):
    """Options by `**` change in the file that gives them."""
    (tmp_path / "logs.py").write_text(f"{_OLD}\n\ndef make(**options):\n    return AzureLogHandler(**options)\n")
    (tmp_path / "app.py").write_text(f"from logs import make\n\nhandler = make({_DELIVERED})\n")
    found = rewrite([str(tmp_path)], Options(markers=False))
    texts = {path.rpartition("/")[2]: text.decode() for path, text in found.after.items()}
    assert texts["app.py"] == f"from logs import make\n\nhandler = make({_RENAMED})\n"
    assert "ApplicationInsightsLoggingHandler(**options)" in texts["logs.py"]


def test_an_annotation_in_quotes_beside_an_import_that_may_fail():
    """A class in a text that is an annotation keeps what stands around it, and the new import stands where the old one was."""
    text, _ = _rewrite(
        "try:\n    from opencensus.ext.azure.log_exporter import AzureLogHandler\n    HAS = True\nexcept ImportError:\n    HAS = False\n\n"
        "def get() -> 'Optional[AzureLogHandler]':\n    return AzureLogHandler() if HAS else None\n"
    )
    assert text.startswith(f"try:\n    {_NEW}    HAS = True\n")
    assert "-> 'Optional[ApplicationInsightsLoggingHandler]':" in text


def test_an_option_that_is_set_later():
    """A handler of a logging configuration stays where another statement sets one of its options."""
    name = "opencensus.ext.azure.log_exporter.AzureLogHandler"
    text, left = _rewrite(
        f"CONFIG = {{'handlers': {{'a': {{'class': '{name}'}}}}}}\nCONFIG['handlers']['a']['instrumentation_key'] = KEY\n"
    )
    assert "ApplicationInsights" not in text
    assert ("N003", "decide") in [(rule, why) for _, rule, why in left]


def test_handlers_that_send_different_shares():
    """Handlers of which one leaves records out are asked about: a record that meets both is sent by the first."""
    text, left = _rewrite(f"{_OLD}\na = AzureLogHandler(logging_sampling_rate=0.5)\nb = AzureLogHandler()\n")
    assert "ApplicationInsights" not in text
    assert [(rule, why) for _, rule, why in left if why == "decide"] == [("L001", "decide")] * 2
    text, left = _rewrite(f"{_OLD}\na = AzureLogHandler(logging_sampling_rate=1.0)\nb = AzureLogHandler()\n")
    assert ("opencensus" in text, left) == (False, [])
