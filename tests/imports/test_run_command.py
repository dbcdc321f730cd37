"""The ``census-compat`` command itself, and ``census-compat run``."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from opencensus_compat import _cli
from opencensus_compat.local import LocalEndpoint

WHO = "import opencensus.common.utils; print(opencensus.common.utils.__name__)"


@pytest.fixture
def target(environment, tmp_path, our_wheel):
    """An environment in which our wheel is only a folder on PYTHONPATH: its interpreter reads no ``.pth`` of ours."""
    folder = tmp_path / "packages"
    environment.pip("install", "--no-deps", "--no-compile", "--target", folder, our_wheel)

    def run(*command, path=(), **options):
        variables = {"PYTHONPATH": ":".join(map(str, [folder, *path])), "PATH": f"{environment.folder / 'bin'}:/usr/bin:/bin"}
        census_compat = [str(environment.python), "-m", "opencensus_compat", "run", "--"]
        return subprocess.run(
            [*census_compat, *map(str, command)], env=variables, capture_output=True, text=True, timeout=120, check=False, **options
        )

    return run


def test_run_switches_the_facades_on(target):
    """The program, found on PATH, gets the facades although no ``.pth`` file is read."""
    done = target("python", "-c", WHO)
    assert (done.stdout, done.stderr) == ("opencensus_compat.common.utils\n", "")


def test_what_is_printed_works_where_it_is_printed(target):
    """After ``pip install --target`` the command of that name is not on PATH, so what is suggested names the module."""
    done = target()
    assert done.stderr.endswith("try python -m opencensus_compat run -- python app.py\n")
    assert target("census-compat", "--version").returncode == 127


_PAGE = Path(__file__).parents[2] / "migration_guide" / "operate.md"
_DOCKERFILES = dict(
    zip(
        ("installed", "in a folder of its own"),
        re.findall(r"^```dockerfile\n(.*?)^```$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL),
        strict=True,
    )
)
_SERVICE = """
import time
import opencensus.common.utils
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name=opencensus.common.utils.__name__):
    pass
print("ready", flush=True)
while True:
    time.sleep(0.01)
"""


@pytest.mark.parametrize("steps", _DOCKERFILES.values(), ids=_DOCKERFILES)
def test_the_dockerfiles_of_the_guide(steps, environment, our_wheel, tmp_path):
    """Their steps, carried out in a plain folder, make an image whose process sends what it has at SIGTERM, and ends."""
    context, image = tmp_path / "context", tmp_path / "image"
    context.mkdir()
    (context / "requirements.txt").write_text("census-compat\n")
    (context / "app.py").write_text(_SERVICE)
    # What the wheel depends on is lent by the environment of the tests; nothing is downloaded, and only the new environment is changed.
    pip = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(our_wheel.parent),
        "PIP_NO_DEPS": "1",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_NO_COMPILE": "1",
        "PIP_QUIET": "1",
    }
    variables = {
        "PATH": os.pathsep.join([str(environment.folder / "bin"), str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "TMPDIR": str(tmp_path),
        **pip,
        "PIP_PYTHON": str(environment.python),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    folder, command = image, None
    for line in steps.splitlines():
        instruction, _, rest = line.partition(" ")
        here = re.sub(r"(?<![\w.])/(?=\w)", f"{image}/", rest)
        if instruction == "WORKDIR":
            folder = Path(here)
            folder.mkdir(parents=True)
        elif instruction == "COPY":
            shutil.copy(context / rest.split()[0], folder)
        elif instruction == "ENV":
            for assignment in here.split():
                name, _, value = assignment.partition("=")
                variables[name] = value
        elif instruction == "RUN":
            subprocess.run(shlex.split(here), cwd=folder, env=variables, check=True)
        elif instruction == "CMD":
            command = json.loads(rest)
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [variables.get("PYTHONPATH"), sysconfig.get_path("purelib")]))
    with LocalEndpoint() as endpoint:
        variables["APPLICATIONINSIGHTS_CONNECTION_STRING"] = endpoint.connection_string
        with subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            printed = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert (printed, process.communicate(timeout=60)) == ("ready\n", ("", ""))
        assert process.returncode == -signal.SIGTERM
        assert [row["name"] for row in endpoint.rows("dependencies")] == ["opencensus_compat.common.utils"]


def test_run_reaches_the_programs_that_the_program_starts(target):
    """A Python started by the program has the facades as well, and sees the path that it would have seen without us."""
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WHO!r} + '; import sys; print(*sys.path)'])"
    done = target("python", "-c", code)
    name, path = done.stdout.splitlines()
    assert name == "opencensus_compat.common.utils"
    assert "opencensus_compat/_run" not in path


def test_run_lets_another_sitecustomize_have_its_turn(target, tmp_path):
    """A ``sitecustomize`` that stands on the path runs too, after ours, and is the one that the program sees by that name."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(f"try:\n    {WHO}\nexcept ModuleNotFoundError:\n    pass\nmark = 'theirs'\n")
    done = target("python", "-c", "import sitecustomize; print(sitecustomize.mark)", path=[tmp_path / "site"])
    assert (done.stdout, done.stderr) == ("opencensus_compat.common.utils\ntheirs\n", "")


