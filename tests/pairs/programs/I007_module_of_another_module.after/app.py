import shop

shop.telemetry.start()
with shop.telemetry.tracer.start_as_current_span("checkout") as span:
    span.set_attribute("cart", "c-42")
