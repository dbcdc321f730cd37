import fastapi
from fastapi.testclient import TestClient
from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from shop import CALLER, Recorder, plain, show

recorder = Recorder()
app = fastapi.FastAPI()
app.add_middleware(FastAPIMiddleware, exporter=recorder, sampler=AlwaysOnSampler(), excludelist_paths=["health"])


@app.get("/orders/{number}")
async def orders(number: str):
    with execution_context.get_opencensus_tracer().span("price") as span:
        span.add_attribute("number", number)
    return number


@app.get("/fails")
async def fails():
    raise ValueError("no such order")


@app.get("/health")
async def health():
    return "well"


client = TestClient(app, raise_server_exceptions=False)
answers = [client.get(path, headers=headers).status_code for path, headers in CALLER]
show([answers, plain(recorder.spans)])