def test_an_error_of_another_sitecustomize_is_not_hidden(target, tmp_path):
    """What another ``sitecustomize`` fails to import is reported, as the interpreter reports it without us."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import not_there\n")
    done = target("python", "-c", "print('went on')", path=[tmp_path / "site"])
    assert done.stdout == "went on\n"
    assert done.stderr.count("No module named 'not_there'") == 2  # By the interpreter of our command, and by the program's.


def test_a_python_that_does_not_have_us_says_so(environment, installed):
    """A Python of another environment, started somewhere below the program, runs and warns that the facades are not there."""
    variables = {"PYTHONPATH": str(installed.site_packages / "opencensus_compat" / "_run")}
    # Distributions of Linux give their interpreters one of their own, which has its turn after ours.
    theirs = environment.execute(
        "from importlib.util import find_spec; found = find_spec('sitecustomize'); print(found.origin if found else '')", lend=False
    )
    command = [str(environment.python), "-c", "import sitecustomize; print(sitecustomize.__file__)"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == (theirs or f"{variables['PYTHONPATH']}/sitecustomize.py")
    assert f"RuntimeWarning: census-compat is not active: it is not installed in {environment.folder}\n" in done.stderr


def test_run_passes_arguments_input_and_exit_code(target):
    """The program's arguments, standard input and exit code are its own."""
    done = target("python", "-c", "import sys; print(sys.argv[1:], sys.stdin.read()); sys.exit(7)", "--", "--help", input="typed")
    assert (done.stdout, done.returncode) == ("['--', '--help'] typed\n", 7)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        pytest.param(["run"], 2, "expected a program after --, found nothing", id="nothing to run"),
        pytest.param(["run", "-x", "python"], 2, "expected -- before the program, got the option '-x'", id="an option of its own"),
        pytest.param(["lcal", "--", "x"], 2, "got 'lcal'; did you mean 'local'?", id="misspelt command"),
        pytest.param(["xyz"], 2, "got 'xyz'; try census-compat --help", id="unknown command"),
        pytest.param(["sh", "-c", "a b"], 2, "to run a program: census-compat run -- sh -c 'a b'", id="a program without run"),
        pytest.param(["run", "--", "no-such-program"], 127, "no such program: no-such-program", id="no such program"),
    ],
)
def test_run_refuses(arguments, code, text, capsys, monkeypatch):
    """What cannot be run is named in one line, with a shell's exit code."""
    monkeypatch.setattr(sys, "argv", ["census-compat"])
    assert _cli.main(arguments) == code
    [line] = capsys.readouterr().err.splitlines()
    assert text in line


def test_run_of_a_file_that_is_no_program(tmp_path, capsys):
    """A file that the system cannot execute gives exit code 126 and the system's reason."""
    program = tmp_path / "broken"
    program.write_bytes(b"\x7fnot a program")
    program.chmod(0o755)
    assert _cli.main(["run", "--", str(program)]) == 126
    assert "cannot start" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["--version"], "census-compat 0.1.0\n", id="version"),
        pytest.param(["--help"], "run a program on the facades", id="help"),
        pytest.param(["run", "--help"], "`pip install --target`", id="help of run"),
    ],
)
def test_help_and_version(installed, arguments, text):
    """Help and version are printed by the installed command, and loading them loads no other command's code."""
    command = [str(installed.folder / "bin" / "census-compat"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert text in done.stdout


def test_every_module_of_a_command_is_listed():
    """What has the two functions of a command is one, and what is listed has them."""
    folder = Path(_cli.__file__).parent
    texts = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
    found = {path for path, text in texts.items() if {"add_arguments", "run"} <= {*re.findall(r"^def (\w+)", text, re.MULTILINE)}}
    listed = {f"opencensus_compat.{'.'.join(path.relative_to(folder).with_suffix('').parts)}".removesuffix(".__init__") for path in found}
    assert listed == {module for module, _ in _cli._COMMANDS.values()}


def test_no_command_is_wrong_usage(capsys):
    """Without a command the usage is printed and the exit code is 2."""
    with pytest.raises(SystemExit) as left:
        _cli.main([])
    assert left.value.code == 2
    assert "required: COMMAND" in capsys.readouterr().err


def test_module_is_the_command(installed):
    """``python -m opencensus_compat`` is the same command."""
    done = subprocess.run(
        [str(installed.python), "-m", "opencensus_compat", "--version"], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "census-compat 0.1.0\n"
