from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module

stats = stats_module.stats

LINE = measure_module.MeasureInt("line", "length of a line", "By")
LINES = view_module.View("lines", "number of lines", [], LINE, aggregation_module.CountAggregation())
LENGTH = view_module.View("length", "length of all lines", [], LINE, aggregation_module.SumAggregation())
LAST = view_module.View("last", "length of the last line", [], LINE, aggregation_module.LastValueAggregation())

CALL = measure_module.MeasureInt("call", "duration of a call", "ms")
CALLS = view_module.View("calls", "number of calls", [], CALL, aggregation_module.CountAggregation())
WORD = measure_module.MeasureInt("word", "length of a word", "By")
WORDS = view_module.View("words", "number of words", [], WORD, aggregation_module.CountAggregation())
LETTERS = view_module.View("letters", "number of letters", [], WORD, aggregation_module.SumAggregation())

exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)
for view in (LINES, LENGTH, LAST, CALLS, WORDS, LETTERS):
    stats.view_manager.register_view(view)
recorder = stats.stats_recorder


def read(line):
    mmap = recorder.new_measurement_map()
    mmap.measure_int_put(LINE, len(line))
    mmap.record()


def call(words):
    mmap = recorder.new_measurement_map()
    mmap.measure_int_put(CALL, words.index("a"))
    mmap.measure_int_put(WORD, len(words.pop()))
    mmap.record()


for each in ("a line", "a longer line"):
    read(each)
    call(each.split())
