"""Attributes of OpenCensus's context: which become a variable of the context, which go, and which a person must look at."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_HEAD = "from opencensus.trace import execution_context\n\n"
_SET = 'execution_context.set_opencensus_attr("tenant", 1)\n'
_GET = 'print(execution_context.get_opencensus_attr("tenant"))\n'
_HOSTS = 'execution_context.set_opencensus_attr("excludelist_hostnames", ["a"])\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(_SET + _GET, "_tenant.set(1)\nprint(_tenant.get())\n", id="set and read"),
        pytest.param(_GET, "print(_tenant.get())\n", id="read before it is set"),
        pytest.param(
            f"KEY = 'tenant'\n{_SET.replace(chr(34) + 'tenant' + chr(34), 'attr_value=2, attr_key=KEY').replace(', 1', '')}{_GET}",
            "KEY = 'tenant'\n_tenant.set(2)\nprint(_tenant.get())\n",
            id="by a constant and names",
        ),
        pytest.param("_tenant = 0\n" + _GET, "_tenant = 0\nprint(_tenant_2.get())\n", id="the name is taken"),
    ],
)
def test_variable_of_the_context(before, after):
    """One file that sets and reads an attribute has a variable in its place."""
    found = rewrite_text((_HEAD + before).encode(), options=Options(shape=True)).after["<stdin>"].decode()
    name = "_tenant_2" if "_tenant_2" in after else "_tenant"
    assert found == f'from contextvars import ContextVar\n\n{name} = ContextVar("tenant", default=None)\n\n{after}'
    assert rewrite_text(found.encode(), options=Options(shape=True)).after == {}


def test_hosts_that_nothing_reads():
    """Hosts that are left out go where no client is traced."""
    assert rewrite_text(f"{_HEAD}print(1)\n{_HOSTS}".encode()).after["<stdin>"] == b"print(1)\n"


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(_HOSTS + "RequestsInstrumentor().instrument()\n", id="hosts of a client"),
        pytest.param(_HOSTS + "print(execution_context.get_opencensus_attr('excludelist_hostnames'))\n", id="hosts that are read"),
        pytest.param(_SET + "print(execution_context.get_opencensus_attrs())\n", id="all of them are read"),
        pytest.param(_SET + "execution_context.clear()\n", id="all of them are cleared"),
        pytest.param(_SET + "execution_context.set_opencensus_attr(name, 1)\n", id="a key that is not known"),
        pytest.param(_SET + "ThreadingInstrumentor().instrument()\n", id="threads take them along"),
        pytest.param(_SET.replace("tenant", "a-b"), id="a key that is no name"),
    ],
)
def test_a_person_must_decide(before):
    """Where another reader may be, nothing changes but for comments."""
    result = rewrite_text((_HEAD + before).encode(), options=Options(shape=True, markers=False))
    assert result.after == {}
    assert {each.why for each in result.left if each.rule == "T042"} == {"decide"}


def test_a_reader_in_another_file(tmp_path):
    """What one file sets and another one reads stays in both."""
    (tmp_path / "one.py").write_text(f"import two\n{_HEAD}{_SET}", encoding="utf-8")
    (tmp_path / "two.py").write_text(_HEAD + _GET, encoding="utf-8")
    assert rewrite([str(tmp_path)], Options(shape=True, markers=False)).after == {}
