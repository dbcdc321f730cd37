"""Whole programs with stats, on the real package and on ours: they print the same, times apart."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import pytest

IMPORTS = """
from datetime import datetime

from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_map as tag_map_module

stats = stats_module.stats
view_manager = stats.view_manager
stats_recorder = stats.stats_recorder
"""

PROGRAMS = {
    "prompts": """
        prompt_measure = measure_module.MeasureInt("prompts", "number of prompts", "prompts")
        prompt_view = view_module.View(
            "prompt view", "number of prompts", [], prompt_measure, aggregation_module.CountAggregation()
        )
        view_manager.register_view(prompt_view)
        mmap = stats_recorder.new_measurement_map()
        tmap = tag_map_module.TagMap()
        for i in range(4):
            mmap.measure_int_put(prompt_measure, 1)
            mmap.record(tmap)
            metrics = list(mmap.measure_to_view_map.get_metrics(datetime.utcnow()))
            print(metrics[0].time_series[0].points[0])
        """,
    "custom dimensions": """
        chips_eaten = measure_module.MeasureInt("chips_eaten", "chips eaten", "chips")
        view_manager.register_view(
            view_module.View("chips view", "chips", ["url", "size"], chips_eaten, aggregation_module.LastValueAggregation(value=7))
        )
        for url, chips in [("http://example.com", 1), ("http://example.com", 1000), ("", 5)]:
            tmap = tag_map_module.TagMap()
            tmap.insert("url", url)
            mmap = stats_recorder.new_measurement_map()
            mmap.measure_int_put(chips_eaten, chips)
            mmap.record(tmap)
            for metric in stats.get_metrics():
                print(metric, metric.descriptor)
                for series in metric.time_series:
                    print(" ", series, series.points)
        """,
    "video size": """
        from opencensus.tags import tag_key as tag_key_module
        from opencensus.tags import tag_value as tag_value_module

        frontend = tag_key_module.TagKey("my.org/keys/frontend")
        video_size = measure_module.MeasureInt("my.org/measure/video_size", "size of processed videos", "By")
        view = view_module.View(
            "my.org/views/video_size", "processed video size over time", [frontend], video_size,
            aggregation_module.DistributionAggregation([0.0, 16.0 * 1024, 256 * 1024]),
        )
        view_manager.register_view(view)
        tags = tag_map_module.TagMap()
        tags.insert(frontend, tag_value_module.TagValue("mobile-ios9.3.5"))
        measurements = stats_recorder.new_measurement_map()
        measurements.measure_int_put(video_size, 25 * 1024)
        measurements.measure_put_attachment("video", "cat")
        measurements.record(tags)
        measurements.record(tags)
        data = view_manager.get_view("my.org/views/video_size")
        for tag_values, added_up in data.tag_value_aggregation_data_map.items():
            print(tag_values, added_up, added_up.bounds, added_up.counts_per_bucket, added_up.mean_data, added_up.sum, added_up.variance)
            print({bucket: exemplar and exemplar.attachments for bucket, exemplar in added_up.exemplars.items()})
        print(data.start_time, data.end_time, data.start_time == view_manager.time)
        """,
    "contexts": """
        import asyncio, threading
        from opencensus.stats.stats_recorder import StatsRecorder
        from opencensus.stats.view_manager import ViewManager

        def same():
            recorder, manager = StatsRecorder(), ViewManager()
            print(
                recorder.measure_to_view_map is manager.measure_to_view_map,
                recorder.measure_to_view_map is view_manager.measure_to_view_map,
            )

        async def task():
            same()

        same()
        asyncio.run(task())
        thread = threading.Thread(target=same)
        thread.start()
        thread.join()
        """,
    "exporter": """
        from opencensus.stats.base_exporter import StatsExporter

        class Printing(StatsExporter):
            def on_register_view(self, view):
                print("view", view.name)

            def export(self, view_data):
                self.emit(view_data)

            def emit(self, view_data):
                for data in view_data:
                    print(data.view.name, data.start_time, data.end_time, data.tag_value_aggregation_data_map)

        latency = measure_module.MeasureFloat("latency", "how long", "ms")
        view_manager.register_exporter(Printing())
        for name, how in [("count", aggregation_module.CountAggregation()), ("sum", aggregation_module.SumAggregation(sum=1.5)),
                          ("last", aggregation_module.LastValueAggregation()), ("spread", aggregation_module.DistributionAggregation())]:
            view_manager.register_view(view_module.View(name, "d", ["route"], latency, how))
        for value, tags in [(1.5, {}), (2.5, {"route": "/a"}), (-1, {"route": "/a"}), (0.0, {"route": "/b", "other": "x"})]:
            mmap = stats_recorder.new_measurement_map()
            mmap.measure_float_put(latency, value)
            mmap.record(tag_map_module.TagMap(tags))
        """,
}


def _printed(python, program):
    """Return what a program prints, its times as the letter T."""
    source = IMPORTS + textwrap.dedent(program)
    done = subprocess.run(
        [python, "-W", "ignore::DeprecationWarning", "-c", source], capture_output=True, text=True, timeout=120, check=True, env={}
    )
    # What is logged is for `test_pure_modules.py`: the sentences differ.
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{6})?Z?", "T", done.stdout)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_programs_print_the_same(program, legacy_python):
    """A program prints on our package what it prints on the real one."""
    printed = _printed(sys.executable, program)
    assert printed == _printed(legacy_python, program)
    assert len(printed.splitlines()) >= 3


def test_the_documentations_counter():
    """The product's documentation shows a point that counts up."""
    assert _printed(sys.executable, PROGRAMS["prompts"]).splitlines() == [
        f"Point(value=ValueLong({count}), timestamp=T)" for count in (1, 2, 3, 4)
    ]
