"""Gauges and cumulatives: instruments, whose points are their attributes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following.made import called, elements, loads, made, target
from opencensus_compat.rewrite.rules.metrics import metric_names
from opencensus_compat.rewrite.rules.metrics.tags import text_of
from opencensus_compat.rewrite.rules.metrics.views import create, made_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_GAUGE, _CUMULATIVE = "metrics.export.gauge.", "metrics.export.cumulative."
_PLAIN = {f"{_GAUGE}LongGauge", f"{_GAUGE}DoubleGauge", f"{_CUMULATIVE}LongCumulative", f"{_CUMULATIVE}DoubleCumulative"}
_DERIVED = {
    f"{_GAUGE}DerivedLongGauge": "observable_gauge",
    f"{_GAUGE}DerivedDoubleGauge": "observable_gauge",
    f"{_CUMULATIVE}DerivedLongCumulative": "observable_counter",
    f"{_CUMULATIVE}DerivedDoubleCumulative": "observable_counter",
}
_REGISTRY = f"{_GAUGE}Registry"
_ADD_GAUGE = f"{_REGISTRY}.add_gauge"
_SERIES = ("get_or_create_time_series", "get_or_create_default_time_series")
_DERIVED_SERIES = ("create_time_series", "create_default_time_series")
_THREAD = "metrics.transport.get_exporter_thread"
_KEY, _VALUE = "metrics.label_key.LabelKey", "metrics.label_value.LabelValue"
_GONE = "Are these numbers to be sent? OpenCensus holds the {} weakly, and nothing else keeps it, so that it sends none. Give it a variable of the module, and run `rewrite` again."
_OTHER = "What is done with it besides its points and its registry?"


def metric(use: Found, file: File) -> Outcome:
    """A gauge or cumulative becomes an instrument, its points dicts of attributes; the registry goes."""
    call = file.call(use.node)
    if call is None:
        return Ask(_OTHER)
    if use.symbol in _PLAIN:
        return _plain(call, file)
    if use.symbol in _DERIVED:
        return _derived(call, file)
    if use.symbol == _REGISTRY:
        return _registry(call, file)
    if use.symbol == _ADD_GAUGE:
        return _added(call, file)
    method = use.symbol.rpartition(".")[2]
    if method in _SERIES:
        return _series(call, file)
    if method in _DERIVED_SERIES and file.is_alone(call):
        return [file.delete(file.statement(call))]
    if method in {"set", "add"}:
        return _point(call, method, file)
    return Ask(_OTHER)


def _registry(call: ast.Call, file: File) -> Outcome:
    place = target(file, call)
    if place is None:
        return Ask(_OTHER)
    for load in loads(file, place):
        parent: ast.AST | None = file.parents.get(load)
        if isinstance(parent, (ast.List, ast.Tuple)):
            parent = file.parents.get(parent)
        is_thread = isinstance(parent, ast.Call) and file.symbol(parent) == _THREAD
        if not is_thread and not (isinstance(parent, ast.Attribute) and parent.attr == "add_gauge"):
            return Ask(f"The registry is read in line {load.lineno}: what for?")
    threads = [thread for thread in called(file, _THREAD) if any(call is _made(each, file) for each in _producers(thread, file))]
    if not threads:
        return Ask("Which exporter reads this registry?")
    slot = file.slot(place)
    function = slot.owner if slot is not None else None
    if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and all(function.body[-1] is file.statement(each) for each in threads):
        return Ask(_GONE.format("registry"))
    return [file.delete(file.statement(call))]


def _producers(thread: ast.Call, file: File) -> list[ast.expr]:
    found = file.argument(thread, 0, "metric_producers")
    return list(found.elts) if isinstance(found, (ast.List, ast.Tuple)) else []


def _made(node: ast.expr | None, file: File) -> ast.Call | None:
    found = made(file, node)
    return found[1] if found is not None and found[0] is file else None


def _added(call: ast.Call, file: File) -> Outcome:
    if not file.is_alone(call):
        return Ask(_OTHER)
    statement = file.statement(call)
    above = file.parents.get(statement)
    if isinstance(above, ast.For) and above.body == [statement] and not above.orelse:
        return [file.delete(above)]
    return [file.delete(statement)]


def _is_registered(call: ast.Call, file: File) -> bool:
    for added in called(file, _ADD_GAUGE):
        given = file.argument(added, 0, "gauge")
        for home, node in elements(file, given) if given is not None else []:
            if _made(node, home) is call:
                return True
    return False


def _texts(call: ast.Call, file: File) -> list[str]:
    """Return name, unit and description of a metric as arguments of its instrument."""
    parts = [file.argument(call, at, name) for at, name in enumerate(("name", "description", "unit"))]
    if parts[0] is None or file.has_stars(call):
        raise Refused(Ask("Which arguments has it?"))
    texts = [metric_names.name(parts[0], file)]
    for name, part in (("unit", parts[2]), ("description", parts[1])):
        if part is not None and not (isinstance(part, ast.Constant) and part.value is None):
            texts.append(f"{name}={metric_names.unit(part, file) if name == 'unit' else file.text(part)}")
    return texts


def _keys(call: ast.Call, file: File) -> list[str]:
    """Return the label keys of a metric, as source."""
    node = file.argument(call, 3, "label_keys")
    found = made_list(file, node) if node is not None else None
    keys = []
    for each in found[1].elts if found is not None else []:
        label = made(found[0], each) if found is not None else None
        text = text_of(label[0].argument(label[1], 0, "key"), label[0]) if label is not None and label[0].symbol(label[1]) == _KEY else None
        if text is None:
            raise Refused(Ask("Which label keys has it?"))
        keys.append(f'"{text}"')
    if node is not None and found is None:
        raise Refused(Ask("Which label keys has it?"))
    return keys


def _attributes(call: ast.Call, keys: list[str], file: File, position: int) -> str:
    """Return the dict of a series' labels; empty for one without."""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if "default" in method:
        return ""
    node = file.argument(call, position, "label_values")
    if not isinstance(node, (ast.List, ast.Tuple)) or len(node.elts) != len(keys):
        raise Refused(Ask("Which labels has this series?"))
    parts = []
    for key, value in zip(keys, node.elts, strict=True):
        if not (isinstance(value, ast.Call) and file.symbol(value) == _VALUE):
            raise Refused(Ask("Which labels has this series?"))
        text = file.argument(value, 0, "value")
        if text is None or (isinstance(text, ast.Constant) and text.value is None):
            continue
        parts.append(f"{key}: {file.render(text)}")
    return f"{{{', '.join(parts)}}}" if parts else ""


