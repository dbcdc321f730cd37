"""Servers and pools that fork: the children's records arrive, none twice."""

from __future__ import annotations

import re
import tempfile
import urllib.request

import pytest


@pytest.mark.parametrize("arguments", [("--preload",), ()], ids=["preload", "each worker loads"])
def test_gunicorn(start, endpoint, messages, tmp_path, arguments):
    """The records of three workers arrive when SIGTERM ends the server, and what was logged before the fork arrives once."""
    server = start("-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "3", "--worker-tmp-dir", tmp_path, *arguments, "web:app")
    url = server.until(lambda: re.search(r"Listening at: (http://[\d.:]+)", server.printed))[1]
    server.until(lambda: server.printed.count("Booting worker") == 3)
    for number in range(30):
        with urllib.request.urlopen(f"{url}/?{number}", timeout=120) as reply:
            reply.read()
    status, took_s = server.end()
    assert status == 0, server.printed
    assert took_s < 25
    assert messages() == {**{f"request {number}": 1 for number in range(30)}, "loaded": 1 if arguments else 3}
    assert "Traceback" not in server.printed


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_uvicorn(start, messages, arguments):
    """SIGTERM ends its processes without their exit hooks; what the lifespan has flushed by then has arrived."""
    server = start("-m", "uvicorn", "--port", "0", *arguments, "asgi:app")
    url = server.until(lambda: re.search(r"running on (http://[\d.:]+)", server.printed))[1]
    server.until(lambda: server.printed.count("Application startup complete") == max(1, len(arguments)))
    for number in range(10):
        with urllib.request.urlopen(f"{url}/?{number}", timeout=60) as reply:
            reply.read()
    server.end()
    assert messages() == {f"request {number}": 1 for number in range(10)}, server.printed


def test_celery(start, endpoint, messages, tmp_path):
    """The records of two prefork workers arrive when SIGTERM ends them, exceptions with their stacks."""
    queue = tmp_path / "queue"
    queue.mkdir()
    options = "--pool prefork --concurrency 2 --without-gossip --without-mingle --without-heartbeat --loglevel WARNING"
    worker = start("-m", "celery", "--app", "tasks", "worker", *options.split(), QUEUE=str(queue))
    client = start("tasks.py", "12", QUEUE=str(queue))
    assert client.wait() == 0, client.printed
    worker.until(lambda: len(list(queue.glob("*.done"))) == 12)
    status, took_s = worker.end()
    assert status == 0, worker.printed
    assert took_s < 25
    assert messages() == {f"task {number}": 1 for number in range(12)}
    errors = endpoint.rows("exceptions")
    assert sorted(error["outerMessage"].splitlines()[0] for error in errors) == ["task 0 failed", "task 4 failed", "task 8 failed"]
    assert {error["type"] for error in errors} == {"LookupError"}


@pytest.mark.parametrize(
    ("pool", "set_up"),
    [("prefork", "worker_process_init"), ("threads", "celeryd_init"), ("solo", "worker_init")],
)
def test_celery_with_spans(start, endpoint, tmp_path, pool, set_up):
    """With exporter and handler made by a signal, in each child or before the pool, each line arrives below its task's span, each once."""
    queue = tmp_path / "queue"
    queue.mkdir()
    options = f"--pool {pool} --concurrency 4 --without-gossip --without-mingle --without-heartbeat --loglevel WARNING"
    worker = start("-m", "celery", "--app", "traced_tasks", "worker", *options.split(), QUEUE=str(queue), SET_UP=set_up)
    client = start("traced_tasks.py", "20", QUEUE=str(queue))
    assert client.wait() == 0, client.printed
    worker.until(lambda: len(list(queue.glob("*.done"))) == 20)
    status, took_s = worker.end()
    assert status == 0, worker.printed
    assert took_s < 25
    endpoint.wait_idle()
    spans = {row["name"]: row for row in endpoint.rows("dependencies")}
    assert sorted(spans) == sorted(f"task {number}" for number in range(20))
    told = [(row["message"], row["operation_Id"], row["operation_ParentId"]) for row in endpoint.rows("traces")]
    assert sorted(told) == sorted((f"in {name}", row["operation_Id"], row["id"]) for name, row in spans.items())
    assert len({row["operation_Id"] for row in spans.values()}) == 20


@pytest.mark.parametrize("loaded", [(), ("jobs",)], ids=["each job loads", "the worker loads"])
def test_rq(start, messages, loaded):
    """The records of jobs arrive although RQ runs each in a process that ends by `os._exit`, those of jobs that fail as well."""
    pytest.importorskip("rq")
    pytest.importorskip("fakeredis")
    worker = start("rq_worker.py", "10", *loaded)
    assert worker.wait() == 0, worker.printed
    assert messages() == {f"job {number} in another process than the worker: True": 1 for number in range(10)}, worker.printed


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(start, messages, method):
    """The records of processes and of a pool's workers arrive, those of their parent once."""
    # The server makes a socket there, whose path may have a hundred characters.
    with tempfile.TemporaryDirectory(prefix="cc-", dir="/tmp") as folder:
        program = start("children.py", method, TMPDIR=folder)
        assert program.wait() == 0, program.printed
    assert messages() == {"before": 1, "after": 1, **{f"work {number}": 1 for number in range(6)}}
    assert program.printed == ""
