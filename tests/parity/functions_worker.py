"""A stand-in for the Python worker of Azure Functions: it loads function apps, and calls functions and extensions in the same order.

As https://github.com/Azure/azure-functions-python-worker/blob/7e6acf36/azure_functions_worker/dispatcher.py and `extension.py` beside it:
sync functions on a pool of threads without the context of their task, async ones in a task of their own; hooks before and after a function,
the latter not where it raises; an extension that raises is logged. With ``hooks=False`` as the worker of Python 3.13, which calls none.

As a program it reads a function app's folder and how often to call each function, in an environment as the platform's: see `main`.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import inspect
import json
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import azure.functions

LOGGER = "azure_functions_worker.extension."
_invocation_local = threading.local()


class TraceContext:
    """What the host says of the trace."""

    def __init__(self, parent, state=""):
        self.Traceparent = self.trace_parent = parent
        self.Tracestate = self.trace_state = state
        self.attributes = {}


class Context:
    """What functions and extensions are given of an invocation."""

    def __init__(self, name, folder, number, trace_context):
        self.function_name = name
        self.function_directory = folder
        self.invocation_id = f"invocation-{number}"
        self.thread_local_storage = _invocation_local
        self.trace_context = trace_context
        self.retry_context = None


def traceparent(number, flags="00"):
    """Return the header of the host for an invocation."""
    return f"00-{number + 1:032x}-{number + 1:016x}-{flags}"


class Worker:
    """Functions by name, and how they are called."""

    def __init__(self, hooks=True, threads=4):
        self.hooks = hooks
        self.functions = {}
        self.errors = {}
        self._threads = threads

    def add(self, function, name=None, folder=""):
        """Register a function."""
        self.functions[name or function.__name__] = (function, folder)

    def load(self, folder):
        """Load the functions of an app: those of its `function_app.py`, else a folder with a `function.json` each."""
        folder = Path(folder)
        if (folder / "function_app.py").exists():
            module = importlib.import_module("function_app")
            app = next(value for value in vars(module).values() if isinstance(value, azure.functions.FunctionRegister))
            for function in app.get_functions():
                user = function.get_user_function()
                self.add(user, function.get_function_name(), str(Path(inspect.getfile(user)).parent))
            return
        for description in sorted(folder.glob("*/function.json")):
            name = description.parent.name
            told = json.loads(description.read_text(encoding="utf-8"))
            module = importlib.import_module(f"{name}.{Path(told['scriptFile']).stem}".removesuffix(".__init__"))
            self.add(getattr(module, told.get("entryPoint", "main")), name, str(description.parent))

    def run(self, calls):
        """Call functions, all at once, and return what they returned; of those that raise None, and the error's text in `errors`.

        Args:
            calls: Triples of a function's name, the header of the host and the function's arguments.
        """
        return contextvars.Context().run(asyncio.run, self._all(calls))

    async def _all(self, calls):
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(self._threads) as pool:
            # Each from a context of its own, as those that the worker's gRPC thread hands over.
            tasks = [contextvars.Context().run(loop.create_task, self._invoke(pool, number, *call)) for number, call in enumerate(calls)]
            return await asyncio.gather(*tasks)

    async def _invoke(self, pool, number, name, header, arguments):
        try:
            function, folder = self.functions[name]
            context = Context(name, folder, number, TraceContext(header))
            arguments = dict(arguments)
            _invocation_local.invocation_id = context.invocation_id
            if "context" in inspect.signature(function).parameters:
                arguments["context"] = context
            if inspect.iscoroutinefunction(function):
                self._hook("pre_invocation_app_level", context, arguments)
                result = await function(**arguments)
                self._hook("post_invocation_app_level", context, arguments, result)
                return result
            return await asyncio.get_running_loop().run_in_executor(pool, self._sync, context, function, arguments)
        except Exception as error:  # noqa: BLE001 - the host is sent any
            self.errors[number] = f"{type(error).__name__}: {error}"
            return None

    def _sync(self, context, function, arguments):
        context.thread_local_storage.invocation_id = context.invocation_id
        try:
            self._hook("pre_invocation_app_level", context, arguments)
            result = function(**arguments)
            self._hook("post_invocation_app_level", context, arguments, result)
            return result
        finally:
            context.thread_local_storage.invocation_id = None

    def _hook(self, name, context, *arguments):
        found = azure.functions.ExtensionMeta.get_application_hooks() if self.hooks else None
        for hook in getattr(found, name, ()):
            logger = logging.getLogger(LOGGER + hook.ext_name)
            try:
                hook.ext_impl(logger, context, *arguments)
            except Exception as error:
                logger.error(error, exc_info=True)  # noqa: G201 - as the worker does


def main(folder, hooks, times):
    """Load the app in a folder, call each of its functions, and print what they returned and raised.

    The folder is last on `sys.path`, as the worker has it; the folder of the app's packages is on `PYTHONPATH`.
    """
    sys.path.append(folder)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    worker = Worker(hooks == "hooks")
    worker.load(folder)
    names = [name for name in sorted(worker.functions) for _ in range(int(times))]
    returned = worker.run([(name, traceparent(number), {"req": number}) for number, name in enumerate(names)])
    json.dump({"returned": returned, "errors": worker.errors}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
