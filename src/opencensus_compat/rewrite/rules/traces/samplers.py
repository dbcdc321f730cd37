"""Samplers."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep
from opencensus_compat.rewrite.rules.exporters import handed, ways
from opencensus_compat.rewrite.rules.exporters.providers import GRPC_SERVER, TRACER, context_given, parent_context
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_SAMPLERS = "opentelemetry.sdk.trace.sampling"


def default_sampler(file: File, use: Found) -> str:
    """Return the source of the sampler that OpenCensus takes without one."""
    return _by_ratio(file, use, "0.0001")


def _by_ratio(file: File, use: Found, rate: str, *, has_caller: bool = False) -> str:
    based = file.need(f"from {_SAMPLERS} import ParentBased", use.node)
    ratio = file.need(f"from {_SAMPLERS} import TraceIdRatioBased", use.node)
    made = next((each for each in file.up(use.node) if isinstance(each, ast.Call) and file.symbol(each) in {TRACER, GRPC_SERVER}), None)
    # OpenCensus takes its share also of what a caller did not sample.
    has_caller = has_caller or (made is not None and (file.symbol(made) == GRPC_SERVER or context_given(made, file) is not None))
    rest = f", remote_parent_not_sampled={ratio}({rate})" if has_caller else ""
    return f"{based}({ratio}({rate}){rest})"


def of_kind(found: tuple[str, str] | None, use: Found, file: File, *, has_caller: bool) -> str:
    """Return the source of the sampler of a kind, as `providers.kind` tells them apart.

    Args:
        found: The kind.
        use: The use that needs it.
        file: Its file.
        has_caller: Whether traces come from outside.
    """
    name, rate = found or ("", "0.0001")
    if rate:
        is_all = float(rate) >= 1
        return file.need(f"from {_SAMPLERS} import ALWAYS_ON", use.node) if is_all else _by_ratio(file, use, rate, has_caller=has_caller)
    return file.need(f"from {_SAMPLERS} import {'ALWAYS_OFF' if name.endswith('AlwaysOffSampler') else 'ALWAYS_ON'}", use.node)


def probability(use: Found, file: File) -> Outcome:
    """`ProbabilitySampler(rate)` → `ParentBased(TraceIdRatioBased(rate))`, or `ALWAYS_ON`."""
    call = file.call(use.node)
    if call is None or file.has_stars(call) or use.symbol != "trace.samplers.ProbabilitySampler":
        return Keep("the sampler's class, not a sampler")
    if not ways.are_separate(file) and handed.of_keyword(call, file) is not None:
        return [handed.without_keyword(call, file)]
    rate = file.argument(call, 0, "rate")
    if rate is None:
        return [file.replace(call, default_sampler(file, use))]
    if isinstance(rate, ast.Constant) and isinstance(rate.value, (int, float)) and rate.value >= 1:
        return [file.replace(call, _always(call, "ALWAYS_ON", file))]
    return [file.replace(call, _by_ratio(file, use, file.render(rate)))]


def always(use: Found, file: File) -> Outcome:
    """`AlwaysOnSampler()` → `ALWAYS_ON`."""
    call = file.call(use.node)
    if call is None:
        return Keep("the sampler's class, not a sampler")
    if not ways.are_separate(file) and handed.of_keyword(call, file) is not None:
        return [handed.without_keyword(call, file)]
    return [file.replace(call, _always(call, "ALWAYS_ON" if use.rule == "T061" else "ALWAYS_OFF", file))]


def _always(call: ast.Call, name: str, file: File) -> str:
    """Return the source of a sampler that decides always alike; where others of the program decide otherwise, for all of a trace, as OpenCensus's do."""
    always = file.need(f"from {_SAMPLERS} import {name}", call)
    having = ways.having(call, file)
    # A request has no span of this process around it.
    if not any(home.symbol(each.node) == TRACER for home, each in having) or not ways.samplers_differ(file):
        return always
    by_itself = any(isinstance(each.node, ast.Call) and _continues(each.node, home) for home, each in having)
    rest = f", remote_parent_{'not_sampled' if name == 'ALWAYS_ON' else 'sampled'}={always}" if by_itself else ""
    return f"{file.need(f'from {_SAMPLERS} import ParentBased', call)}({always}{rest})"


def _continues(call: ast.Call, file: File) -> bool:
    """Return whether what a call makes continues traces from outside."""
    return file.symbol(call) != TRACER or (context_given(call, file) is not None and parent_context(call, file) is None)


def as_class(use: Found, file: File) -> Outcome:
    """`Sampler` as a type → OpenTelemetry's."""
    if use.symbol.rpartition(".")[2] != "Sampler" or not isinstance(use.node, ast.expr) or not file.is_annotation(use.node):
        return Ask(BY_ID["T063"].question)
    return [file.replace(use.node, file.need(f"from {_SAMPLERS} import Sampler", use.node, takes_over=file.is_for_types(use.node)))]


REWRITERS: dict[str, Rewriter] = {"T063": as_class, "T060": probability, "T061": always, "T062": always}
