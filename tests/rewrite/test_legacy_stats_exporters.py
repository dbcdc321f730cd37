"""Exporters of stats that stay: one reader hands the instruments to them, and what they need of OpenCensus is left."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite_text

_HEAD = """\
from opencensus.stats import aggregation, measure, view
from opencensus.stats import stats as stats_module
{imports}
{of_module}
COST = measure.MeasureFloat("cost", "costs", "1")
VIEW = view.View("{name}", "costs", {columns}, COST, aggregation.{how})
stats_module.stats.view_manager.register_view(VIEW)
"""
_RECORD = "mmap = stats_module.stats.stats_recorder.new_measurement_map()\nmmap.measure_float_put(COST, 2)\nmmap.record()\n"
_STACKDRIVER = "from opencensus.ext.stackdriver import stats_exporter"
_AGENT = "from opencensus.ext.ocagent import stats_exporter"
_THREAD = "from opencensus.metrics.transport import get_exporter_thread"
_OWN = "class Own:\n    def export_metrics(self, metrics):\n        print(list(metrics))\n"
_SET = "set_meter_provider(MeterProvider(metric_readers=[stats_reader]))"


def _rewrite(body, imports, of_module="", name="costs", columns="[]", how="CountAggregation()"):
    source = _HEAD.format(imports=imports, of_module=of_module, name=name, columns=columns, how=how) + body
    result = rewrite_text(source.encode(), options=Options(shape=True, markers=False))
    return b"".join(result.after.values()).decode(), result.left


@pytest.mark.parametrize(
    ("imports", "of_module", "made"),
    [
        (_STACKDRIVER, "", "exporter = stats_exporter.new_stats_exporter(stats_exporter.Options(project_id='p'), interval=5)\n"),
        (_AGENT, "", "exporter = stats_exporter.new_stats_exporter('shop')\n"),
        (_THREAD, _OWN, "exporter = Own()\nget_exporter_thread([stats_module.stats], exporter, interval=5)\n"),
        (
            _THREAD,
            f"{_OWN}\nstats = stats_module.stats",
            "exporter = Own()\nthread = get_exporter_thread([stats], exporter)\nthread.close()\n",
        ),
    ],
    ids=["Stackdriver", "OpenCensus's agent", "the program's own", "the program's own, with a variable"],
)
def test_one_line_keeps_the_exporter(imports, of_module, made):
    """The provider is set before the exporter's line, which stays, and so does what keeps the exporter alive."""
    registered = "stats_module.stats.view_manager.register_exporter(exporter)\n"
    in_function = "".join(f"    {line}\n" for line in (made + registered).splitlines())
    text, left = _rewrite(f"def set_up():\n{in_function}\nset_up()\n{_RECORD}", imports, of_module)
    before, _, after = text.partition(_SET)
    assert "COST = " in before
    assert "create_counter(" in before
    assert "stats_reader = LegacyStatsReader()\n" in before
    assert made.splitlines()[-1] in after
    assert registered in after
    assert after.endswith("COST.add(1)\n")
    assert {each.rule for each in left} <= {"A010", "S008", "S009", "V004", "V005"}
    assert "measure" not in text


def test_an_exporter_that_a_variable_of_the_module_keeps():
    """Its registration goes, which did nothing else."""
    text, left = _rewrite(
        f"exporter = stats_exporter.new_stats_exporter()\nstats_module.stats.view_manager.register_exporter(exporter)\n{_RECORD}",
        _STACKDRIVER,
    )
    assert "register_exporter" not in text
    assert [each.rule for each in left] == ["V005"]


