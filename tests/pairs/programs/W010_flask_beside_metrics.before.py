from flask import Flask
from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import tag_map
from opencensus.trace.samplers import ProbabilitySampler

exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)
stats.stats.view_manager.register_exporter(exporter)
VOTES = measure.MeasureInt("votes", "Votes", "1")
VIEW = view.View("votes", "Votes", [], VOTES, aggregation.CountAggregation())
stats.stats.view_manager.register_view(VIEW)
app = Flask("vote")
middleware = FlaskMiddleware(app, exporter=AzureExporter(), sampler=ProbabilitySampler(rate=1.0))


@app.route("/")
def vote():
    mmap = stats.stats.stats_recorder.new_measurement_map()
    mmap.measure_int_put(VOTES, 1)
    mmap.record(tag_map.TagMap())
    return "counted"


app.test_client().get("/")
