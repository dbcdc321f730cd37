"""What becomes of log records at the edges of a process: its end, its forks, its reconfigurations."""

from __future__ import annotations

import os
import sys
import time

import pytest

from opencensus_compat.local.misbehave import Silence

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

ONE_LINE = """
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler
logger = logging.getLogger("app")
logger.addHandler(AzureLogHandler(connection_string=None))
logger.warning("hello")
"""


def _environment(endpoint):
    return {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}


def _messages(endpoint, count):
    """Return the messages that arrived, sorted, once so many have arrived and no more come."""
    endpoint.wait_for(count)
    endpoint.wait_idle()
    assert endpoint.refused == []
    return sorted(envelope["data"]["baseData"]["message"] for envelope in endpoint.envelopes())


def test_a_script_of_one_line_delivers(endpoint, run_program):
    """A script that logs one line and ends delivers it, in silence, with warnings as errors."""
    run_program(ONE_LINE, **_environment(endpoint))
    assert _messages(endpoint, 1) == ["hello"]


def test_a_script_with_logs_only_makes_no_tracer_provider(endpoint, run_program):
    """Logging makes a logger provider, says so in one DEBUG line, and leaves traces alone."""
    printed = run_program(
        """
        import logging

        class Print(logging.Handler):
            def emit(self, record):
                print(record.levelname, record.getMessage())

        logging.getLogger("opencensus_compat").addHandler(Print())
        logging.getLogger("opencensus_compat").setLevel(logging.DEBUG)
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        handler = AzureLogHandler()
        logger = logging.getLogger("app")
        logger.addHandler(handler)
        logger.warning("one")
        logger.warning("two")
        handler.flush()
        import opentelemetry._logs, opentelemetry.trace
        print(type(opentelemetry._logs.get_logger_provider()).__name__, type(opentelemetry.trace.get_tracer_provider()).__name__)
        """,
        **_environment(endpoint),
    )
    assert printed == (
        "DEBUG no OpenTelemetry logger provider was set: made one for the role 'app.py' and set it as the global provider\n"
        "LoggerProvider ProxyTracerProvider\n"
    )
    assert _messages(endpoint, 2) == ["one", "two"]


def test_what_late_exit_hooks_log_arrives(endpoint, run_program):
    """Records of exit hooks arrive, whether they were registered before the handler, or after; before anything was sent, or after."""
    run_program(
        """
        import atexit, logging
        logger = logging.getLogger("app")
        atexit.register(logger.warning, "registered first")
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        handler = AzureLogHandler()
        logger.addHandler(handler)
        logger.warning("early")
        handler.flush()
        atexit.register(logger.warning, "registered last")
        """,
        # Sockets are the transport's business.
        options=("-W", "error", "-W", "ignore::ResourceWarning"),
        **_environment(endpoint),
    )
    assert _messages(endpoint, 3) == ["early", "registered first", "registered last"]


def test_a_first_record_in_an_exit_hook_arrives(endpoint, run_program):
    """Where nothing was logged before the end, no thread can be started any more on newer interpreters; the record arrives all the same."""
    run_program(
        """
        import atexit, logging
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        logger = logging.getLogger("app")
        logger.addHandler(AzureLogHandler())
        atexit.register(logger.warning, "bye")
        """,
        **_environment(endpoint),
    )
    assert _messages(endpoint, 1) == ["bye"]


@pytest.mark.parametrize("handlers", [1, 20])
def test_a_silent_endpoint_costs_one_grace_period(run_program, temporary_folder, endpoint, handlers):
    """However many handlers there are, the end takes one `grace_period` when the service does not answer, and the lines are on disk."""
    endpoint.misbehave(Silence())
    started = float(
        run_program(
            f"""
            import logging, time
            from opencensus.ext.azure.log_exporter import AzureLogHandler
            for number in range({handlers}):
                logger = logging.getLogger(f"app.{{number}}")
                logger.addHandler(AzureLogHandler(grace_period=1))
                logger.warning("line %d", number)
            print(time.monotonic())
            """,
            **_environment(endpoint),
        )
    )
    # With a period for each of twenty it would be more.
    assert time.monotonic() - started < 15
    endpoint.behave()
    run_program(ONE_LINE.replace("hello", "again"), **_environment(endpoint))
    expected = sorted(["again", *(f"line {number}" for number in range(handlers))])
    endpoint.wait_for(lambda envelopes: len(envelopes) >= len(expected))
    assert _messages(endpoint, len(expected)) == expected


