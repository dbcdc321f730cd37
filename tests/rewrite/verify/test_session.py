"""Programs are run in a copy of their folder, as they are and with edits."""

from __future__ import annotations

import pytest

from opencensus_compat.compare.programs import Driving, NotComparable, parse
from opencensus_compat.rewrite.verify.account import effects, summary
from opencensus_compat.rewrite.verify.running import Program
from opencensus_compat.rewrite.verify.session import Options, verify

from .conftest import Edit, Plan, python

RENAMED = Edit(7, "number=str(number)", 'number=f"{number}"')
NEVER = Edit(10, '"1"', '"2"')
WRONG = Edit(8, '"7"', '"8"')
DOUBLED = Edit(11, "send(", 'send("shape", envelopes="otel"), send(')


def verified(plan, command=None, *, limit_s=60.0, driving=None, **options):
    """Return what a verification finds."""
    program = Program(parse("--verify", command or python("orders.py")), driving, limit_s)
    return verify(plan, Options(program, **options))


def _state(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and ".git" not in path.parts
    }


def test_edits_that_change_nothing(service, temporary_folder):
    """One that ran is proven, one whose line never ran is not; the folder is as it was, and no copy is left behind."""
    before = _state(service)
    account = verified(Plan(RENAMED, NEVER))
    assert summary(account) == "2 edits: 1 proven by 9 items, 1 unproven."
    assert [(place.line, reason) for place, reason in account.coverage.unproven] == [(10, "the line did not run")]
    assert (account.runs, account.is_equal, account.circumstances.sets_shape) == (3, True, True)
    assert (_state(service), list(temporary_folder.iterdir())) == (before, [])


def test_two_wrong_edits(service):
    """Each is named with what it does, and the others are good."""
    account = verified(Plan(RENAMED, WRONG, NEVER, DOUBLED))
    assert [(culprit.edit.line, effects(culprit)) for culprit in account.verdict.culprits] == [
        (8, ['changes customDimensions.amount in 3 of 9 traces: "7" → "8"']),
        (11, ["adds 3 rows to traces"]),
    ]
    assert [edit.line for edit in account.chosen] == [7, 10]
    assert account.recordings.keys() == {"before", "twin", "after"}


def test_only_proven_edits(service):
    """What may be written then are the edits that ran, with which alone the program ran once more."""
    account = verified(Plan(RENAMED, NEVER), only_proven=True)
    assert ([edit.line for edit in account.chosen], account.runs) == ([7], 4)


def test_an_edit_after_which_the_program_fails(service):
    """The edit is named with the last words of the program, in the names of the folder that the user knows."""
    account = verified(Plan(RENAMED, Edit(8, "send(", "sendd(")))
    [culprit] = account.verdict.culprits
    [effect] = effects(culprit)
    assert effect.startswith(f"makes the program fail: `{python('orders.py')}` ended with 1")
    assert f'File "{service}/orders.py", line 8' in effect
    assert "NameError: name 'sendd' is not defined" in effect


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("order(number)", "raise SystemExit(1)", "ended with 1"),
        ("order(number)", "pass", "sent nothing"),
        ("order(number)", "__import__('signal').pause()", "has not ended within 1.5 s"),
        ("order(number)", "send(str(number), at=str(os.getpid())); send('x') if os.getpid() % 2 else [send('x'), send('y')]", None),
        ("order(number)", "open('runs', 'a').close(); send('x')", None),
    ],
    ids=["fails", "sends nothing", "hangs", "unstable", "leaves files"],
)
def test_a_program_that_is_of_no_use(service, old, new, told):
    """Why its runs prove nothing is said."""
    text = (service / "orders.py").read_text(encoding="utf-8").replace(f"        {old}\n", f"        {new}\n")
    if told is None and "getpid" in new:
        # Which run it is, it knows from a file outside its folder.
        new_text = (
            f"open({str(service.parent / 'runs')!r}, 'a').write('x'); [send('x') for _ in open({str(service.parent / 'runs')!r}).read()]"
        )
        text = text.replace(new, new_text)
        told = "two runs of the unchanged program sent different items"
    (service / "orders.py").write_text(text, encoding="utf-8")
    edit = Edit(2, "import os", "import os as os")
    if told is None:
        assert verified(Plan(edit)).is_equal
        assert not (service / "runs").exists()
        return
    with pytest.raises(NotComparable, match=told):
        verified(Plan(edit), limit_s=1.5 if "within" in told else 60)


