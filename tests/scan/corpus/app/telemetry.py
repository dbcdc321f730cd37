"""What other modules of the program get from here."""

from opencensus.tags import tag_map as tag_map_module  #: I002
from opencensus.trace.tracer import Tracer  #: I001

tracer = Tracer()  #: T001


def get_tracer():
    return tracer


class Telemetry:
    def __init__(self):
        self.tracer = Tracer()  #: T001

    def made(self):
        return self.tracer


class Deeper(Telemetry):
    def work(self):
        self.tracer.finish()  #: T014
