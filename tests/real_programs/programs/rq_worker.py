"""A worker of RQ, with a queue in its own memory, which ends when its jobs are done."""

import importlib
import os
import sys

import fakeredis
import rq

if sys.argv[2:]:
    importlib.import_module(sys.argv[2])
os.environ["WORKER"] = str(os.getpid())
queue = rq.Queue(connection=fakeredis.FakeRedis())
for number in range(int(sys.argv[1])):
    queue.enqueue("jobs.work", number)
rq.Worker([queue], connection=queue.connection).work(burst=True, logging_level="CRITICAL")
