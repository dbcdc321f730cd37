from __future__ import annotations

import pytest

from opencensus_compat.local.tables import TABLES, row

KEY = "00000000-0000-0000-0000-000000000001"


def envelope(base_type, base_data, **members):
    """Return an envelope with this data and these members of its own."""
    return {
        "name": "n",
        "time": "2023-11-14T22:13:20.123456Z",
        "iKey": KEY,
        "data": {"baseType": base_type, "baseData": base_data},
        **members,
    }


def cells(value, *columns, **options):
    """Return table and the named cells of an envelope's row."""
    made = row(value, 1, **options)
    shown = made.as_dict()
    return (made.table, *(shown[column] for column in columns))


def test_whole_row():
    """A request fills the portal's columns: own ones, custom dimensions, context, key and count."""
    made = row(
        envelope(
            "RequestData",
            {
                "ver": 2,
                "id": "1111111111111111",
                "name": "GET /a",
                "duration": "0.00:00:01.235",
                "responseCode": "200",
                "success": True,
                "url": "http://h/a",
                "properties": {"n": 5},
                "measurements": {"m": 1.5},
            },
            sampleRate=25.0,
            tags={
                "ai.application.ver": "2.4",
                "ai.cloud.role": "shop",
                "ai.cloud.roleInstance": "web-1",
                "ai.device.type": "Other",
                "ai.internal.sdkVersion": "py3",
                "ai.location.ip": "203.0.113.9",
                "ai.operation.id": "aa",
                "ai.operation.name": "GET /a",
                "ai.operation.parentId": "2222222222222222",
                "ai.operation.syntheticSource": "True",
                "ai.session.id": "s",
                "ai.user.accountId": "acc",
                "ai.user.authUserId": "auth",
                "ai.user.id": "u",
            },
        ),
        7,
        "UA/1",
    )
    assert made.table == "requests"
    assert made.as_dict() == {
        "timestamp": "2023-11-14T22:13:20.1234560Z",
        "id": "1111111111111111",
        "source": None,
        "name": "GET /a",
        "url": "http://h/a",
        "success": "True",
        "resultCode": "200",
        "duration": 1235.0,
        "performanceBucket": "1sec-3sec",
        "itemType": "request",
        "customDimensions": '{"n":"5"}',
        "customMeasurements": '{"m":1.5}',
        "operation_Name": "GET /a",
        "operation_Id": "aa",
        "operation_ParentId": "2222222222222222",
        "operation_SyntheticSource": "True",
        "session_Id": "s",
        "user_Id": "u",
        "user_AuthenticatedId": "auth",
        "user_AccountId": "acc",
        "application_Version": "2.4",
        "client_Type": "Other",
        "client_Model": None,
        "client_OS": None,
        "client_IP": "203.0.113.9",
        "client_City": None,
        "client_StateOrProvince": None,
        "client_CountryOrRegion": None,
        "client_Browser": "UA/1",
        "cloud_RoleName": "shop",
        "cloud_RoleInstance": "web-1",
        "appId": KEY,
        "iKey": KEY,
        "sdkVersion": "py3",
        "itemId": "00000000-0000-0000-0000-000000000007",
        "itemCount": 4,
    }


