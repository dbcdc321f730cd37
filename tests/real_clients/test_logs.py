"""What real clients of the retired SDK do with logs, each as a program of its own."""

from __future__ import annotations

import pytest


@pytest.fixture
def logged(endpoint, run_program):
    """Return a function that runs a program against the endpoint and returns the envelopes that arrived, in order of their time."""

    def run_and_read(source, count, **options):
        options = {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, **options}
        run_and_read.printed = run_program(source, **options)
        endpoint.wait_for(count)
        endpoint.wait_idle()
        assert endpoint.refused == []
        envelopes = endpoint.envelopes()
        assert len(envelopes) == count
        return sorted(envelopes, key=lambda envelope: envelope["time"])

    return run_and_read


def _message(envelope):
    return envelope["data"]["baseData"]["message"]


def test_azure_ai_ml(logged):
    """A subclass that puts records into the queue itself, flushes it for some of them, and builds the envelopes by hand."""
    envelopes = logged(
        """
        import logging, os, platform, traceback
        from opencensus.ext.azure.common import utils
        from opencensus.ext.azure.common.protocol import Data, Envelope, ExceptionData, Message
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        from opencensus.trace import config_integration

        config_integration.trace_integrations(["logging"])

        class AzureMLSDKLogHandler(AzureLogHandler):
            def __init__(self, user_agent, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self._user_agent = user_agent
                self._custom_properties = kwargs.pop("custom_properties", {})

            def emit(self, record):
                try:
                    self._queue.put(record, block=False)
                    if record.levelno >= logging.ERROR:
                        self._queue.flush()
                except Exception:
                    return

            def log_record_to_envelope(self, record):
                envelope = Envelope(
                    iKey=self.options.instrumentation_key,
                    tags=dict(utils.azure_monitor_context),
                    time=utils.timestamp_to_iso_str(record.created),
                )
                envelope.tags["ai.operation.id"] = getattr(record, "traceId", "00000000000000000000000000000000")
                envelope.tags["ai.operation.parentId"] = getattr(record, "spanId", "0000000000000000")
                envelope.tags.pop("ai.cloud.roleInstance")
                properties = {"user_agent": self._user_agent, "level": record.levelname}
                properties.update(record.custom_dimensions)
                if record.exc_info:
                    exctype, value, tb = record.exc_info
                    stack = [
                        {"level": number, "method": frame.name, "fileName": frame.filename, "line": frame.lineno}
                        for number, frame in enumerate(traceback.extract_tb(tb))
                    ]
                    envelope.name = "Microsoft.ApplicationInsights.Exception"
                    exception = {"id": 1, "outerId": 0, "typeName": exctype.__name__, "message": str(value), "hasFullStack": True,
                                 "parsedStack": stack}
                    envelope.data = Data(baseData=ExceptionData(exceptions=[exception], severityLevel=3, properties=properties),
                                         baseType="ExceptionData")
                else:
                    envelope.name = "Microsoft.ApplicationInsights.Message"
                    envelope.data = Data(baseData=Message(message=self.format(record), severityLevel=1, properties=properties),
                                         baseType="MessageData")
                return envelope

        logger = logging.getLogger("azure.ai.ml").getChild("_internal")
        logger.propagate = False
        logger.setLevel(logging.INFO)
        logger.addHandler(AzureMLSDKLogHandler("agent/1.0", connection_string=os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"]))
        logger.info("ActivityStarted, %s", "Job.Create", extra={"custom_dimensions": {"activityId": "7"}})
        try:
            raise RuntimeError("no quota")
        except RuntimeError:
            logger.exception("ActivityCompleted", extra={"custom_dimensions": {"activityId": "7"}})
        """,
        2,
        options=(),
    )
    first, second = (envelope["data"]["baseData"] for envelope in envelopes)
    assert (first["message"], first["properties"]) == (
        "ActivityStarted, Job.Create",
        {"user_agent": "agent/1.0", "level": "INFO", "activityId": "7"},
    )
    [exception] = second["exceptions"]
    assert (exception["typeName"], exception["message"]) == ("RuntimeError", "no quota")
    assert all("ai.cloud.roleInstance" not in envelope["tags"] for envelope in envelopes)


