import telemetry
from telemetry import by_name, get, stock

with telemetry.Shop.tracer.start_as_current_span("sell") as span:
    span.set_attribute("cart", "c-42")
    with stock.opens.start_as_current_span("take"):
        pass
    with by_name["billing"].start_as_current_span("charge") as charged:
        charged.set_attribute("price", 12)
with get().start_as_current_span("close"):
    pass
