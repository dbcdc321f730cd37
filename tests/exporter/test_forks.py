"""What a child made by fork restarts, and in which order."""

from __future__ import annotations

import gc
import os
import sys
import threading
import types

import pytest

from appinsights_exporter import forks
from appinsights_exporter.delivery.store import Store
from appinsights_exporter.forks import ForkRegistry, restart_in_child

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]


class Recorder:
    """Notes that it was restarted."""

    def __init__(self, name, seen):
        self.name, self.seen = name, seen

    def restart(self):
        """Note it."""
        self.seen.append(self.name)


def test_objects_restart_in_the_order_of_registration():
    """Those that are registered as last come after all others, whenever that was."""
    registry, seen = ForkRegistry(), []
    known = [Recorder(name, seen) for name in "abc"]
    for recorder in known:
        registry.add(recorder, last=recorder.name == "a")
    registry.restart()
    assert seen == ["b", "c", "a"]


def test_the_registry_keeps_nothing_alive():
    """An object that is gone is neither restarted nor remembered."""
    registry, seen = ForkRegistry(), []
    kept = Recorder("kept", seen)
    registry.add(kept)
    registry.add(Recorder("gone", seen))
    gc.collect()
    registry.restart()
    assert (seen, len(registry._known)) == (["kept"], 1)


def test_a_child_restarts_objects_and_its_parent_does_not():
    """They are called once in the child, before its own code goes on."""
    seen = []
    recorder = Recorder("child", seen)
    restart_in_child(recorder)
    pid = os.fork()
    if pid == 0:
        os._exit(len(seen))
    assert (os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen) == (1, [])


def test_a_lease_that_a_child_forgets_stays_the_parents(tmp_path):
    """A child's copy of a lease gives nothing back: when files are closed, leases have forgotten them, and the parent's lock stays."""
    store = Store(tmp_path / "store")
    store.put([b"{}"])
    lease = store.lease()
    held = []
    witness = Recorder("witness", held)
    witness.restart = lambda: held.extend(lease._held)
    restart_in_child(witness, last=True)
    pid = os.fork()
    if pid == 0:
        forgotten = not held
        del lease
        os._exit(0 if forgotten and Store(tmp_path / "store").lease() is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    lease.done()
    assert store.count() == 0


def test_threads_register_at_the_same_time():
    """No registration is lost between threads."""
    registry, seen = ForkRegistry(), []
    known = [Recorder(number, seen) for number in range(400)]
    threads = [threading.Thread(target=lambda part=part: [registry.add(each) for each in known[part::4]]) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    registry.restart()
    assert sorted(seen) == list(range(400))


@pytest.fixture
def uwsgi(monkeypatch):
    """The module that uWSGI puts into its processes; the application has a hook there."""
    module = types.ModuleType("uwsgi")
    module.opt, module.seen = {}, []
    module.post_fork_hook = own = lambda: module.seen.append("own")
    module.own = own
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    monkeypatch.setattr(forks, "_after_uwsgi_forks", [])
    return module


def test_workers_of_uwsgi(uwsgi):
    """uWSGI calls in its workers what is to restart, in order, and then the application's own hook."""  # noqa: D403 - its name
    for name in ("exporter", "facade"):
        forks.on_uwsgi_fork(lambda name=name: uwsgi.seen.append(name))
    uwsgi.post_fork_hook()
    assert uwsgi.seen == ["exporter", "facade", "own"]


@pytest.mark.parametrize("option", [b"lazy-apps", b"py-call-osafterfork", b"py-call-uwsgi-fork-hooks"])
def test_workers_of_uwsgi_that_python_hears_of(uwsgi, option):
    """With options by which Python hears of the fork, or loads the application after it, nothing is added."""
    uwsgi.opt[option] = True
    forks.on_uwsgi_fork(uwsgi.seen.clear)
    assert uwsgi.post_fork_hook is uwsgi.own


def test_outside_uwsgi(monkeypatch):
    """Elsewhere nothing is noted."""
    noted = []
    monkeypatch.setattr(forks, "_after_uwsgi_forks", noted)
    forks.on_uwsgi_fork(noted.clear)
    assert noted == []