@pytest.mark.parametrize("call", ["handler.flush()", "handler.close()", "opencensus_compat.flush(2.5)"])
def test_flushed_and_killed(run_program, endpoint, call):
    """What has no reply when a flush ends is on disk by then, so that the process may be killed; a flush of a moment leaves it under way."""
    endpoint.misbehave(Silence())
    printed = run_program(
        f"""
        import logging, os, time
        import opencensus_compat
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        # Older releases of the SDK say that a flush was too short.
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)
        handler = AzureLogHandler(grace_period=2)
        logger = logging.getLogger("app")
        logger.addHandler(handler)
        logger.warning("line")
        started = time.monotonic()
        handler.flush(0.2)
        stored = lambda: handler._pipeline.exporter.counts.snapshot().stored
        print(stored())
        {call}
        while not stored():  # A machine that stood still for half a second; without a flush it would be half a minute.
            {call}
        assert time.monotonic() - started < 20
        print(stored(), flush=True)
        os._exit(0)
        """,
        **_environment(endpoint),
    )
    assert printed == "0\n1\n"
    endpoint.behave()
    run_program(ONE_LINE.replace("hello", "again"), **_environment(endpoint))
    endpoint.wait_for(lambda envelopes: len(envelopes) >= 2)
    assert _messages(endpoint, 2) == ["again", "line"]


def test_several_silent_destinations_cost_one_grace_period(run_program, temporary_folder, endpoint):
    """Spans and logs of eight resources that do not answer end within one `grace_period`, and everything is on disk."""
    endpoint.misbehave(Silence())
    started = float(
        run_program(
            """
            import logging, os, time, uuid
            from opencensus.ext.azure.log_exporter import AzureLogHandler
            from opencensus.ext.azure.trace_exporter import AzureExporter
            from opencensus.trace.samplers import AlwaysOnSampler
            from opencensus.trace.tracer import Tracer
            url = os.environ["URL"]
            for number in range(8):
                text = f"InstrumentationKey={uuid.uuid4()};IngestionEndpoint={url}"
                logger = logging.getLogger(f"app.{number}")
                logger.addHandler(AzureLogHandler(connection_string=text, grace_period=2))
                with Tracer(exporter=AzureExporter(connection_string=text, grace_period=2), sampler=AlwaysOnSampler()).span("work"):
                    logger.warning("line")
            print(time.monotonic())
            """,
            URL=endpoint.url,
        )
    )
    # One after the other they would take sixteen seconds.
    assert time.monotonic() - started < 14
    assert len(list(temporary_folder.rglob("*.jsonl.gz"))) == 16


@needs_fork
@pytest.mark.parametrize("leave", ["flushed", "at exit"])
def test_fork(endpoint, run_program, leave):
    """What a child logs arrives, and what its parent had logged before arrives once."""
    # From Python 3.12 on, a fork beside a thread warns.
    run_program(
        f"""
        import logging, os, sys
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        handler = AzureLogHandler()
        logger = logging.getLogger("app")
        logger.addHandler(handler)
        logger.warning("parent before")
        for number in range(3):
            pid = os.fork()
            if pid == 0:
                logger.warning("child %d", number)
                if {leave == "at exit"}:
                    sys.exit(0)
                handler.flush()
                os._exit(0)
            logger.warning("parent %d", number)
            assert os.waitpid(pid, 0)[1] == 0
        """,
        options=("-W", "ignore"),
        **_environment(endpoint),
    )
    assert _messages(endpoint, 7) == ["child 0", "child 1", "child 2", "parent 0", "parent 1", "parent 2", "parent before"]


