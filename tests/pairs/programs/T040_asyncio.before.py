import asyncio

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


async def charge(number):
    with execution_context.get_opencensus_tracer().span(name=f"charge {number}") as span:
        await asyncio.sleep(0)
        span.add_attribute("number", number)


async def checkout():
    with tracer.span(name="checkout"):
        await asyncio.gather(*(charge(number) for number in range(3)))


asyncio.run(checkout())
