import telemetry
from telemetry import by_name, get, stock

with telemetry.Shop.tracer.span(name="sell") as span:
    span.add_attribute("cart", "c-42")
    with stock.opens.span(name="take"):
        pass
    with by_name["billing"].span(name="charge") as charged:
        charged.add_attribute("price", 12)
with get().span(name="close"):
    pass
