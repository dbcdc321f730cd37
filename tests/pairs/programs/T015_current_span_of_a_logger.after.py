import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure, performance_counters
from opentelemetry import context, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


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
        configure(telemetry_processors=[self.callback_function], signals=["traces"], sampler=ALWAYS_ON)
        self.tracer = trace.get_tracer(__name__)
        self.logger = logging.getLogger(__name__)
        self.logger.addHandler(ApplicationInsightsLoggingHandler())
        configure(signals=["metrics"], export_interval_millis=30000, telemetry_processors=[self.callback_function])
        if standard_metrics:
            performance_counters.observe_legacy()

    def callback_function(self, envelope):
        envelope.data.baseData.properties["run"] = self.run_id
        return True

    def log(self, text):
        dimensions = {"run": self.run_id}
        if self.current_span().get_span_context().is_valid:
            dimensions["process"] = getattr(self.current_span(), "name", None)
        self.logger.warning(text, extra={"custom_dimensions": dimensions})

    def exception(self, error: Exception):
        if self.current_span().get_span_context().is_valid:
            self.current_span().set_status(trace.Status(trace.StatusCode.ERROR, str(error)))
            self.current_span().set_attribute("http.status_code", 500)

    def start_span(self, name="span"):
        span = self.tracer.start_span(name, kind=trace.SpanKind.SERVER)
        context.attach(context.set_value("outer_context", context.get_current(), trace.set_span_in_context(span)))
        span.set_attribute("http.method", "START")
        return span

    def end_span(self):
        outer = context.get_value("outer_context")
        if isinstance(outer, context.Context):
            trace.get_current_span().end()
            context.attach(outer)

    def current_span(self):
        return trace.get_current_span()

    def add_attribute_to_current_span(self, attribute_key, attribute_value):
        trace.get_current_span().set_attribute(attribute_key, attribute_value)

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
