import asyncio

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


async def charge(number):
    with trace.get_tracer(__name__).start_as_current_span(f"charge {number}") as span:
        await asyncio.sleep(0)
        span.set_attribute("number", number)


async def checkout():
    with tracer.start_as_current_span("checkout"):
        await asyncio.gather(*(charge(number) for number in range(3)))


asyncio.run(checkout())
