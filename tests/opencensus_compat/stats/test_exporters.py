"""Exporters that are told of each measurement, and listeners that mirror views."""

from __future__ import annotations

import pytest

from opencensus_compat.common.transports import sync
from opencensus_compat.stats.base_exporter import StatsExporter


class Told(StatsExporter):
    """An exporter of the old kind: a transport, and notes of what arrives."""

    def __init__(self, transport=sync.SyncTransport):
        self.views, self.emitted = [], []
        self.transport = transport(self)

    def on_register_view(self, view):
        """Note the view's name."""
        self.views.append(view.name)

    def export(self, view_datas):
        """Hand on to the transport, which calls `emit`."""
        self.transport.export(view_datas)

    def emit(self, view_datas):
        """Note what the views have added up."""
        self.emitted.append(
            {(data.view.name, *key): repr(value) for data in view_datas for key, value in data.tag_value_aggregation_data_map.items()}
        )


class Failing(Told):
    """One that cannot export."""

    def emit(self, view_datas):
        """Fail."""
        raise OSError("no way out")


def test_exporters_are_told_of_each_measurement(census):
    """After each measurement an exporter gets all series of the views that show it; before it is registered and after that, nothing."""
    exporter = Told()
    census.count("early")
    census.record(census.whole, 1, route="/a")
    census.manager.register_exporter(exporter)
    census.count("late", columns=[])
    census.spread()
    census.record(census.whole, 1, route="/b")
    census.record(census.broken, 2.5)
    census.manager.unregister_exporter(exporter)
    census.record(census.whole, 1)
    assert exporter.views == ["late", "spread"]
    count = "CountAggregationData(1)"
    assert exporter.emitted == [
        {("early", "/a"): count, ("early", "/b"): count, ("late",): count},
        {("spread", None): "DistributionAggregationData(1)"},
    ]


def test_an_exporter_that_fails(census, caplog):
    """An exporter that raises is told of once; the application goes on, and other exporters are told."""
    told = Told()
    for exporter in (Failing(), object(), told):
        census.manager.register_exporter(exporter)
    census.count()
    for _ in range(3):
        census.record(census.whole, 1)
    assert [*map(str, told.emitted)] == [str({("count", None): f"CountAggregationData({n})"}) for n in (1, 2, 3)]
    assert [record.getMessage() for record in caplog.records] == ["Telemetry was lost: the stats exporter Failing failed (said once)"]
    assert census.map._failures == {"the stats exporter Failing failed": 3}


def test_an_exporter_that_refuses_a_view(census):
    """What an exporter raises when a view is registered comes out of `register_view`: the program is being configured."""
    census.manager.register_exporter(StatsExporter())
    with pytest.raises(NotImplementedError):
        census.count()


class Mirror:
    """A listener that notes what it learns."""

    def __init__(self):
        self.views, self.values = [], []

    def view_registered(self, view_data):
        """Note the view's name."""
        self.views.append(view_data.view.name)

    def measured(self, view_data, tag_values, value):
        """Note a measurement."""
        self.values.append((view_data.view.name, tag_values, value))


def test_listeners(census):
    """A listener learns of views from before and after, each once, and of measurements in distributions only."""
    mirror = Mirror()
    census.count()
    census.spread("early")
    census.record(census.broken, 1.0)
    census.map._listen(mirror)
    census.spread("late", columns=[])
    census.record(census.broken, 2.5, route="/a")
    census.record(census.whole, 1)
    census.map._unlisten(mirror)
    census.spread("latest")
    census.record(census.broken, 3.0)
    assert mirror.views == ["count", "early", "late"]
    assert mirror.values == [("early", ("/a",), 2.5), ("late", (), 2.5)]


def test_listeners_learn_of_the_overflow(census, monkeypatch, caplog):
    """Beyond the limit of tag sets a listener is given the series that took the measurement."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_MAX_TAG_SETS", "1")
    mirror = Mirror()
    census.map._listen(mirror)
    census.spread()
    for route in ("/a", "/b", "/a"):
        census.record(census.broken, 1.0, route=route)
    assert [tag_values for _, tag_values, _ in mirror.values] == [("/a",), ("otel.metric.overflow",), ("/a",)]
    assert len(caplog.records) == 1


def test_a_listener_that_fails(census, caplog):
    """What a listener raises reaches neither the application nor the next listener, and is said once for each view."""

    class Broken(Mirror):
        def view_registered(self, view_data):
            raise RuntimeError("no view")

        measured = None

    mirror = Mirror()
    census.map._listen(Broken())
    census.map._listen(mirror)
    census.spread()
    for value in (1.0, 2.0):
        census.record(census.broken, value)
    assert (mirror.views, [value for *_, value in mirror.values]) == (["spread"], [1.0, 2.0])
    assert [record.getMessage() for record in caplog.records] == ["Telemetry was lost: the view 'spread' cannot be mirrored (said once)"]
    assert census.series("spread")[None,].count_data == 2


def test_copies_tell_nobody(census):
    """Measurements added to a copy of view data are nobody's."""
    mirror = Mirror()
    census.map._listen(mirror)
    census.spread()
    census.manager.get_view("spread").record(None, 1.0, None)
    assert mirror.values == []
