"""Measures, views, recording, tags, gauges and their exporters: text before, text after, and what is asked."""

from __future__ import annotations

import shutil
from pathlib import Path
from textwrap import dedent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_PROGRAMS = Path(__file__).parents[1] / "pairs" / "programs"
_HEAD = """\
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import view as view_module
from opencensus.stats.stats import stats

ORDERS = measure_module.MeasureInt("orders", "orders", "1")
VIEW = view_module.View("orders", "orders", ["shop"], ORDERS, aggregation_module.SumAggregation())
stats.view_manager.register_view(VIEW)
"""
_NEW_HEAD = """\
from opentelemetry import metrics

ORDERS = metrics.get_meter(__name__).create_counter("orders", unit="1", description="orders")
"""
_TAGS = "from opencensus.tags.tag_map import TagMap\n"
_MAP = "mmap = stats.stats_recorder.new_measurement_map()\n"


def _rewrite(text):
    result = rewrite_text(text.encode(), options=Options(shape=True))
    return b"".join(result.after.values()).decode(), result.left


def _with_tags(body):
    return (_TAGS if "TagMap" in body else "") + _HEAD + body


_TEXTS = {
    "a name": ("print(ORDERS.name)\n", 'print("orders")\n'),
    "a name in a variable": (
        "NAME = 'n'\nM = measure_module.MeasureInt(NAME, 'd')\nstats.view_manager.register_view(view_module.View('v', 'd', [], M, aggregation_module.SumAggregation()))\nprint(M.name)\n",
        "print(NAME)\n",
    ),
    "a description": ("print(VIEW.description)\n", 'print("orders")\n'),
    "a number": (f"{_MAP}mmap.measure_int_put(ORDERS, 2)\nmmap.record()\nprint(len(mmap.measurement_map))\n", "print(1)\n"),
}


@pytest.mark.parametrize(("before", "after"), _TEXTS.values(), ids=_TEXTS)
def test_what_measures_and_maps_say(before, after):
    """Names, descriptions and numbers of measurements are what they were."""
    text, left = _rewrite(_with_tags(before))
    assert text.endswith(after)
    assert "opencensus" not in text
    assert left == []


@pytest.mark.parametrize("change", ["NAME = 'm'\n", "NAME += 'm'\n", "for NAME in 'ab':\n    pass\n"])
def test_a_name_that_is_another_one_by_then(change):
    """The name of a measure stays where the variable that it was made with may hold another text."""
    made = "NAME = 'n'\nM = measure_module.MeasureInt(NAME, 'd')\n"
    view = "view_module.View('v', 'd', [], M, aggregation_module.SumAggregation())"
    text, left = _rewrite(f"{_HEAD}{made}stats.view_manager.register_view({view})\n{change}print(M.name)\n")
    assert text.endswith("print(M.name)\n")
    assert "M = measure_module" in text
    assert any(each.why == "decide" for each in left)


