import logging

from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.stats import stats as stats_module
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer


class QuietLogger:
    def start_span(self, name="span"):
        pass

    def end_span(self):
        pass

    def current_span(self):
        pass


class Loggers:
    def __init__(self, loggers):
        self.loggers = loggers

    def start_span(self, name):
        for logger in self.loggers:
            logger.start_span(name)
        return self.current_span()

    def end_span(self):
        for logger in self.loggers:
            logger.end_span()

    def current_span(self):
        return self.loggers[0].current_span()


class AppLogger:
    def __init__(self, run_id, standard_metrics):
        self.run_id = run_id
        texporter = AzureExporter()
        texporter.add_telemetry_processor(self.callback_function)
        self.tracer = Tracer(exporter=texporter, sampler=ProbabilitySampler(1.0))
        self.logger = logging.getLogger(__name__)
        self.logger.addHandler(AzureLogHandler())
        mexporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=standard_metrics, export_interval=30.0)
        mexporter.add_telemetry_processor(self.callback_function)
        stats_module.stats.view_manager.register_exporter(mexporter)

    def callback_function(self, envelope):
        envelope.data.baseData.properties["run"] = self.run_id
        return True

    def log(self, text):
        dimensions = {"run": self.run_id}
        if self.current_span() is not None:
            dimensions["process"] = self.current_span().name
        self.logger.warning(text, extra={"custom_dimensions": dimensions})

    def exception(self, error: Exception):
        if self.current_span() is not None:
            self.current_span().status = Status(2, error)
            self.current_span().attributes["http.status_code"] = 500

    def start_span(self, name="span"):
        span = self.tracer.start_span(name)
        span.span_kind = SpanKind.SERVER
        span.attributes["http.method"] = "START"
        return span

    def end_span(self):
        self.tracer.end_span()

    def current_span(self):
        return self.tracer.current_span()

    def add_attribute_to_current_span(self, attribute_key, attribute_value):
        self.tracer.add_attribute_to_current_span(attribute_key, attribute_value)

    def list_collected_spans(self):
        self.tracer.list_collected_spans()


app = AppLogger("r1", False)
app.log("before")
every = Loggers([app, QuietLogger()])
every.start_span("train")
app.add_attribute_to_current_span("epoch", 1)
app.log("inside")
app.exception(ValueError("wrong"))
every.end_span()
app.log("after")
