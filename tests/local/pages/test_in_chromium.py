from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from contextlib import contextmanager

import pytest

from opencensus_compat.local import LocalEndpoint

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ITEM = {
    "name": "Microsoft.ApplicationInsights.Message",
    "time": "2023-11-14T22:13:20.123456Z",
    "iKey": "00000000-0000-0000-0000-000000000001",
    "tags": {"ai.cloud.role": "shop", "ai.operation.id": "op-1"},
    "data": {"baseType": "MessageData", "baseData": {"ver": 2, "message": "<b>stock</b> low", "severityLevel": 2}},
}
SHOWN = """new Promise((done) => { const look = () => { const rows = [...document.querySelectorAll('.list .what, .timeline .what')].map((row) => row.textContent);
  if (rows.length > 1) done(rows); else setTimeout(look, 20); }; look(); })"""


@contextmanager
def _browser(folder):
    """Run Chromium, and yield a function that calls a method of its DevTools protocol, over a pipe."""
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    # The browser reads from its descriptor 3 and writes to 4.
    words = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}", "--remote-debugging-pipe"]
    shell = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
    process = subprocess.Popen(
        ["bash", "-c", shell, "browser", str(to_read), str(from_write), *words], pass_fds=(to_read, from_write), stderr=subprocess.DEVNULL
    )
    os.close(to_read)
    os.close(from_write)
    with process, os.fdopen(to_write, "wb", 0) as commands, os.fdopen(from_read, "rb") as answers:
        received = bytearray()

        def call(method, session=None, **parameters):
            message = {"id": 1, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
            commands.write(json.dumps(message).encode() + b"\0")
            while True:
                end = received.find(b"\0")
                if end < 0:
                    received.extend(answers.read1(65536) or pytest.fail("the browser has ended"))
                    continue
                answer = json.loads(received[:end])
                del received[: end + 1]
                if answer.get("id") == 1:
                    assert "error" not in answer, answer
                    return answer["result"]

        yield call
        call("Browser.close")


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_the_pages_run_in_a_browser(tmp_path):
    """A browser shows what has arrived, as text, and the operation of the item that the address names."""
    with LocalEndpoint(pages=True, clock=lambda: 1700000000.0) as endpoint, _browser(tmp_path) as call:
        urllib.request.urlopen(endpoint.url + "v2.1/track", json.dumps([ITEM]).encode()).read()
        target = call("Target.createTarget", url="about:blank")["targetId"]
        session = call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        call("Page.navigate", session, url=f"{endpoint.pages_url}?item=1")
        shown = call("Runtime.evaluate", session, expression=SHOWN, awaitPromise=True, returnByValue=True)["result"]["value"]
    assert shown == ["<b>stock</b> low"] * 2