DEPENDENCY = {"id": "1", "name": "q", "duration": "00:00:00.1", "type": "SQL", "target": "db", "data": "SELECT 1", "resultCode": "0"}
FRAMES = [{"level": 0, "method": "inner", "assembly": "m", "line": 3}, {"level": 1, "method": "outer"}]
CHAIN = [
    {"id": 1, "outerId": 0, "typeName": "A", "message": "a", "parsedStack": FRAMES},
    {"id": 2, "outerId": 1, "typeName": "B", "message": "b", "stack": "text"},
]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(
            envelope("RemoteDependencyData", DEPENDENCY),
            {
                "table": "dependencies",
                "id": "1",
                "name": "q",
                "duration": 100.0,
                "type": "SQL",
                "target": "db",
                "data": "SELECT 1",
                "resultCode": "0",
                "success": "True",
                "performanceBucket": "<250ms",
            },
            id="dependency-succeeds-unless-it-says-otherwise",
        ),
        pytest.param(
            envelope("RemoteDependencyData", {**DEPENDENCY, "success": False}), {"table": "dependencies", "success": "False"}, id="failed"
        ),
        pytest.param(
            envelope("MessageData", {"message": "m", "severityLevel": "Error"}),
            {"table": "traces", "message": "m", "severityLevel": 3},
            id="severity-by-name",
        ),
        pytest.param(
            envelope("MessageData", {"message": "m"}),
            {"table": "traces", "severityLevel": None, "customDimensions": "{}"},
            id="no-severity",
        ),
        pytest.param(
            envelope("EventData", {"name": "Checkout", "measurements": {"a": 1, "b": "x", "c": True}}),
            {"table": "customEvents", "name": "Checkout", "customMeasurements": '{"a":1}'},
            id="event",
        ),
        pytest.param(
            envelope("MetricData", {"metrics": [{"name": "q", "value": 5}]}),
            {
                "table": "customMetrics",
                "name": "q",
                "value": 5,
                "valueSum": 5,
                "valueCount": 1,
                "valueMin": 5,
                "valueMax": 5,
                "valueStdDev": 0.0,
                "metricNamespace": None,
            },
            id="metric-measurement",
        ),
        pytest.param(
            envelope(
                "MetricData",
                {"metrics": [{"ns": "n", "name": "q", "value": 10.0, "count": 2, "min": 1.0, "max": 9.0}, {"name": "x", "value": 0}]},
            ),
            {
                "table": "customMetrics",
                "name": "q",
                "valueSum": 10.0,
                "valueCount": 2,
                "valueMin": 1.0,
                "valueMax": 9.0,
                "valueStdDev": None,
                "metricNamespace": "n",
            },
            id="metric-aggregate-first-point-only",
        ),
        pytest.param(
            envelope("MetricData", {"metrics": [{"name": "\\Process(??APP_WIN32_PROC??)\\% Processor Time", "value": 1.5}]}),
            {
                "table": "performanceCounters",
                "name": "% Processor Time",
                "category": "Process",
                "counter": "% Processor Time",
                "instance": "??APP_WIN32_PROC??",
                "value": 1.5,
            },
            id="counter-by-name",
        ),
        pytest.param(
            envelope("MetricData", {"metrics": [{"name": "\\Memory\\Available Bytes", "value": 1}]}),
            {"table": "performanceCounters", "category": "Memory", "counter": "Available Bytes", "instance": None},
            id="counter-without-instance",
        ),
        pytest.param(
            envelope("MetricData", {"metrics": [{"name": "\\odd", "value": 1}]}),
            {"table": "performanceCounters", "name": "\\odd", "category": None, "counter": None},
            id="counter-that-is-none",
        ),
        pytest.param(
            envelope("PerformanceCounterData", {"categoryName": "C", "counterName": "N", "instanceName": "I", "value": 2}),
            {"table": "performanceCounters", "name": "N", "category": "C", "counter": "N", "instance": "I", "value": 2},
            id="counter-type",
        ),
        pytest.param(
            envelope("AvailabilityData", {"id": "1", "name": "ping", "duration": "00:00:31", "success": False, "runLocation": "eu"}),
            {"table": "availabilityResults", "success": "0", "location": "eu", "duration": 31000.0, "performanceBucket": "30sec-1min"},
            id="availability",
        ),
        pytest.param(
            envelope("PageViewData", {"name": "home", "url": "http://h/"}),
            {"table": "pageViews", "name": "home", "url": "http://h/", "duration": None, "performanceBucket": None},
            id="page-view",
        ),
        pytest.param(
            envelope("ExceptionData", {"exceptions": CHAIN, "severityLevel": 3}),
            {
                "table": "exceptions",
                "problemId": "A at inner",
                "type": "A",
                "message": "a",
                "method": "inner",
                "assembly": "m",
                "outerType": "A",
                "outerMessage": "a",
                "outerMethod": "inner",
                "innermostType": "B",
                "innermostMessage": "b",
                "innermostMethod": None,
                "severityLevel": 3,
                "details": '[{"id":"1","outerId":"0","type":"A","message":"a","parsedStack":[{"level":0,"method":"inner","assembly":"m","line":3},'
                '{"level":1,"method":"outer"}]},{"id":"2","outerId":"1","type":"B","message":"b","rawStack":"text"}]',
            },
            id="exception-chain",
        ),
        pytest.param(
            envelope("ExceptionData", {"exceptions": [{"typeName": "E", "message": "m", "stack": "s"}], "problemId": "p"}),
            {"table": "exceptions", "problemId": "p", "method": None},
            id="exception-with-problem-id",
        ),
        pytest.param(
            envelope("MessageData", {"message": "m", "properties": {"b": True, "f": 1.5, "l": ["a"], "d": {"k": 1}, "z": None, "s": "ä"}}),
            {"table": "traces", "customDimensions": '{"b":"True","f":"1.5","l":"[\\"a\\"]","d":"{\\"k\\":1}","s":"ä"}'},
            id="dimensions-are-text",
        ),
        pytest.param(
            envelope(
                "MessageData", {"message": "m"}, tags={"ai.user.authUserId": 5, "ai.device.locale": None, "ai.user.userAgent": "Own/1"}
            ),
            {"table": "traces", "user_AuthenticatedId": "5", "client_Browser": "Own/1"},
            id="tags-are-text",
        ),
        pytest.param(envelope("MessageData", {"message": "m"}, tags=None), {"table": "traces", "cloud_RoleName": None}, id="tags-null"),
        pytest.param(
            envelope("MessageData", {"message": "m"}, iKey="ABC", time="2023-11-14T22:13:20"),
            {"table": "traces", "iKey": "abc", "timestamp": "2023-11-14T22:13:20.0000000Z", "itemCount": 1},
            id="key-lower-case-and-time-without-zone",
        ),
    ],
)
def test_cells(value, expected):
    """Each type lands in its table, its members in the portal's columns."""
    names = [name for name in expected if name != "table"]
    assert cells(value, *names, user_agent="") == tuple(expected.values())