@needs_fork
def test_forks_while_another_thread_logs(endpoint, run_program):
    """A child made while the first records of other threads are on their way, whatever locks are held then, logs and delivers."""
    run_program(
        """
        import logging, os, sys, threading
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        logger = logging.getLogger("app")
        logger.addHandler(AzureLogHandler())
        going = threading.Event()

        def chat():
            while not going.is_set():
                logger.info("not wanted")
                logger.warning("chat")
                going.wait(0.0005)  # However slow the forks are, the queue does not overflow.

        threads = [threading.Thread(target=chat) for _ in range(2)]
        logger.warning("first")
        pids = []
        for number in range(4):
            pid = os.fork()
            if pid == 0:
                logger.error("child")
                sys.exit(0)
            pids.append(pid)
        for thread in threads:
            thread.start()
        for number in range(4):
            pid = os.fork()
            if pid == 0:
                logger.error("child")
                logging.shutdown()
                os._exit(0)
            pids.append(pid)
        going.set()
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0
        """,
        options=("-W", "ignore"),
        timeout_s=120,
        **_environment(endpoint),
    )
    endpoint.wait_for(lambda envelopes: sum(envelope["data"]["baseData"]["message"] == "child" for envelope in envelopes) == 8)
    endpoint.wait_idle()
    messages = [envelope["data"]["baseData"]["message"] for envelope in endpoint.envelopes()]
    assert (messages.count("child"), messages.count("first")) == (8, 1)


@needs_fork
@pytest.mark.parametrize("make", ["processes", "pool", "executor", "spawned"])
def test_children_of_multiprocessing(endpoint, run_program, make):
    """What children of multiprocessing log arrives when they end, each line once, although they run no exit hooks."""
    source = """
    import concurrent.futures, logging, multiprocessing
    from opencensus.ext.azure.log_exporter import AzureLogHandler
    logger = logging.getLogger("app")
    logger.addHandler(AzureLogHandler())

    def work(number):
        logger.warning("item %d", number)

    if __name__ == "__main__":
        context = multiprocessing.get_context("spawn" if MAKE == "spawned" else "fork")
        work(0)
        if MAKE in ("processes", "spawned"):
            children = [context.Process(target=work, args=(number,)) for number in (1, 2, 3)]
            for child in children:
                child.start()
            for child in children:
                child.join()
        elif MAKE == "pool":
            pool = context.Pool(2)
            pool.map(work, (1, 2, 3))
            pool.close()
            pool.join()
        else:
            with concurrent.futures.ProcessPoolExecutor(2, context) as executor:
                list(executor.map(work, (1, 2, 3)))
    """
    run_program(
        source.replace("MAKE", repr(make)),
        options=(),
        PYTHONWARNINGS="ignore::DeprecationWarning",
        **_environment(endpoint),
    )
    assert _messages(endpoint, 4) == ["item 0", "item 1", "item 2", "item 3"]


def test_the_root_logger_at_debug_yields_the_applications_records(endpoint, run_program):
    """With every library chatting at DEBUG, exactly the application's lines arrive, also while exports and resends go on."""
    run_program(
        """
        import logging, os
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        from opencensus.ext.azure.trace_exporter import AzureExporter
        from opencensus.trace.samplers import AlwaysOnSampler
        from opencensus.trace.tracer import Tracer
        import requests
        root = logging.getLogger()
        root.setLevel(logging.DEBUG)
        handler = AzureLogHandler(export_interval=0.1)
        root.addHandler(handler)
        for name in ("urllib3", "requests", "azure", "opentelemetry", "opencensus", "opencensus_compat", "appinsights_exporter"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        tracer = Tracer(exporter=AzureExporter(export_interval=0.1), sampler=AlwaysOnSampler())
        for number in range(20):
            with tracer.span("work"):
                logging.info("line %d", number)
            handler.flush()
        requests.get(os.environ["URL"])
        logging.getLogger("opencensus.anything").error("ours")
        logging.getLogger("opencensus_compat.anything").error("ours")
        logging.getLogger("appinsights_exporter").error("ours")
        """,
        options=("-W", "ignore"),
        URL=endpoint.url,
        **_environment(endpoint),
    )
    endpoint.wait_for(40)
    endpoint.wait_idle()
    messages = [envelope["data"]["baseData"].get("message") for envelope in endpoint.envelopes()]
    lines = [message for message in messages if message and message.startswith("line")]
    assert sorted(lines) == sorted(f"line {number}" for number in range(20))
    # What the application's own request made its library say is the application's.
    rest = [message for message in messages if message and not message.startswith("line")]
    assert len(rest) == 2, rest
    assert rest[0].startswith("Starting new HTTP connection")