def _points(call: ast.Call, file: File) -> Iterator[tuple[ast.Call, str]]:
    """Yield the calls of `set` and `add` on points of a metric."""
    for use in file.uses:
        method = use.symbol.rpartition(".")[2]
        if method not in {"set", "add"} or "Point" not in use.symbol:
            continue
        found = file.call(use.node)
        if found is not None and _metric_of(found, file) is call:
            yield found, method


def _series_of(point: ast.Call, file: File) -> ast.Call | None:
    base = point.func.value if isinstance(point.func, ast.Attribute) else None
    return _made(base, file)


def _metric_of(point: ast.Call, file: File) -> ast.Call | None:
    series = _series_of(point, file)
    base = series.func.value if series is not None and isinstance(series.func, ast.Attribute) else None
    return _made(base, file)


def _kind(call: ast.Call, file: File) -> str:
    if file.symbol(call).startswith(_CUMULATIVE):
        if any(method == "set" for _, method in _points(call, file)):
            raise Refused(Ask("A counter takes what is added: where does the total come from?"))
        return "counter"
    methods = {method for _, method in _points(call, file)}
    if len(methods) > 1:
        raise Refused(Ask("It is set and added to: is it a gauge, or an up-down counter?"))
    return "up_down_counter" if methods == {"add"} else "gauge"


def _new(call: ast.Call, kind: str, texts: list[str], file: File) -> Outcome:
    if target(file, call) is None:
        return Ask("Who else holds the metric?")
    if not _is_registered(call, file):
        return Ask("Which registry has it? Without one it is not exported.")
    name = file.need("from opentelemetry import metrics", call.func)
    statement = file.statement(call)
    before = file.start(call) - file.line_start(call)
    return [file.replace(call, create(f"{name}.get_meter(__name__).create_{kind}", texts, file.indentation(statement), before, file))]