@pytest.mark.parametrize("way", ["PYTHONPATH", "installed", "absolute"])
def test_a_program_whose_files_are_found_elsewhere(service, monkeypatch, way):
    """The copy's modules run, also where PYTHONPATH, an editable install or the command names the original."""
    (service / "src").mkdir()
    (service / "orders.py").rename(service / "src" / "orders.py")
    (service / "sending.py").rename(service / "src" / "sending.py")
    (service / "run.py").write_text("import orders\nfor number in range(3):\n    orders.order(number)\n", encoding="utf-8")
    command = python("run.py")
    if way == "PYTHONPATH":
        monkeypatch.setenv("PYTHONPATH", str(service / "src"))
    elif way == "absolute":
        command = python(str(service / "src" / "orders.py"))
    else:
        site = service.parent / "site"
        site.mkdir()
        finder = (
            "import sys\nfrom importlib.machinery import PathFinder\n"
            "class Finder:\n    @staticmethod\n    def find_spec(name, path=None, target=None):\n"
            f"        return PathFinder.find_spec(name, [{str(service / 'src')!r}]) if name in ('orders', 'sending') else None\n"
            "sys.meta_path.append(Finder)\n"
        )
        (site / "sitecustomize.py").write_text(finder, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(site))
    account = verified(
        Plan(Edit(7, "str(number)", "str(number)", path="src/orders.py"), Edit(8, '"7"', '"8"', path="src/orders.py")), command
    )
    assert summary(account) == "2 edits: 1 proven by 9 items, 1 refuted."


def test_a_program_that_runs_the_original(service):
    """It is said plainly, since its runs prove nothing."""
    text = f"import runpy\nrunpy.run_path({str(service / 'orders.py')!r}, run_name='__main__')\n"
    (service / "run.py").write_text(text, encoding="utf-8")
    with pytest.raises(NotComparable, match=r"the program ran orders\.py of .*, and not the copy of it"):
        verified(Plan(RENAMED), python("run.py"))


def test_an_interpreter_that_ignores_its_environment(service):
    """Its edits are unproven, since it notes nothing."""
    account = verified(Plan(RENAMED), python("-E", "orders.py"))
    assert summary(account) == "1 edit: 1 unproven."
    assert account.coverage.unproven[0][1].startswith("no interpreter of the program noted what it ran")


def test_a_server(service):
    """A server is driven by a command, and each run takes a port of its own."""
    server = (
        "import http.server\nimport orders\n\n\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        orders.order(self.path)\n"
        "        self.send_response(200)\n        self.end_headers()\n"
        "    def log_message(self, *_):\n        pass\n\n\n"
        "try:\n    http.server.HTTPServer(('127.0.0.1', 0), Handler).serve_forever()\nexcept KeyboardInterrupt:\n    pass\n"
    )
    (service / "server.py").write_text(server, encoding="utf-8")
    (service / "orders.py").write_text((service / "orders.py").read_text().replace("number > 100", "number == '/never'"), encoding="utf-8")
    (service / "drive.py").write_text(
        "import sys, urllib.request\nfor number in range(3):\n    urllib.request.urlopen(f'http://127.0.0.1:{sys.argv[1]}/{number}').close()\n",
        encoding="utf-8",
    )
    driving = Driving(parse("--drive", python("drive.py", "{port}").replace("'{port}'", "{port}")), "SIGINT")
    account = verified(Plan(RENAMED, WRONG), python("server.py"), driving=driving)
    assert summary(account) == "2 edits: 1 proven by 9 items, 1 refuted."


def test_recordings_are_kept(service, tmp_path):
    """The recordings of the runs can be looked at afterwards."""
    verified(Plan(RENAMED), keep=tmp_path)
    assert {path.name for path in tmp_path.glob("*.db")} == {"before.db", "twin.db", "after.db"}