@pytest.mark.parametrize(
    ("rate", "count"), [(100, 1), (50.0, 2), (33.333333, 3), (30, 3), (1, 100), (0.1, 1000), (5e-324, 2147483647)], ids=str
)
def test_item_count(rate, count):
    """An item stands for 100 / sampleRate items, rounded."""
    assert cells(envelope("EventData", {"name": "e"}, sampleRate=rate), "itemCount") == ("customEvents", count)


@pytest.mark.parametrize(
    ("duration", "bucket"),
    [
        ("00:00:00.249", "<250ms"),
        ("00:00:00.250", "250ms-500ms"),
        ("00:00:00.999", "500ms-1sec"),
        ("00:00:06", "3sec-7sec"),
        ("00:00:14", "7sec-15sec"),
        ("00:00:29", "15sec-30sec"),
        ("00:01:59", "1min-2min"),
        ("00:04:59", "2min-5min"),
        ("00:05:00", ">=5min"),
    ],
)
def test_performance_bucket(duration, bucket):
    """A duration falls into the portal's bucket."""
    assert cells(envelope("RemoteDependencyData", {"duration": duration}), "performanceBucket") == ("dependencies", bucket)


def test_metric_tables_have_no_measurements():
    """Metrics and counters have no customMeasurements column, every other table has."""
    assert [table for table, columns in TABLES.items() if "customMeasurements" not in columns] == ["customMetrics", "performanceCounters"]
