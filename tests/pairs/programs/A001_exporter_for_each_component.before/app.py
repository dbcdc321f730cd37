from telemetry import Telemetry

telemetry = Telemetry({"enabled": True})
tracer = telemetry.get_tracer()


def charge(parent):
    tracer = telemetry.get_tracer("billing", parent=parent)
    with tracer.span(name="charge") as span:
        span.add_attribute("cart", "c-42")


with tracer.span(name="sell"):
    charge(tracer)
with Telemetry({"enabled": False}).get_tracer("quiet").span(name="poll"):
    pass