@pytest.mark.parametrize(
    ("options", "reader"),
    [
        ({}, "LegacyStatsReader()"),
        ({"name": "Costs"}, 'LegacyStatsReader({"Costs": []})'),
        ({"columns": "['b', 'a']"}, 'LegacyStatsReader({"costs": ["b", "a"]})'),
        ({"how": "SumAggregation()"}, 'LegacyStatsReader({"costs": []}, floats=["costs"])'),
        ({"how": "LastValueAggregation()"}, 'LegacyStatsReader({"costs": []}, floats=["costs"])'),
        ({"how": "DistributionAggregation([1])"}, "LegacyStatsReader()"),
    ],
    ids=["nothing", "a name in upper case", "tag keys", "a sum", "a last value", "a distribution"],
)
def test_what_the_reader_is_told(options, reader):
    """The exporter's metrics keep their names, their label keys and the kind of their numbers."""
    text, _ = _rewrite("stats_exporter.new_stats_exporter()\n", _STACKDRIVER, **options)
    assert f"stats_reader = {reader}\n" in text


def test_values_that_are_recorded_before():
    """The provider stands before the first record, though the exporter is made after it: an instrument without one keeps nothing."""
    text, _ = _rewrite(f"{_RECORD}stats_exporter.new_stats_exporter()\n", _STACKDRIVER)
    assert text.index(_SET) < text.index("COST.add(1)") < text.index("new_stats_exporter()")


def test_beside_an_exporter_to_application_insights():
    """One provider has both: `configure` gets the reader."""
    imports = f"{_STACKDRIVER}\nfrom opencensus.ext.azure import metrics_exporter"
    body = "metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)\nstats_exporter.new_stats_exporter()\n"
    text, _ = _rewrite(body + _RECORD, imports)
    assert "stats_reader = LegacyStatsReader()\nconfigure(" in text
    assert "metric_readers=[stats_reader])" in text
    assert "set_meter_provider" not in text


def test_two_exporters_that_stay():
    """One reader serves both, at the first of them."""
    imports = f"{_STACKDRIVER}\n{_THREAD}"
    text, _ = _rewrite("stats_exporter.new_stats_exporter()\nget_exporter_thread([stats_module.stats], Own())\n", imports, _OWN)
    assert text.count("LegacyStatsReader()") == 1
    assert text.index(_SET) < text.index("new_stats_exporter()")


@pytest.mark.parametrize(
    "own",
    [
        "class Own:\n    def export_metrics(self, metrics):\n        pass\n\n    def export(self, view_data):\n        pass\n",
        "class Own(Base):\n    def export_metrics(self, metrics):\n        pass\n",
        "from elsewhere import Own",
    ],
    ids=["called at each record", "a base", "of elsewhere"],
)
def test_exporters_that_may_be_called_at_each_record(own):
    """One that gets `ViewData` of each record, or may, gets none of the instruments: the views stay."""
    text, left = _rewrite(f"own = Own()\nget_exporter_thread([stats_module.stats], own)\n{_RECORD}", _THREAD, own)
    assert text == ""
    assert any(each.why == "decide" for each in left)


@pytest.mark.parametrize(
    "one", ["stats_exporter.new_stats_exporter()", "new_metrics_exporter(enable_standard_metrics=False)"], ids=["both stay", "Azure's"]
)
def test_exporters_of_which_one_is_made(one):
    """Where a condition decides between two exporters, no line would set the provider for each of them."""
    imports = f"{_STACKDRIVER}\nfrom opencensus.ext.azure.metrics_exporter import new_metrics_exporter"
    text, left = _rewrite(f"if MODE:\n    {one}\nelse:\n    stats_exporter.new_stats_exporter()\n{_RECORD}", imports)
    assert "create_counter" not in text
    assert any(each.why == "decide" for each in left)


def test_a_program_that_sets_a_provider():
    """Where it has one, its readers are a person's to name."""
    text, left = _rewrite(f"set_meter_provider(make())\nstats_exporter.new_stats_exporter()\n{_RECORD}", _STACKDRIVER)
    assert text == ""
    assert any("metric_readers=[LegacyStatsReader()]" in each.text for each in left)


def test_a_second_run_changes_nothing():
    """What is left is not taken for what it was."""
    body = f"exporter = Own()\nstats_module.stats.view_manager.register_exporter(exporter)\nget_exporter_thread([stats_module.stats], exporter)\n{_RECORD}"
    text, _ = _rewrite(body, _THREAD, _OWN)
    assert rewrite_text(text.encode(), options=Options(shape=True, markers=False)).after == {}
