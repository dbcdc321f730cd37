"""Names that come from another module; OpenCensus is not named here."""

import app.telemetry
from app.telemetry import get_tracer, tracer as shared  #: I007 I007
from app.telemetry import Telemetry, Deeper
from . import tag_map_module, telemetry  #: I007
from .middle import handed  #: I007


def view():
    with shared.span(name="view") as span:  #: T010
        span.add_attribute("a", "b")  #: T020
    with get_tracer().span(name="other"):  #: T010
        pass
    telemetry.tracer.finish()  #: T014
    app.telemetry.tracer.finish()  #: T014
    handed.finish()  #: T014
    with Telemetry().made().span("made"):  #: T010
        pass
    with Deeper().tracer.span("deep"):  #: T010
        pass
    return tag_map_module.TagMap()  #: S011