def test_promptflow(logged):
    """A subclass of the event handler: no statistics, an emit of its own, tags taken away, and None for what is not to be sent."""
    [envelope] = logged(
        """
        import logging, os
        from opencensus.ext.azure.common.processor import logger as processor_logger
        from opencensus.ext.azure.common.storage import logger as storage_logger
        from opencensus.ext.azure.common.transport import logger as transport_logger
        from opencensus.ext.azure.log_exporter import AzureEventHandler

        for logger in (processor_logger, storage_logger, transport_logger):
            logger.setLevel(logging.CRITICAL)

        class PromptFlowSDKLogHandler(AzureEventHandler):
            def __init__(self, custom_properties, enable_telemetry, **kwargs):
                super().__init__(**kwargs)
                self._custom_dimensions = custom_properties
                self._is_telemetry_enabled = enable_telemetry

            def _check_stats_collection(self):
                return False

            def emit(self, record):
                if self._is_telemetry_enabled:
                    super().emit(record)

            def log_record_to_envelope(self, record):
                if not record.getMessage().startswith("pf."):
                    return None
                record.custom_dimensions = {**getattr(record, "custom_dimensions", {}), **self._custom_dimensions}
                envelope = super().log_record_to_envelope(record=record)
                envelope.tags.pop("ai.cloud.roleInstance", None)
                envelope.tags.pop("ai.device.id", None)
                return envelope

        logger = logging.getLogger("promptflow._sdk._telemetry")
        logger.propagate = False
        logger.setLevel(logging.INFO)
        text = os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"]
        logger.addHandler(PromptFlowSDKLogHandler({"python_version": "3"}, True, connection_string=text))
        logger.info("pf.run.create", extra={"custom_dimensions": {"level": "INFO"}})
        logger.info("not this", extra={"custom_dimensions": {"level": "INFO"}})
        """,
        1,
    )
    assert envelope["data"]["baseData"]["name"] == "pf.run.create"
    assert envelope["data"]["baseData"]["properties"] == {"level": "INFO", "python_version": "3"}
    assert {"ai.cloud.roleInstance", "ai.device.id"} & set(envelope["tags"]) == set()


def test_azure_logger_bundle(logged):
    """The names of envelopes from the log exporter's module, and a conversion that adds to the handler's own."""
    [envelope] = logged(
        """
        import logging
        from opencensus.ext.azure.log_exporter import AzureLogHandler, Envelope, Message

        class CustomAzureLogHandler(AzureLogHandler):
            def log_record_to_envelope(self, record):
                envelope = super().log_record_to_envelope(record)
                assert isinstance(envelope, Envelope) and isinstance(envelope.data.baseData, Message)
                envelope.tags["ai.cloud.role"] = "bundle"
                envelope.data.baseData.properties["app"] = "bundle"
                return envelope

        logger = logging.getLogger("bundle")
        logger.addHandler(CustomAzureLogHandler())
        logger.warning("hello")
        """,
        1,
    )
    assert (envelope["tags"]["ai.cloud.role"], envelope["data"]["baseData"]["properties"]["app"]) == ("bundle", "bundle")


def test_qcodes(logged):
    """A handler closed and made again on restart, user tags by a processor, and a formatter for telemetry."""
    envelopes = logged(
        """
        import atexit, logging
        from opencensus.ext.azure.common.protocol import Envelope
        from opencensus.ext.azure.log_exporter import AzureLogHandler

        handler = None

        def callback_add_tags(envelope: Envelope) -> bool:
            envelope.tags["ai.user.accountId"] = "user"
            envelope.tags["ai.user.id"] = "session"
            return True

        def start_logger():
            global handler
            root = logging.getLogger()
            root.setLevel(logging.DEBUG)
            if handler is not None:
                root.removeHandler(handler)
                handler.close()
            handler = AzureLogHandler()
            handler.setLevel(logging.INFO)
            handler.add_telemetry_processor(callback_add_tags)
            handler.setFormatter(logging.Formatter("%(message)s|%(module)s"))
            root.addHandler(handler)
            atexit.register(lambda: [handler.flush(), handler.close()])

        for number in range(3):
            start_logger()
            logging.getLogger("qcodes").info("start %d", number)
        """,
        3,
    )
    assert [_message(envelope) for envelope in envelopes] == [f"start {number}|app" for number in range(3)]
    assert {envelope["tags"]["ai.user.id"] for envelope in envelopes} == {"session"}


def test_money_to_prisoners(logged, tmp_path):
    """Handler subclasses named by dotted path in a logging dictionary, with the key as a keyword."""
    (tmp_path / "mtp_logging.py").write_text(
        """
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler

class AppLogHandler(AzureLogHandler):
    def __init__(self, **options):
        super().__init__(**options)
        self.add_telemetry_processor(self.tag)

    def tag(self, envelope):
        envelope.tags["ai.cloud.role"] = "mtp-app"
        return True

class AppEventHandler(AzureEventHandler):
    pass
""",
        encoding="utf-8",
    )
    envelopes = logged(
        """
        import logging, logging.config, os
        text = os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"]
        logging.config.dictConfig({
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"simple": {"format": "%(asctime)s [%(levelname)s] %(message)s", "datefmt": "%Y"}},
            "handlers": {
                "azure": {"level": "INFO", "class": "mtp_logging.AppLogHandler", "connection_string": text, "formatter": "simple"},
                "events": {"level": "INFO", "class": "mtp_logging.AppEventHandler", "connection_string": text},
            },
            "root": {"level": "WARNING", "handlers": ["azure"]},
            "loggers": {"mtp": {"level": "INFO", "handlers": ["azure"], "propagate": False},
                        "mtp.events": {"level": "INFO", "handlers": ["events"], "propagate": False}},
        })
        logging.getLogger("mtp").info("signed in")
        logging.getLogger("mtp.events").info("SignIn", extra={"custom_dimensions": {"prison": "X"}})
        """,
        2,
    )
    message, event = (envelope["data"]["baseData"] for envelope in envelopes)
    assert message["message"].endswith(" [INFO] signed in")
    assert (envelopes[0]["tags"]["ai.cloud.role"], event["name"], event["properties"]) == ("mtp-app", "SignIn", {"prison": "X"})