def test_dict_config_again_and_again(endpoint, run_program):
    """`dictConfig` closes all handlers while it holds the logging module's lock: it takes no time, and no line is lost."""
    printed = run_program(
        """
        import logging, logging.config, time
        config = {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "azure": {"class": "opencensus.ext.azure.log_exporter.AzureLogHandler", "level": "INFO", "grace_period": 30}
            },
            "root": {"level": "DEBUG", "handlers": ["azure"]},
        }
        longest = 0.0
        for number in range(5):
            began = time.monotonic()
            logging.config.dictConfig(config)
            longest = max(longest, time.monotonic() - began)
            logging.getLogger(f"app.{number}").info("line %d", number)
        print(longest < 15)  # Waiting for anything would take the whole grace period.
        """,
        **_environment(endpoint),
    )
    assert printed == "True\n"
    assert _messages(endpoint, 5) == [f"line {number}" for number in range(5)]


def test_close_and_flush_from_many_threads(endpoint, run_program):
    """`close` and `flush` of one handler at once from many threads, and again and again, return, and nothing is lost or sent twice."""
    run_program(
        """
        import logging, threading
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        handler = AzureLogHandler()
        logger = logging.getLogger("app")
        logger.addHandler(handler)
        for number in range(10):
            logger.warning("line %d", number)
        threads = [threading.Thread(target=call) for call in (handler.close, handler.flush, logging.shutdown) * 5]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        handler.close()
        handler.close()
        """,
        **_environment(endpoint),
    )
    assert _messages(endpoint, 10) == [f"line {number}" for number in range(10)]


def test_a_full_hand_over_is_counted(endpoint, run_program):
    """Records that come while the queue of the process is full are lost, and counted: what arrives and what is counted is what was logged."""
    printed = run_program(
        """
        import gc, logging
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        from opencensus_compat._bridge.pipeline import hand_over as _handover
        _handover.LEAST_CAPACITY = 50
        handler = AzureLogHandler(queue_capacity=100)
        logger = logging.getLogger("app")
        logger.propagate = False
        logger.addHandler(handler)
        logging.getLogger("appinsights_exporter").addHandler(logging.NullHandler())
        for number in range(5000):
            logger.warning("line %d", number)
        handler.flush()
        from appinsights_exporter import Counts
        [counts] = [each for each in gc.get_objects() if type(each) is Counts]
        snapshot = counts.snapshot()
        print(snapshot.sent + sum(snapshot.dropped.values()), snapshot.sent >= 100, sorted(snapshot.dropped))
        """,
        **_environment(endpoint),
    )
    assert printed == "5000 True ['too many records at a time: the newest dropped']\n"


@pytest.mark.skipif(sys.platform == "win32", reason="the interpreters are found by their Unix names")
def test_a_handler_costs_no_thread(run_program):
    """Making handlers starts no thread, opens no file, and drops them again without a trace."""
    printed = run_program(
        """
        import gc, threading, weakref
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        text = "InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=http://127.0.0.1:9"
        handlers = [AzureLogHandler(connection_string=text) for _ in range(20)]
        seen = [weakref.ref(handler) for handler in handlers]
        print(threading.active_count())
        del handlers
        gc.collect()
        print(sum(each() is not None for each in seen))
        """
    )
    assert printed == "1\n0\n"


def test_losses_are_said_where_nobody_else_listens(endpoint, run_program):
    """Where the root logger's only handler is this package's, standard error has what was lost: at once, and the sum at the end."""
    endpoint.misbehave({"rule": "status", "code": 400})
    program = """
        import logging
        import opencensus_compat
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        logging.getLogger().addHandler(AzureLogHandler())
        for number in range(5):
            logging.getLogger("shop").warning("order %d", number)
            opencensus_compat.flush(60)
        """
    start = "Telemetry was lost: 1 x refused by the service: bad request (the last: "
    said = f"{start}Bad request). More losses are reported at most once a minute.\n"
    said += "Telemetry was lost: 5 x refused by the service: bad request. These are the totals of this process.\n"
    run_program(program, stderr=said, **_environment(endpoint))


def test_warnings_are_said_where_nobody_else_listens(endpoint, run_program):
    """So has it what this package warns of."""
    program = """
        import logging
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        logging.getLogger().addHandler(AzureLogHandler())
        AzureLogHandler(queue_capacty=1)
        """
    said = "the Azure exporters have no option 'queue_capacty': it is accepted, as in OpenCensus, and has no effect (said once)\n"
    run_program(program, stderr=said, **_environment(endpoint))
