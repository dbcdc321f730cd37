from telemetry import Telemetry

telemetry = Telemetry({"enabled": True})
tracer = telemetry.get_tracer()


def charge(parent):
    tracer = telemetry.get_tracer("billing", parent=parent)
    with tracer.start_as_current_span("charge") as span:
        span.set_attribute("cart", "c-42")


with tracer.start_as_current_span("sell"):
    charge(tracer)
with Telemetry({"enabled": False}).get_tracer("quiet").start_as_current_span("poll"):
    pass
