"""Drivers whose servers are not here: that the integrations take their places, and what a command of MongoDB becomes."""

import datetime

import mysql.connector
import psycopg2
import pymysql
from opencensus.ext.pymongo.trace import MongoCommandListener
from opencensus.trace import config_integration, integrations
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from pymongo import monitoring
from shop import Recorder, plain, show

recorder = Recorder()
tracer = Tracer(exporter=recorder, sampler=AlwaysOnSampler())
NO_TIME = datetime.timedelta(0)
before = [mysql.connector.connect, pymysql.connect, psycopg2.connect]
config_integration.trace_integrations(["mysql", "postgresql", "pymysql", "pymongo"], tracer=tracer)
after = [mysql.connector.connect, pymysql.connect, psycopg2.connect]
assert all(old is not new for old, new in zip(before, after))
failed = []
for connect in after:
    try:
        connect(host="127.0.0.1", port=1, user="shop", password="p")
    except Exception as error:
        failed.append(type(error).__name__)
show([failed, integrations.get_integrations()])

listener = MongoCommandListener(tracer=tracer)
command = {"find": "orders", "filter": {"number": 7}}
with tracer.span("order"):
    for fails in (False, True):
        listener.started(monitoring.CommandStartedEvent(command, "shop", 1, ("127.0.0.1", 1), 1))
        if fails:
            listener.failed(monitoring.CommandFailedEvent(NO_TIME, {"errmsg": "no such index"}, "find", 1, ("127.0.0.1", 1), 1))
        else:
            listener.succeeded(monitoring.CommandSucceededEvent(NO_TIME, {"ok": 1}, "find", 1, ("127.0.0.1", 1), 1))
show(plain(recorder.spans))