_KEPT = '{key: value for key, value in tags.items() if key == "shop"}'
_RECORDS = {
    "tags before the value": (
        f"{_MAP}tags = TagMap()\ntags.insert('shop', 's')\nmmap.measure_int_put(ORDERS, 2)\nmmap.record(tags)\n",
        "tags = {}\ntags['shop'] = 's'\nORDERS.add(2, tags)\n",
    ),
    "tags after the value": (
        f"{_MAP}mmap.measure_int_put(ORDERS, 2)\ntags = TagMap()\ntags.insert('shop', 's')\nmmap.record(tags)\n",
        "tags = {}\ntags['shop'] = 's'\nORDERS.add(2, tags)\n",
    ),
    "tags added after the value": (
        f"tags = TagMap()\n{_MAP}mmap.measure_int_put(ORDERS, 2)\ntags.insert('shop', 's')\nmmap.record(tags=tags)\n",
        "tags = {}\ntags['shop'] = 's'\nORDERS.add(2, tags)\n",
    ),
    "no tags": (f"{_MAP}mmap.measure_int_put(ORDERS, 2)\nmmap.record()\n", "ORDERS.add(2)\n"),
    "an empty map": (f"{_MAP}mmap.measure_int_put(ORDERS, 2)\nmmap.record(TagMap())\n", "ORDERS.add(2)\n"),
    "keywords": (f"{_MAP}mmap.measure_int_put(measure=ORDERS, value=2)\nmmap.record(tags=None)\n", "ORDERS.add(2)\n"),
    "a condition": (
        f"def record(n):\n    {_MAP}    if n > 1:\n        mmap.measure_int_put(ORDERS, n)\n    mmap.record()\n",
        "def record(n):\n    if n > 1:\n        ORDERS.add(n)\n",
    ),
    "branches with records of their own": (
        f"def record(n):\n    {_MAP}    mmap.measure_int_put(ORDERS, n)\n    if n > 1:\n        mmap.record()\n        return\n    with print():\n        mmap.record(TagMap())\n",
        "def record(n):\n    ORDERS.add(n)\n    if n > 1:\n        return\n    with print():\n        pass\n",
    ),
    "branches with one map of tags": (
        f"def record(tags, n):\n    {_MAP}    if n > 1:\n        mmap.measure_int_put(ORDERS, n)\n        mmap.record(tags)\n    else:\n        mmap.measure_int_put(ORDERS, 1)\n        mmap.record(tags)\n",
        f"def record(tags, n):\n    if n > 1:\n        ORDERS.add(n, {_KEPT})\n    else:\n        ORDERS.add(1, {_KEPT})\n",
    ),
    "a tag that the view leaves out": (
        f"tags = TagMap()\ntags.insert('user', 'u')\n{_MAP}mmap.measure_int_put(ORDERS, 2)\nmmap.record(tags)\n",
        f"tags = {{}}\ntags['user'] = 'u'\nORDERS.add(2, {_KEPT})\n",
    ),
    "a tag that is not known": (
        f"def record(key):\n    tags = TagMap()\n    tags.insert(key, 'u')\n    {_MAP}    mmap.measure_int_put(ORDERS, 2)\n    mmap.record(tags)\n",
        f"def record(key):\n    tags = {{}}\n    tags.setdefault(key, 'u')\n    ORDERS.add(2, {_KEPT})\n",
    ),
    "tags that come from outside": (
        f"def record(tags):\n    {_MAP}    mmap.measure_int_put(ORDERS, 2)\n    mmap.record(tags)\n",
        f"def record(tags):\n    ORDERS.add(2, {_KEPT})\n",
    ),
    "a tag that a function inserts": (
        f"def more(tags):\n    tags.insert('user', 'u')\ntags = TagMap()\nmore(tags)\n{_MAP}mmap.measure_int_put(ORDERS, 2)\nmmap.record(tags)\n",
        f"def more(tags):\n    tags.setdefault('user', 'u')\ntags = {{}}\nmore(tags)\nORDERS.add(2, {_KEPT})\n",
    ),
    "a tag that is changed in a loop": (
        f"tags = TagMap()\ntags.insert('shop', 'a')\n{_MAP}for shop in 'bc':\n    tags.update('shop', shop)\n    mmap.measure_int_put(ORDERS, 1)\n    mmap.record(tags)\n",
        "tags = {}\ntags['shop'] = 'a'\nfor shop in 'bc':\n    tags['shop'] = shop\n    ORDERS.add(1, tags.copy())\n",
    ),
    "metrics that nothing reads": (
        f"def record(now):\n    {_MAP}    mmap.measure_int_put(ORDERS, 1)\n    mmap.record()\n    seen = list(mmap.measure_to_view_map.get_metrics(now))\n",
        "def record(now):\n    ORDERS.add(1)\n",
    ),
    "a tag that is inserted again": (
        f"tags = TagMap()\n{_MAP}def record(shop):\n    tags.insert('shop', shop)\n    mmap.measure_int_put(ORDERS, 1)\n    mmap.record(tags)\n",
        "tags = {}\ndef record(shop):\n    tags.setdefault('shop', shop)\n    ORDERS.add(1, tags)\n",
    ),
    "tags that change later": (
        f"tags = TagMap()\ntags.insert('shop', 'a')\n{_MAP}mmap.measure_int_put(ORDERS, 1)\nmmap.record(tags)\ntags.delete('shop')\n",
        "tags = {}\ntags['shop'] = 'a'\nORDERS.add(1, tags.copy())\ntags.pop('shop', None)\n",
    ),
    "tags that change elsewhere": (
        f"tags = TagMap()\ndef begin(shop):\n    tags.insert('shop', shop)\ndef record():\n    {_MAP}    mmap.measure_int_put(ORDERS, 1)\n    mmap.record(tags)\n",
        "tags = {}\ndef begin(shop):\n    tags.setdefault('shop', shop)\ndef record():\n    ORDERS.add(1, tags.copy())\n",
    ),
    "a tag in a loop": (
        f"tags = TagMap()\n{_MAP}for shop in 'ab':\n    tags.insert('shop', shop)\n    mmap.measure_int_put(ORDERS, 1)\n    mmap.record(tags)\n",
        "tags = {}\nfor shop in 'ab':\n    tags.setdefault('shop', shop)\n    ORDERS.add(1, tags.copy())\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), _RECORDS.values(), ids=_RECORDS)
def test_records(before, after):
    """A record becomes a call of the instrument, with the tags that it had."""
    text, left = _rewrite(_with_tags(before))
    assert (text, left) == (_NEW_HEAD + after, [])


_ASKED = {
    "keys of a view that are not known": f"V = view_module.View('v', 'd', print(), ORDERS, aggregation_module.SumAggregation())\nstats.view_manager.register_view(V)\ntags = TagMap()\n{_MAP}mmap.measure_int_put(ORDERS, 2)\nmmap.record(tags)\n",
    "a measure that comes from outside": f"def record(measure):\n    {_MAP}    mmap.measure_int_put(measure, 2)\n    mmap.record()\n",
    "a value that is recorded nowhere": f"{_MAP}mmap.measure_int_put(ORDERS, 2)\n",
    "a manager that is kept": "def register(view_manager):\n    view_manager.register_view(VIEW)\n    print(view_manager)\nregister(stats.view_manager)\n",
    "a manager in a function that others may call": "def register(view_manager):\n    view_manager.register_view(VIEW)\nregister(stats.view_manager)\nprint(register)\n",
    "a measure that is looked up": "def main(mmap, name):\n    mmap.measure_int_put(globals()[name], 2)\n",
    "metrics that are read": f"def record(now):\n    {_MAP}    mmap.measure_int_put(ORDERS, 1)\n    mmap.record()\n    return list(mmap.measure_to_view_map.get_metrics(now))\n",
    "a tag that may not be there": f"tags = TagMap()\ntags.insert('shop', 'a')\nif len('a'):\n    tags = TagMap()\ntags.update('shop', 'b')\n{_MAP}mmap.measure_int_put(ORDERS, 1)\nmmap.record(tags)\n",
    "a tag that was deleted": f"tags = TagMap()\ntags.insert('shop', 'a')\ntags.delete('shop')\ntags.update('shop', 'b')\n{_MAP}mmap.measure_int_put(ORDERS, 1)\nmmap.record(tags)\n",
    "an attachment": f"{_MAP}mmap.measure_int_put(ORDERS, 2)\nmmap.measure_put_attachment('k', 'v')\nmmap.record()\n",
    "a view that is read": "print(VIEW.columns)\n",
    "a function that others may call": f"def record(measure):\n    {_MAP}    mmap.measure_int_put(measure, 2)\n    mmap.record()\nrecord(ORDERS)\nprint(record)\n",
    "a function that gets something else": f"def record(measure):\n    {_MAP}    mmap.measure_int_put(measure, 2)\n    mmap.record()\nrecord(ORDERS)\nrecord(print())\n",
    "two kinds of instrument": f"COUNT = measure_module.MeasureInt('c', 'd')\nstats.view_manager.register_view(view_module.View('c', 'd', [], COUNT, aggregation_module.CountAggregation()))\ndef record(measure):\n    {_MAP}    mmap.measure_int_put(measure, 2)\n    mmap.record()\nrecord(ORDERS)\nrecord(COUNT)\n",
    "a view of two measures": "OTHER = measure_module.MeasureInt('o', 'd')\ndef register(measure):\n    stats.view_manager.register_view(view_module.View('v', 'd', [], measure, aggregation_module.SumAggregation()))\nregister(OTHER)\nregister(ORDERS)\n",
    "a dict that grows": f"DICT = {{'a': measure_module.MeasureInt('a', 'd')}}\nDICT['b'] = ORDERS\n{_MAP}mmap.measure_int_put(DICT['a'], 2)\nmmap.record()\n",
    "the measurements": f"{_MAP}mmap.measure_int_put(ORDERS, 2)\nmmap.record()\nprint(mmap.measurement_map)\n",
    "the map of views": "print(stats.view_manager.measure_to_view_map)\n",
}


_BY_DICT = {
    "a map that keeps its values": f"{_MAP}def record(n):\n    if n:\n        mmap.measure_int_put(ORDERS, n)\n    mmap.record()\n",
    "a branch that records nothing": f"def record(n):\n    {_MAP}    mmap.measure_int_put(ORDERS, n)\n    if n > 1:\n        mmap.record()\n    elif n:\n        mmap.record()\n",
    "a branch that leaves before the record": f"def record(n):\n    {_MAP}    mmap.measure_int_put(ORDERS, n)\n    if n > 1:\n        mmap.record()\n        return\n    if n:\n        return\n    print()\n    if not n:\n        mmap.record()\n",
    "a branch that records twice": f"def record(n):\n    {_MAP}    mmap.measure_int_put(ORDERS, n)\n    if n > 1:\n        mmap.record()\n    else:\n        mmap.record()\n    mmap.record()\n",
    "branches with tags of their own": f"def record(n):\n    tags = TagMap()\n    tags.insert('shop', 'a')\n    other = TagMap()\n    other.insert('shop', 'b')\n    {_MAP}    mmap.measure_int_put(ORDERS, n)\n    if n > 1:\n        mmap.record(tags)\n    else:\n        mmap.record(other)\n",
    "branches in a loop that goes on with the map": f"def record(n):\n    {_MAP}    for each in n:\n        mmap.measure_int_put(ORDERS, each)\n        if each > 1:\n            mmap.record()\n        else:\n            mmap.record()\n",
    "a number of measurements before the record": f"{_MAP}mmap.measure_int_put(ORDERS, 2)\nprint(len(mmap.measurement_map))\nmmap.record()\n",
    "one map for the measures of a dict": f"D = {{'a': ORDERS, 'b': measure_module.MeasureInt('b', 'd')}}\nstats.view_manager.register_view(view_module.View('b', 'd', [], D['b'], aggregation_module.SumAggregation()))\n{_MAP}def record(name, n):\n    mmap.measure_int_put(D[name], n)\n    mmap.record()\n",
    "a map that is asked for its keys": "class T:\n    def __init__(self):\n        self.maps = {}\n    def record(self, name):\n        if name not in self.maps:\n            self.maps[name] = stats.stats_recorder.new_measurement_map()\n        mmap = self.maps[name]\n        mmap.measure_int_put(ORDERS, 1)\n        mmap.record()\n",
    "a value in a loop": f"{_MAP}for n in range(3):\n    mmap.measure_int_put(ORDERS, n)\nmmap.record()\n",
    "a function that gets the map": f"def put(mmap, n):\n    mmap.measure_int_put(ORDERS, n)\ndef send(mmap, shop):\n    tags = TagMap()\n    tags.insert('shop', shop)\n    mmap.record(tags)\n{_MAP}put(mmap, 1)\nsend(mmap, 'a')\n",
}
"""Maps whose values are recorded at a place of their own."""


@pytest.mark.parametrize("body", _BY_DICT.values(), ids=_BY_DICT)
def test_maps_that_become_dicts(body):
    """A map whose values are recorded elsewhere, again or under a condition is a dict: it keeps the last value of each instrument, as before."""
    text, left = _rewrite(_with_tags(body))
    assert left == []
    assert "opencensus" not in text
    assert "[ORDERS.add] = " in text or "[D[name].add] = " in text
    assert text.count(".items():\n") >= body.count(".record(")
    assert text.count("record_value(") == body.count(".record(")


def test_tags_of_a_map_that_becomes_a_dict():
    """What the tags are made of is found out once, before the loop; views that keep several tags of a map are asked about."""
    send = "def send(mmap):\n    mmap.record(make())\n"
    made = "def make():\n    tags = TagMap()\n    tags.insert('shop', 'a')\n    tags.insert('more', 'b')\n    return tags\n"
    body = f"{made}{send}{_MAP}mmap.measure_int_put(ORDERS, 1)\nsend(mmap)\n"
    text, _ = _rewrite(_with_tags(body))
    kept = '{key: value for key, value in attributes.items() if key == "shop"}'
    assert f"    attributes = make()\n    for record_value, measured in mmap.items():\n        record_value(measured, {kept})\n" in text
    other = "OTHER = measure_module.MeasureInt('o', 'd')\nstats.view_manager.register_view(view_module.View('o', 'd', [], OTHER, aggregation_module.SumAggregation()))\n"
    text, left = _rewrite(_with_tags(other + body.replace("\nsend(mmap)\n", "\nmmap.measure_int_put(OTHER, 1)\nsend(mmap, make)")))
    assert ".items()" not in text
    assert left


@pytest.mark.parametrize("tags", ["", "None"], ids=["none", "a None"])
def test_tags_of_the_context(tags):
    """A record without tags has those of the context: where the program sets them, an instrument would lose them."""
    record = f"def record():\n    {_MAP}    mmap.measure_int_put(ORDERS, 1)\n    mmap.record({tags})\n"
    body = f"from opencensus.tags import Tag, TagContext, TagMap\n{_HEAD}{record}TagContext.set(TagMap([Tag('shop', 'a')]))\nrecord()\n"
    text, left = _rewrite(body)
    assert "ORDERS.add" not in text
    assert any("hand them to `record`" in each.text for each in left)


def test_classes_that_the_package_of_tags_hands_on():
    """They are those of its modules."""
    body = (
        f"from opencensus.tags import TagKey, TagMap, TagValue\n{_HEAD}{_MAP}tags = TagMap()\ntags.insert(TagKey('shop'), TagValue('a'))\n"
    )
    text, left = _rewrite(f"{body}mmap.measure_int_put(ORDERS, 1)\nmmap.record(tags)\n")
    assert text.endswith("tags = {}\ntags['shop'] = 'a'\nORDERS.add(1, tags)\n")
    assert left == []


_MADE_OF = {
    "a dict": ("TagMap({'shop': name})", "{'shop': name}"),
    "pairs of a loop": (
        "TagMap([(key, value) for key, value in more.items() if key])",
        "{key: value for key, value in more.items() if key}",
    ),
    "tags of a loop": ("TagMap(Tag(TagKey(key), TagValue(name)) for key in more)", "{key: name for key in more}"),
    "items": ("TagMap(more.items())", "dict(more.items())"),
    "a variable": ("TagMap(more)", "dict(more or ())"),
}


@pytest.mark.parametrize(("made", "after"), _MADE_OF.values(), ids=_MADE_OF)
def test_what_maps_of_tags_are_made_of(made, after):
    """A map of tags is a dict of what it is made of; of keys that are not known, those of the view are attributes."""
    body = f"def record(name, more):\n    tags = {made}\n    {_MAP}    mmap.measure_int_put(ORDERS, 1)\n    mmap.record(tags)\nrecord('a', {{}})\n"
    text, left = _rewrite(f"from opencensus.tags import Tag, TagKey, TagMap, TagValue\n{_HEAD}{body}")
    assert f"    tags = {after}\n" in text
    assert "    ORDERS.add(1, " in text
    assert left == []


_EARLY = _HEAD.replace("from opencensus.stats.stats import stats\n", "from opencensus.stats import stats as stats_module\n").replace(
    "\nORDERS", "\nstats = stats_module.Stats()\nORDERS"
)


def test_the_stats_of_early_releases():
    """`stats.Stats()` is asked about; with `--include X003` it is `stats.stats`, which is one for the process as what it gave."""
    text, left = _rewrite(_EARLY)
    assert "ORDERS = measure_module" in text
    assert any("--include X003" in each.text for each in left)
    result = rewrite_text(_EARLY.encode(), options=Options(shape=True, markers=False, accepted=frozenset({"X003"})))
    assert (b"".join(result.after.values()).decode(), result.left) == (_NEW_HEAD, [])


def test_the_class_of_the_stats_of_early_releases():
    """Where the class is imported, its name is that of the stats, for a variable may be called `stats`."""
    source = _EARLY.replace("from opencensus.stats import stats as stats_module", "from opencensus.stats.stats import Stats")
    result = rewrite_text(
        source.replace("stats_module.Stats()", "Stats()").encode(), options=Options(markers=False, accepted=frozenset({"X003"}))
    )
    text = b"".join(result.after.values()).decode()
    assert "from opencensus.stats.stats import stats as Stats\n" in text
    assert "stats = Stats\n" in text


_TRACK = """\
def track(name, value):
    measure = measure_module.MeasureInt(name, "d")
    stats.view_manager.register_view(view_module.View(name, "d", [], measure, aggregation_module.SumAggregation()))
    mmap = stats.stats_recorder.new_measurement_map()
    mmap.measure_int_put(measure, value)
    mmap.record()
"""
_NEW_TRACK = """\
def track(name, value):
    measure = metrics.get_meter(__name__).create_counter(name, unit="1", description="d")
    measure.add(value)
"""


@pytest.mark.parametrize(
    "calls", ["", "track('a', 1)\ntrack('a', 2)\n", "for each in 'ab':\n    track(each, 1)\n"], ids=["none", "two", "a loop"]
)
def test_a_measure_for_each_value(calls):
    """OpenCensus records the first measure of a name alone, so that a person says whether the others count."""
    text, left = _rewrite(f"{_HEAD}\n{_TRACK}{calls}")
    assert _TRACK.splitlines()[-1] in text
    assert any("--include S001" in each.text for each in left)
    result = rewrite_text(f"{_HEAD}\n{_TRACK}{calls}".encode(), options=Options(shape=True, accepted=frozenset({"S001"})))
    assert b"".join(result.after.values()).decode() == f"{_NEW_HEAD}\n{_NEW_TRACK}{calls}"


_MAKES_VIEW = """\
def register(measure, name):
    stats.view_manager.register_view(view_module.View(name, "d", [], measure, aggregation_module.SumAggregation()))
M = measure_module.MeasureInt("m", "d")
"""


@pytest.mark.parametrize(
    "calls",
    [
        "N = measure_module.MeasureInt('n', 'd')\nregister(M, 'm')\nregister(N, 'm')\n",
        "register(M, 'all of it')\n",
        "for name in ['m']:\n    register(M, name)\n",
        "NAME = 'm'\nregister(M, NAME)\n",
    ],
    ids=["one name for two", "a name of no instrument", "a name of a loop", "a name that is made later"],
)
def test_a_view_that_a_function_makes_is_asked_for(calls):
    """Where the name of each measure is not known where the measure is made, it stays with its view."""
    text, left = _rewrite(f"{_HEAD}\n{_MAKES_VIEW}{calls}")
    assert "M = measure_module.MeasureInt" in text
    assert any(each.why == "decide" for each in left)


def test_views_of_measures_for_each_value():
    """A function that makes the view of such a measure goes with it, where all values are to count."""
    view = "view_module.View(name, 'd', [], measure, aggregation_module.SumAggregation())"
    maker = f"def register(name, measure):\n    stats.view_manager.register_view({view})\n\n"
    track = _TRACK.replace(
        'stats.view_manager.register_view(view_module.View(name, "d", [], measure, aggregation_module.SumAggregation()))',
        "register(name, measure)",
    )
    other = f"{track}\n{track.replace('track', 'other')}"
    text, left = _rewrite(f"{_HEAD}\n{maker}{other}")
    assert "create_counter(name" not in text
    assert any("--include S001" in each.text or "One view is made for several measures" in each.text for each in left)
    result = rewrite_text(f"{_HEAD}\n{maker}{other}".encode(), options=Options(shape=True, accepted=frozenset({"S001"})))
    assert b"".join(result.after.values()).decode() == f"{_NEW_HEAD}\n{_NEW_TRACK}\n{_NEW_TRACK.replace('track', 'other')}".replace(
        'description="d"', "description='d'"
    )


def test_a_measure_of_a_function_that_runs_once():
    """A function that the program calls once makes each measure once."""
    text, left = _rewrite(f"{_HEAD}\n{_TRACK}track('a', 1)\n")
    assert (text, left) == (f"{_NEW_HEAD}\n{_NEW_TRACK}track('a', 1)\n", [])


def test_a_name_that_a_call_gives():
    """A name that no instrument can have is asked for, also where a call of the function gives it."""
    text, left = _rewrite(f"{_HEAD}\n{_TRACK}track('all of it', 1)\n")
    assert "measure_module.MeasureInt(name" in text
    assert any("'all of it'" in each.text for each in left)


@pytest.mark.parametrize("more", _ASKED.values(), ids=_ASKED)
def test_what_needs_a_person(more):
    """Where the counterpart is not certain nothing changes, and the reason is said."""
    text, left = _rewrite(_with_tags(more))
    kept = [line for line in text.splitlines() if "# census-compat: " not in line]
    assert kept in ([], _with_tags(more).splitlines())
    assert any(each.why in ("decide", "keep") for each in left)


_VIEWS = {
    "made where it is registered": "{register}(view_module.View('v', 'd', [], M, {aggregation}.CountAggregation()))\n",
    "in a list": "VIEWS = [view_module.View('v', 'd', [], M, {aggregation}.CountAggregation())]\nfor each in VIEWS:\n    {register}(each)\n",
    "by keywords": "{register}(view_module.View(aggregation={aggregation}.CountAggregation(), measure=M, columns=[], description='d', name='v'))\n",
    "with an aggregation in a variable": "A = {aggregation}.CountAggregation()\nV = view_module.View('v', 'd', [], M, A)\n{register}(V)\n",
    "registered in a function": "V = view_module.View('v', 'd', [], M, {aggregation}.CountAggregation())\ndef main():\n    {register}(V)\n    print()\nmain()\n",
}


@pytest.mark.parametrize("view", _VIEWS.values(), ids=_VIEWS)
def test_views(view):
    """A view goes, however it is made and registered, and its measure is the instrument."""
    head = "\n".join(_HEAD.splitlines()[:4])
    body = view.format(register="stats.view_manager.register_view", aggregation="aggregation_module")
    text, left = _rewrite(f"{head}\n\nM = measure_module.MeasureInt('m', 'd')\n{body}")
    assert "M = metrics.get_meter(__name__).create_counter('v', unit=\"1\", description='d')\n" in text
    assert "opencensus" not in text
    assert left == []


@pytest.mark.parametrize(
    ("bounds", "after"), [("[-1, 0.0, 5]", "[5]"), ("(0, LIMIT)", "[LIMIT]"), ("[0]", "[]"), ("[1, 5]", "[1, 5]"), ("BOUNDS", "BOUNDS")]
)
def test_bounds_of_a_distribution(bounds, after):
    """OpenCensus drops the bounds up to 0."""
    text, left = _rewrite(f"LIMIT, BOUNDS = 9, [1]\n{_HEAD}".replace("SumAggregation()", f"DistributionAggregation({bounds})"))
    assert f"explicit_bucket_boundaries_advisory={after}" in text
    assert left == []


_FUNCTIONS = {
    "a view": "def register(view):\n    stats.view_manager.register_view(view)\n{view}register(V)\n",
    "with a manager of its own": "def register(view):\n    manager = stats.view_manager\n    manager.register_view(view)\n{view}register(view=V)\n",
    "with the manager that it gets": "def register(view_manager):\n    view_manager.register_view(V)\n{view}register(stats.view_manager)\n",
    "in a loop": "def register(view):\n    stats.view_manager.register_view(view)\n{view}for each in [V]:\n    register(each)\n",
}


@pytest.mark.parametrize("body", _FUNCTIONS.values(), ids=_FUNCTIONS)
def test_functions_that_register_views(body):
    """A function that does nothing but register views goes, with its calls."""
    head = "\n".join(_HEAD.splitlines()[:4])
    view = "M = measure_module.MeasureInt('m', 'd')\nV = view_module.View('v', 'd', [], M, aggregation_module.CountAggregation())\n"
    text, left = _rewrite(f"{head}\n\n{body.format(view=view)}")
    assert text == (
        "from opentelemetry import metrics\n\nM = metrics.get_meter(__name__).create_counter('v', unit=\"1\", description='d')\n"
    )
    assert left == []


_IN_LOOPS = {
    "a list": "VIEWS = [V]\ndef register():\n    for each in VIEWS:\n        stats.view_manager.register_view(each)\nregister()\n",
    "a tuple in its place": "def register():\n    for each in (V,):\n        stats.view_manager.register_view(each)\nregister()\n",
    "a list that it gets": "def register(views):\n    for each in views:\n        stats.view_manager.register_view(each)\nregister([V])\n",
    "a variable that it gets": "VIEWS = [V]\ndef register(views):\n    for each in views:\n        stats.view_manager.register_view(each)\nregister(views=VIEWS)\n",
}


@pytest.mark.parametrize("body", _IN_LOOPS.values(), ids=_IN_LOOPS)
def test_functions_that_register_the_views_of_a_list(body):
    """The loop goes, with the list and, where the function gets that, with the function."""
    head = "\n".join(_HEAD.splitlines()[:4])
    view = "M = measure_module.MeasureInt('m', 'd')\nV = view_module.View('v', 'd', [], M, aggregation_module.CountAggregation())\n"
    text, left = _rewrite(f"{head}\n\n{view}{body}")
    made = "from opentelemetry import metrics\n\nM = metrics.get_meter(__name__).create_counter('v', unit=\"1\", description='d')\n"
    assert text == made + ("" if "register(views" in body else "def register():\n    pass\nregister()\n")
    assert left == []


@pytest.mark.parametrize(
    "body",
    [
        "for each in [V]:\n    print('one')\n    stats.view_manager.register_view(each)\n",
        "VIEWS = [V]\nfor each in VIEWS:\n    stats.view_manager.register_view(each)\nprint(VIEWS)\n",
        "VIEWS = [V, other()]\nfor each in VIEWS:\n    stats.view_manager.register_view(each)\n",
    ],
    ids=["a loop that does more", "a list that is read", "a list with something else"],
)
def test_lists_of_views_that_stay(body):
    """A view stays where its name is read by what stays."""
    head = "\n".join(_HEAD.splitlines()[:4])
    view = "M = measure_module.MeasureInt('m', 'd')\nV = view_module.View('v', 'd', [], M, aggregation_module.CountAggregation())\n"
    text, left = _rewrite(f"{head}\n\n{view}{body}")
    assert "create_counter" not in text
    assert left


def test_views_of_another_file_that_stay(tmp_path):
    """What registers the views of a list stays with them: without it OpenCensus records nothing."""
    imports, _, views = _HEAD.replace("stats.view_manager.register_view(VIEW)\n", "VIEWS = [VIEW]\n").partition("\n\n")
    (tmp_path / "views.py").write_text(f"{imports}\n\n{views}", encoding="utf-8")
    app = f"{imports}\nfrom views import VIEWS\n\nfor each in VIEWS:\n    stats.view_manager.register_view(each)\n"
    (tmp_path / "app.py").write_text(app, encoding="utf-8")
    result = rewrite([str(tmp_path)], Options(shape=True, markers=False))
    assert all(b"register_view(each)" in text for path, text in result.after.items() if path.endswith("app.py"))
    assert not any(b"create_counter" in text for text in result.after.values())


_HANDED = {
    "one": ("rec", "stats.stats_recorder", "", ""),
    "several": ("manager, rec", "stats.view_manager, stats.stats_recorder", "", "manager.register_view(VIEW)"),
    "several before another": ("manager, rec, n", "stats.view_manager, stats.stats_recorder, 1", "n", "manager.register_view(VIEW)"),
}


@pytest.mark.parametrize(("parameters", "given", "after", "more"), _HANDED.values(), ids=_HANDED)
def test_parts_of_the_stats_that_a_class_keeps(parameters, given, after, more):
    """A class that gets recorder and manager, and keeps one for its methods, gets them no longer."""
    kept = f"class Orders:\n    def __init__(self, {parameters}):\n        self.rec = rec\n        {more or 'pass'}\n\n"
    put = "    def put(self):\n        mmap = self.rec.new_measurement_map()\n        mmap.measure_int_put(ORDERS, 1)\n        mmap.record()\n\n\n"
    head = _HEAD.replace("stats.view_manager.register_view(VIEW)\n", "") if more else _HEAD
    text, left = _rewrite(f"{head}{kept}{put}Orders({given}).put()\n")
    assert f"    def __init__(self{', ' * bool(after)}{after}):\n        pass\n" in text
    assert f"Orders({'1' if after else ''}).put()\n" in text
    assert left == []


def test_a_function_that_registers_views_and_does_more():
    """A function that does more than to register a view stays, and is asked about."""
    more = "def register(view):\n    stats.view_manager.register_view(view)\n    print(view)\nregister(VIEW)\n"
    text, left = _rewrite(_HEAD.replace("stats.view_manager.register_view(VIEW)\n", more))
    assert "create_counter" not in text
    assert any(each.why == "decide" for each in left)


def test_a_function_that_nothing_calls():
    """What a function would record that nothing in the program names is asked about, and keeps nothing else from changing."""
    unused = "def record(mmap, measure):\n    mmap.measure_int_put(measure, 1)\n"
    text, left = _rewrite(f"{_HEAD}{unused}")
    assert "ORDERS = metrics.get_meter(__name__).create_counter" in text
    assert unused.splitlines()[-1] in text
    assert {(each.rule, each.why) for each in left} == {("S009", "decide")}


def test_all_names_of_a_module(tmp_path):
    """A function is found that a file gets by `import *`, and an import stays only where one of those files needs its name."""
    (tmp_path / "measures.py").write_text(
        f"{_TAGS}{_HEAD}\n\ndef record(tags):\n    {_MAP}    mmap.measure_int_put(ORDERS, 1)\n    mmap.record(tags)\n", encoding="utf-8"
    )
    (tmp_path / "orders.py").write_text(
        "from measures import *\n\ntags = TagMap()\ntags.insert('shop', 's')\nrecord(tags)\n", encoding="utf-8"
    )
    result = rewrite([str(tmp_path)], Options(shape=True))
    after = {Path(path).name: data.decode() for path, data in result.after.items()}
    assert after == {
        "measures.py": f"{_NEW_HEAD}\n\ndef record(tags):\n    ORDERS.add(1, tags)\n",
        "orders.py": "from measures import *\n\ntags = {}\ntags['shop'] = 's'\nrecord(tags)\n",
    }


def test_a_view_that_is_not_registered():
    """A view that nothing registers records nothing, which is asked about."""
    text, left = _rewrite(_HEAD.replace("stats.view_manager.register_view(VIEW)\n", "print(stats)\n"))
    assert any("registered" in each.text for each in left)
    assert "create_counter" not in text


def test_several_files_change_together(tmp_path):
    """A measure, and what records it in another file, become an instrument and its calls."""
    (tmp_path / "measures.py").write_text(_HEAD)
    (tmp_path / "orders.py").write_text(
        "from measures import ORDERS\nfrom opencensus.stats.stats import stats\n\n"
        f"def ordered(n):\n    {_MAP}    mmap.measure_int_put(ORDERS, n)\n    mmap.record()\n"
    )
    result = rewrite([str(tmp_path)], Options(shape=True))
    after = {path.rpartition("/")[2]: text.decode() for path, text in result.after.items()}
    assert after["measures.py"] == _NEW_HEAD
    assert after["orders.py"] == "from measures import ORDERS\n\ndef ordered(n):\n    ORDERS.add(n)\n"


def test_a_pair_of_folders(tmp_path):
    """A map, tags and a view that another file imports change there and here, and their imports go."""
    before, after = (_PROGRAMS / f"S009_map_of_another_module.{side}" for side in ("before", "after"))
    shutil.copytree(before, tmp_path / "project")
    result = rewrite([str(tmp_path / "project")], Options(shape=True))
    assert {Path(path).name: data for path, data in result.after.items()} == {path.name: path.read_bytes() for path in after.glob("*.py")}
    assert result.left == []
    shutil.copytree(after, tmp_path / "project", dirs_exist_ok=True)
    assert rewrite([str(tmp_path / "project")], Options(shape=True)).after == {}


def test_a_name_that_a_package_hands_on(tmp_path):
    """A name that is there no longer is imported by no file, not by way of another one either."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "measures.py").write_text(f"{_HEAD}{_MAP}", encoding="utf-8")
    (tmp_path / "app" / "__init__.py").write_text("from app.measures import ORDERS, mmap\n", encoding="utf-8")
    (tmp_path / "orders.py").write_text(
        "from app import ORDERS, mmap\n\nmmap.measure_int_put(ORDERS, 1)\nmmap.record()\n", encoding="utf-8"
    )
    result = rewrite([str(tmp_path)], Options(shape=True))
    after = {Path(path).name: data.decode() for path, data in result.after.items()}
    assert after == {
        "measures.py": _NEW_HEAD,
        "__init__.py": "from app.measures import ORDERS\n",
        "orders.py": "from app import ORDERS\n\nORDERS.add(1)\n",
    }


def test_one_of_several_files_alone(tmp_path):
    """Where the file that records is not to change, the measure stays, too."""
    (tmp_path / "measures.py").write_text(_HEAD)
    (tmp_path / "orders.py").write_text(
        "from measures import ORDERS\nfrom opencensus.stats.stats import stats\n\n"
        f"def ordered(n):\n    {_MAP}    mmap.measure_int_put(ORDERS, n)\n    mmap.record()\n"
    )
    (tmp_path / ".git").mkdir()
    assert rewrite([str(tmp_path / "measures.py")], Options(shape=True)).after == {}


_EXPORTERS = {
    "options": (
        "exporter = new_metrics_exporter(connection_string=C, export_interval=5, enable_standard_metrics=False)\n",
        'configure(connection_string=C, signals=["metrics"], export_interval_millis=5000)\n',
    ),
    "a processor and options": (
        "exporter = new_metrics_exporter(timeout=3, max_batch_size=9)\nexporter.add_telemetry_processor(print)\n",
        (
            'configure(signals=["metrics"], timeout=3, export_interval_millis=15000, telemetry_processors=[print])\n'
            "performance_counters.observe_legacy()\n"
        ),
    ),
    "standard metrics where they are wanted": (
        "def set_up(wanted):\n    exporter = new_metrics_exporter(enable_standard_metrics=wanted)\n",
        'def set_up(wanted):\n    configure(signals=["metrics"], export_interval_millis=15000)\n    if wanted:\n        performance_counters.observe_legacy()\n',
    ),
    "standard metrics, each 15 seconds": (
        "new_metrics_exporter()\n",
        'configure(signals=["metrics"], export_interval_millis=15000)\nperformance_counters.observe_legacy()\n',
    ),
}


@pytest.mark.parametrize(("before", "after"), _EXPORTERS.values(), ids=_EXPORTERS)
def test_exporters(before, after):
    """An exporter of metrics becomes the configuration of the signal."""
    text, left = _rewrite(f"from opencensus.ext.azure.metrics_exporter import new_metrics_exporter\n\n{before}")
    assert text.partition("\n\n")[2] == after
    assert left == []


def test_annotations_that_go():
    """A class in an annotation goes with what it describes; where the annotation may be a field, it stays one."""
    head = "from opencensus.stats.view_manager import ViewManager\n\n\n"
    assert _rewrite(f"{head}class Shop:\n    manager: ViewManager\n    name: str\n") == ("class Shop:\n    name: str\n", [])
    before = f"from dataclasses import dataclass\n{head}@dataclass\nclass Shop:\n    manager: ViewManager\n"
    assert _rewrite(before) == ("from dataclasses import dataclass\n\n\n@dataclass\nclass Shop:\n    manager: object\n", [])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return tags.map.get('kind')", "return tags.get('kind')"),
        ("return [key for key in tags.map]", "return [key for key in tags]"),
        ("return f'{tags.map}'", "return f'{OrderedDict(tags)}'"),
        ("return keep(tags.map)", None),
        ("tags.map = {}", None),
        ("return tags.map.move_to_end('kind')", None),
    ],
)
def test_what_a_tag_map_keeps(line, expected):
    """The mapping of a tag map is the dict itself, and where it is shown one with the same text; what may keep or replace it stays."""
    before = (
        f"from opencensus.tags.tag_map import TagMap\n\n\ndef shown(keep):\n    tags = TagMap()\n    tags.insert('kind', 'a')\n    {line}\n"
    )
    after, left = _rewrite(before)
    assert ([] if left else after.splitlines()[-1:]) == ([f"    {expected}"] if expected else [])


def test_standard_metrics_that_a_program_changes():
    """Where a program takes some of the standard metrics out, the exporter stays: its counterpart sends all of them."""
    before = (
        "from opencensus.ext.azure.metrics_exporter import new_metrics_exporter, standard_metrics\n\n"
        "standard_metrics.STANDARD_METRICS.pop()\nexporter = new_metrics_exporter({})\n"
    )
    after, left = _rewrite(before.format(""))
    assert "new_metrics_exporter()" in after
    assert left
    after, _ = _rewrite(before.format("enable_standard_metrics=False"))
    assert 'configure(signals=["metrics"], export_interval_millis=15000)\n' in after


@pytest.mark.parametrize(
    "text",
    [
        "exporter = new_metrics_exporter()\nexporter.add_telemetry_processor(Role())\n",
        "def make(**options):\n    return new_metrics_exporter(**options)\n",
        "exporter = new_metrics_exporter(grace_period=3)\n",
        "exporter = new_metrics_exporter()\nexporter.exporter_thread.close()\n",
    ],
    ids=["a processor", "options from outside", "an option without counterpart", "its thread"],
)
def test_exporters_that_stay(text):
    """An exporter of which more is done than its registration stays."""
    before = f"from opencensus.ext.azure.metrics_exporter import new_metrics_exporter\n\n{text}"
    after, left = _rewrite(before)
    assert [line for line in after.splitlines() if "# census-compat: " not in line] in ([], before.splitlines())
    assert left


_GAUGE_HEAD = dedent("""\
    from opencensus.ext.azure.metrics_exporter import MetricsExporter
    from opencensus.metrics.export.gauge import DerivedLongGauge, LongGauge, Registry
    from opencensus.metrics.label_key import LabelKey
    from opencensus.metrics.label_value import LabelValue
    from opencensus.metrics.transport import get_exporter_thread

    registry = Registry()
    exporter = MetricsExporter()
    get_exporter_thread([registry], exporter)
    """)


@pytest.mark.parametrize(
    "body",
    [
        "g = LongGauge('g', 'd', '1', [])\nregistry.add_gauge(g)\np = g.get_or_create_default_time_series()\np.set(1)\np.add(2)\n",
        "g = LongGauge('g', 'd', '1', KEYS)\nregistry.add_gauge(g)\ng.get_or_create_time_series(values()).set(1)\n",
        "g = LongGauge('g', 'd', '1', [])\ng.get_or_create_default_time_series().set(1)\n",
        "g = LongGauge('g', 'd', '1', [])\nregistry.add_gauge(g)\ng.remove_default_time_series()\n",
        "g = DerivedLongGauge('g', 'd', '1', [])\nregistry.add_gauge(g)\nfor f in functions():\n    g.create_default_time_series(f)\n",
        "g = DerivedLongGauge('g', 'd', '1', [])\nregistry.add_gauge(g)\ng.create_default_time_series(lambda: 5)\n",
        "g = DerivedLongGauge('g', 'd', '1', [])\nregistry.add_gauge(g)\ng.create_default_time_series(partial(read, 5))\n",
    ],
    ids=["set and added to", "labels from outside", "in no registry", "removed", "series in a loop", "a lambda", "a partial"],
)
def test_gauges_that_stay(body):
    """A gauge of which not all is known stays."""
    text, left = _rewrite(_GAUGE_HEAD + body)
    assert "create_gauge" not in text
    assert "create_observable_gauge" not in text
    assert any(each.rule == "M001" for each in left)


def test_a_registry_that_nothing_keeps():
    """OpenCensus's thread holds it weakly: one of a function that ends by starting the thread is gone at once, and no metric is sent."""
    head, _, threads = _GAUGE_HEAD.partition("registry = ")
    body = f"registry = {threads}".replace("get_exporter", "g = LongGauge('g', 'd', '1', [])\nregistry.add_gauge(g)\nget_exporter")
    in_function = f"{head}def set_up():\n" + "".join(f"    {line}\n" for line in body.splitlines())
    text, left = _rewrite(in_function)
    assert "create_gauge" not in text
    assert any("OpenCensus holds the registry weakly" in each.text for each in left)
    text, left = _rewrite(f"{in_function}    serve()\n")
    assert "create_gauge" in text
    assert left == []


_OTHERS = dedent("""\
    from opencensus.stats import aggregation, measure, stats, view

    M = measure.MeasureFloat("latency", "The latency", "ms")
    V = view.View("latency", "The latency", [], M, aggregation.SumAggregation())
    stats.stats.view_manager.register_view(V)
    mmap = stats.stats.stats_recorder.new_measurement_map()
    mmap.measure_float_put(M, 4.0)
    mmap.record()
    """)


@pytest.mark.parametrize(
    "exporter",
    [
        "stats.stats.view_manager.register_exporter(Own())\n",
        "from opencensus.metrics.transport import get_exporter_thread\nget_exporter_thread([stats.stats], Own())\n",
    ],
    ids=["of the program", "of the program with a thread"],
)
def test_views_of_an_exporter_of_which_nothing_is_known(exporter):
    """One that may be called at each record, or of which that is not known, reads OpenCensus's views, and no instrument: they stay with it."""
    text, left = _rewrite(_OTHERS + exporter)
    assert "create_counter" not in text
    assert left


def test_a_module_that_hides_opentelemetry(tmp_path):
    """A script beside a module of that name would import it in the place of the one that it needs."""
    (tmp_path / "app.py").write_text(_OTHERS, encoding="utf-8")
    (tmp_path / "opentelemetry.py").write_text("import logging\n", encoding="utf-8")
    result = rewrite([str(tmp_path)], Options(shape=True, markers=False))
    assert result.after == {}
    (tmp_path / "__init__.py").touch()
    assert len(rewrite([str(tmp_path)], Options(shape=True, markers=False)).after) == 1


@pytest.mark.parametrize(
    ("aggregation", "kind"),
    [("SumAggregation(0)", "counter"), ("CountAggregation(count=0)", "counter"), ("LastValueAggregation(value=given)", "gauge")],
)
def test_what_an_aggregation_begins_with_is_left_out(aggregation, kind):
    """Nothing is sent of it where the first record takes its place, or it is 0."""
    text, left = _rewrite(_HEAD.replace("SumAggregation()", aggregation) + f"{_MAP}mmap.measure_int_put(ORDERS, 2)\nmmap.record()\n")
    assert (
        text
        == _NEW_HEAD.replace("counter", kind)
        + f"ORDERS.{'set' if kind == 'gauge' else 'add'}({'2' if 'Count' not in aggregation else '1'})\n"
    )
    assert left == []


@pytest.mark.parametrize(
    "aggregation",
    ["SumAggregation(5)", "CountAggregation(count=given)", "LastValueAggregation(value=now())", "LastValueAggregation(*given)"],
)
def test_what_an_aggregation_begins_with_is_asked_for(aggregation):
    """An instrument begins with 0, and what is called to begin with something else may do more."""
    text, left = _rewrite(_HEAD.replace("SumAggregation()", aggregation))
    assert aggregation in text
    assert "Which value does its aggregation begin with? An instrument begins with 0." in {
        each.text for each in left if each.why == "decide"
    }
