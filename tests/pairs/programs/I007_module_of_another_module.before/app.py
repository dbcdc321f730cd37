import shop

shop.telemetry.start()
with shop.telemetry.tracer.span(name="checkout") as span:
    span.add_attribute("cart", "c-42")