def test_deepgnn(logged):
    """A handler whose filters are taken away, on a logger that is fetched anew each time; the program's random numbers stay its own."""
    envelopes = logged(
        """
        import logging, random
        from opencensus.ext.azure.log_exporter import AzureLogHandler

        def get_logger():
            logger = logging.getLogger("DeepGNN")
            if not logger.handlers:
                handler = AzureLogHandler()
                handler.filters = []
                logger.addHandler(handler)
                logger.setLevel(logging.INFO)
            return logger

        random.seed(7)
        for number in range(3):
            get_logger().info(f"epoch {number}", extra={"custom_dimensions": {"name": "model"}})
        print(random.random() == random.Random(7).random())
        """,
        3,
    )
    assert [_message(envelope) for envelope in envelopes] == ["epoch 0", "epoch 1", "epoch 2"]
    assert logged.printed == "True\n"


def test_a_fastapi_product(logged):
    """A handler with a lock of its own, made from a dictionary as YAML gives it, ids from `get_log_attrs`, a filter on the handler."""
    envelopes = logged(
        """
        import logging, logging.config, sys, threading
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        from opencensus.log import get_log_attrs
        from opencensus.trace.samplers import AlwaysOnSampler
        from opencensus.trace.tracer import Tracer

        class Handler(AzureLogHandler):
            def createLock(self):
                self.lock = threading.RLock()

        class Attributes(logging.Filter):
            def filter(self, record):
                record.traceId, record.spanId, record.traceSampled = get_log_attrs()
                return True

        sys.modules["product"] = sys.modules["__main__"]
        logging.config.dictConfig({
            "version": 1,
            "filters": {"attributes": {"()": "product.Attributes"}},
            "formatters": {"short": {"format": "%(traceId)s %(message)s"}},
            "handlers": {"azure": {"class": "product.Handler", "filters": ["attributes"], "formatter": "short"}},
            "root": {"level": "INFO", "handlers": ["azure"]},
        })
        tracer = Tracer(sampler=AlwaysOnSampler(), exporter=None)
        with tracer.span("request"):
            logging.info("inside")
            print(tracer.span_context.trace_id)
        """,
        1,
    )
    [envelope] = envelopes
    trace_id, _, text = _message(envelope).partition(" ")
    assert (text, envelope["tags"]["ai.operation.id"]) == ("inside", trace_id)
    assert trace_id.strip("0")


def test_azure_tre(logged):
    """A filter that logs while it filters, an adapter that puts `traceId` on records, and the log level of libraries turned down."""
    envelopes = logged(
        """
        import logging
        from opencensus.ext.azure.log_exporter import AzureLogHandler

        class Debug(logging.Filter):
            def filter(self, record):
                if record.name == "tre":
                    logging.getLogger("tre.filter").warning("saw %s", record.getMessage())
                return True

        class Adapter(logging.LoggerAdapter):
            def process(self, message, kwargs):
                kwargs["extra"] = {**self.extra, **kwargs.get("extra", {})}
                return message, kwargs

        handler = AzureLogHandler()
        handler.addFilter(Debug())
        root = logging.getLogger()
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        for name in ("azure.core.pipeline.policies.http_logging_policy", "uvicorn", "urllib3.connectionpool"):
            logging.getLogger(name).disabled = True
        adapter = Adapter(logging.getLogger("tre"), {"traceId": "0af7651916cd43dd8448eb211c80319c"})
        adapter.info("started")
        """,
        2,
    )
    found = {_message(envelope): envelope["tags"].get("ai.operation.id") for envelope in envelopes}
    assert found == {"started": "0af7651916cd43dd8448eb211c80319c", "saw started": None}


def test_microsofts_samples(logged):
    """A named handler, the instrumentation key as a keyword, properties, and a callback that sets the role name."""
    envelopes = logged(
        """
        import logging
        from opencensus.ext.azure.log_exporter import AzureLogHandler, BaseLogHandler

        def callback_function(envelope):
            envelope.tags["ai.cloud.role"] = "new_role_name"
            return True

        logger = logging.getLogger(__name__)
        log_handler = AzureLogHandler()
        log_handler.name = "azure"
        assert isinstance(log_handler, BaseLogHandler)
        log_handler.add_telemetry_processor(callback_function)
        logger.addHandler(log_handler)
        logger.setLevel(logging.INFO)
        properties = {"custom_dimensions": {"key_1": "value_1", "key_2": "value_2"}}
        logger.warning("action", extra=properties)
        try:
            result = 1 / 0
        except Exception:
            logger.exception("Captured an exception.", extra=properties)
        """,
        2,
    )
    assert [envelope["tags"]["ai.cloud.role"] for envelope in envelopes] == ["new_role_name"] * 2
    assert [envelope["data"]["baseData"]["properties"]["key_1"] for envelope in envelopes] == ["value_1"] * 2