def _plain(call: ast.Call, file: File) -> Outcome:
    return _new(call, _kind(call, file), _texts(call, file), file)


def _derived(call: ast.Call, file: File) -> Outcome:
    """`DerivedLongGauge(...)` and its `create_time_series(labels, function)` → an observable instrument with a callback for each."""
    keys = _keys(call, file)
    callbacks = []
    observation = ""
    for use in file.uses:
        series = file.call(use.node) if use.symbol.rpartition(".")[2] in _DERIVED_SERIES else None
        base = series.func.value if series is not None and isinstance(series.func, ast.Attribute) else None
        if series is None or base is None or _made(base, file) is not call:
            continue
        if file.owner(series) is not file.owner(call) or file.statement(series) not in file.body_of(file.statement(call)):
            return Ask("When are its series made?")
        observation = observation or file.need("from opentelemetry.metrics import Observation", call.func)
        is_default = "default" in use.symbol.rpartition(".")[2]
        function = file.argument(series, 0 if is_default else 1, "func")
        if function is None or any(keyword.arg not in {"func", "label_values"} for keyword in series.keywords):
            return Ask("What does the function of this series get?")
        if isinstance(function, (ast.Lambda, ast.Call)):
            return Ask(_GONE.format("function"))
        if not isinstance(function, (ast.Name, ast.Attribute)):
            return Ask("Which function gives the value?")
        value = f"{file.text(function)}()"
        labels = _attributes(series, keys, file, 0)
        callbacks.append(f"lambda options: [{observation}({value}{f', {labels}' if labels else ''})]")
    if not callbacks:
        return Ask("Which function gives its value?")
    name, *rest = _texts(call, file)
    return _new(call, _DERIVED[file.symbol(call)], [name, f"[{', '.join(callbacks)}]", *rest], file)


def _series(call: ast.Call, file: File) -> Outcome:
    """`gauge.get_or_create_time_series(labels)` → the dict of its labels, in a variable; none where it has none."""
    base = call.func.value if isinstance(call.func, ast.Attribute) else None
    of_metric = _made(base, file)
    if of_metric is None:
        return Ask("Of which metric is this series?")
    labels = _attributes(call, _keys(of_metric, file), file, 0)
    place = target(file, call)
    if place is None:
        parent = file.parents.get(call)
        if isinstance(parent, ast.Attribute) and parent.attr in {"set", "add"}:
            return []
        return Ask("Who else holds the point?")
    for load in loads(file, place):
        parent = file.parents.get(load)
        if not (isinstance(parent, ast.Attribute) and parent.attr in {"set", "add"} and file.call(parent) is not None):
            return Ask(f"The point is read in line {load.lineno}: what for?")
    return [file.replace(call, labels)] if labels else [file.delete(file.statement(call))]


def _point(call: ast.Call, method: str, file: File) -> Outcome:
    series, of_metric = _series_of(call, file), _metric_of(call, file)
    if series is None or of_metric is None or not isinstance(call.func, ast.Attribute) or not isinstance(series.func, ast.Attribute):
        return Ask("Of which metric is this point?")
    amount = file.argument(call, 0, "val")
    holder = series.func.value
    if amount is None or (isinstance(holder, ast.Name) and file.bindings.find(holder.id, file.owner(call)) is not file.slot(holder)):
        return Ask("Of which metric is this point?")
    labels = _attributes(series, _keys(of_metric, file), file, 0)
    given = labels if call.func.value is series else file.text(call.func.value)
    return [file.replace(call, f"{file.text(holder)}.{method}({file.render(amount)}{f', {given}' if labels else ''})")]


def label(use: Found, file: File) -> Outcome:
    """Keys and values of labels are texts, which go into the dicts of the points."""
    return [] if file.call(use.node) is not None else Ask("What is the class used for?")


REWRITERS: dict[str, Rewriter] = {"M001": metric, "M002": metric, "M005": label}
