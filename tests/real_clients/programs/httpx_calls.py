import httpx
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from shop import Recorder, listening, plain, show

recorder = Recorder()
tracer = Tracer(exporter=recorder, sampler=AlwaysOnSampler())
config_integration.trace_integrations(["httpx"], tracer=tracer)
with listening() as (port, taken):
    url = f"http://127.0.0.1:{port}"
    with tracer.span("order"), httpx.Client(trust_env=False) as client:
        client.request("POST", f"{url}/charge", content=b"1")
        client.request(method="PUT", url=f"{url}/stock", headers={"a": "b"}, content=b"2")
        try:
            client.request("GET", "http://127.0.0.1:1/nobody")
        except httpx.ConnectError:
            pass
    text = repr(plain(recorder.spans)).replace(str(port), "PORT")
show([[path for path, _ in taken], eval(text)])
