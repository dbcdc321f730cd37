from appinsights_exporter import configure
from opentelemetry import metrics

LINES = metrics.get_meter(__name__).create_counter("lines", unit="1", description="number of lines")
LENGTH = metrics.get_meter(__name__).create_counter("length", unit="By", description="length of all lines")
LAST = metrics.get_meter(__name__).create_gauge("last", unit="By", description="length of the last line")

CALL = metrics.get_meter(__name__).create_counter("calls", unit="1", description="number of calls")
WORDS = metrics.get_meter(__name__).create_counter("words", unit="1", description="number of words")
LETTERS = metrics.get_meter(__name__).create_counter("letters", unit="By", description="number of letters")

configure(signals=["metrics"], export_interval_millis=15000)


def read(line):
    value = len(line)
    LENGTH.add(value)
    LAST.set(value)
    LINES.add(1)


def call(words):
    words.index("a")
    CALL.add(1)
    LETTERS.add(len(words.pop()))
    WORDS.add(1)


for each in ("a line", "a longer line"):
    read(each)
    call(each.split())
