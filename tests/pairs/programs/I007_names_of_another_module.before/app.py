from telemetry import tracer

with tracer.span(name="checkout") as span:
    span.add_attribute("cart", "c-42")
