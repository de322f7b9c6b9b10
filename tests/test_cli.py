"""The command line: what it hands to the library, where its output goes, and how it ends."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import geoscope
from geoscope.catalogue import KEYS
from geoscope.cli import app as cli
from geoscope.cli.exits import ExitCode
from geoscope.cli.progress import RunProgress
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.progress import Parts, in_parts
from geoscope.report import Measurement, Report, Sample, Subject, json_schema

HEAVY = {
    "torch",
    "numpy",
    "transformers",
    "datasets",
    "faiss",
    "scipy",
    "sklearn",
    "pandas",
    "pyarrow",
    "numba",
}


INTERRUPTED = "geoscope: interrupted before it was done; nothing of it is kept: run it again"


def a_report(name: str = "demo") -> Report:
    return Report(
        subject=Subject(name=name, kind="array"),
        sample=Sample(rows=3, points=3, seed=0),
        settings={},
        measurements=[Measurement(layer=None, measure="two_nn", value=1 / 3, n=3)],
        environment={},
    )


Faked = Callable[[Callable[..., Any]], list[tuple[tuple[Any, ...], dict[str, Any]]]]


@pytest.fixture
def measured_by(monkeypatch: pytest.MonkeyPatch) -> Faked:
    """Put a function in the place of `measuring.measure`; returns the calls it gets."""

    def put(function: Callable[..., Any]) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        def measure(*args: Any, **keywords: Any) -> Any:
            calls.append((args, keywords))
            return function(*args, **keywords)

        fake = SimpleNamespace(measure=measure)
        monkeypatch.setattr(geoscope, "measuring", fake, raising=False)
        monkeypatch.setitem(sys.modules, "geoscope.measuring", fake)
        return calls

    return put


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where tracebacks go in this test."""
    folder = tmp_path / "traces"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def raising(error: BaseException) -> Callable[..., Report]:
    def fail(*_: Any, **__: Any) -> Report:
        raise error

    return fail


def run(*arguments: str, code: str | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own; code replaces `-m geoscope`."""
    start = ["-c", code] if code else ["-m", "geoscope"]
    return subprocess.run([sys.executable, *start, *arguments], capture_output=True, text=True, timeout=120, **more)


# What is parsed


def test_every_option_reaches_the_library(measured_by: Faked, tmp_path: Path) -> None:
    calls = measured_by(lambda *_, **__: a_report())
    line = (
        "measure some/model --corpus ptb=a.txt --corpus b.csv --split test --words 4-49 --sequences 10 --max-length 32 "
        "--points all --layers 0,6,-1 --pooling mean --tokens no-first --groups column "
        "--measures two_nn,isotropy --seed 7 --device cpu --dtype float32 --batch-tokens 64 --memory 2GB "
        "--isoscore-zeta 0.2 --isoscore-reference c.npy --quantizer pq --codebooks 8 --bits 4 "
        f"--no-errors --population corpus --null matched --trust-remote-code --revision abc --allow-pickle "
        f"-q -o {tmp_path / 'report.json'}"
    )
    assert cli.main(line.split()) == 0
    ((args, keywords),) = calls
    assert isinstance(keywords.pop("progress"), RunProgress)
    assert args == ("some/model",)
    assert keywords == {
        "corpora": ["ptb=a.txt", "b.csv"], "split": ["test"], "words": "4-49", "sequences": 10, "max_length": 32,
        "points": None, "layers": "0,6,-1", "pooling": "mean", "tokens": "no-first", "groups": "column",
        "measures": ["two_nn", "isotropy"], "seed": 7, "device": "cpu", "dtype": "float32",
        "batch_tokens": 64, "memory": "2GB", "announce": None,
        "isoscore_zeta": 0.2, "isoscore_reference": "c.npy", "quantizer": "pq", "codebooks": 8, "bits": 4,
        "errors": False, "population": "corpus", "null": "matched",
        "trust_remote_code": True, "revision": "abc", "allow_pickle": True,
    }  # fmt: skip


def test_every_command_is_documented() -> None:
    for command in cli.app.registered_commands:
        assert command.callback is not None
        assert command.callback.__doc__


# Where the output goes


def test_a_pipe_gets_json_and_nothing_else(measured_by: Faked, capfd: pytest.CaptureFixture[str]) -> None:
    measured_by(lambda *_, **__: a_report())
    assert cli.main(["measure", "x"]) == 0
    told = capfd.readouterr()
    assert told.out == a_report().to_json()
    *outcome, seconds = told.err.splitlines()
    assert re.fullmatch(r"geoscope: \d+\.\d s( \(.*\))?, peak memory [\d,]+ MiB", seconds)
    assert outcome
    assert all(line.startswith("geoscope: ") for line in outcome)


def test_quiet_says_nothing(measured_by: Faked, capfd: pytest.CaptureFixture[str]) -> None:
    def measure(*_: Any, **__: Any) -> Report:
        import warnings

        warnings.warn("few sequences", stacklevel=2)
        return a_report()

    measured_by(measure)
    assert cli.main(["measure", "x", "-q"]) == 0
    assert capfd.readouterr().err == ""


def test_only_geoscopes_own_warnings_are_shown(measured_by: Faked, capfd: pytest.CaptureFixture[str]) -> None:
    def measure(*_: Any, **__: Any) -> Report:
        import warnings

        warnings.warn_explicit("few\nsequences", UserWarning, "corpora.py", 1, module="geoscope.subjects.texts.corpora")
        warnings.warn_explicit("old", FutureWarning, "torch.py", 1, module="torch.nn")
        return a_report()

    measured_by(measure)
    assert cli.main(["measure", "x"]) == 0
    told = capfd.readouterr().err.splitlines()
    assert told[0] == "geoscope: warning: few sequences"
    assert told[-1].startswith("geoscope: 0.")
    assert not any("old" in line.split() for line in told)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("r.json", "{"), ("r.csv", "subject,layer"), ("r.md", "### demo"), ("r.txt", "demo\n"), ("R.JSON", "{"),
        ("r.html", "<!DOCTYPE html>"),
    ],
)  # fmt: skip
def test_the_suffix_sets_the_form(
    measured_by: Faked, capfd: pytest.CaptureFixture[str], tmp_path: Path, name: str, start: str
) -> None:
    measured_by(lambda *_, **__: a_report())
    assert cli.main(["measure", "x", "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text().startswith(start)
    assert capfd.readouterr().out == ""
    assert cli.main(["measure", "x", "--format", "csv", "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text().startswith("subject,")


def test_dash_is_standard_output(measured_by: Faked, capfd: pytest.CaptureFixture[str]) -> None:
    measured_by(lambda *_, **__: a_report())
    assert cli.main(["measure", "x", "-o", "-"]) == 0
    assert capfd.readouterr().out == a_report().to_json()


@pytest.mark.parametrize("destination", ["no/such/folder/r.json", ".", "report.pdf", "report", "r.xml"])
def test_a_bad_destination_is_refused_before_the_work(
    measured_by: Faked, capfd: pytest.CaptureFixture[str], destination: str
) -> None:
    calls = measured_by(lambda *_, **__: a_report())
    assert cli.main(["measure", "x", "-o", destination]) == ExitCode.MISTAKE
    assert calls == []
    assert capfd.readouterr().err.startswith(("geoscope: expected the output ", "geoscope: expected -o to name"))


@pytest.mark.parametrize(("no_color", "escapes"), [("", True), ("1", False)])
def test_a_terminal_gets_a_table(no_color: str, escapes: bool) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = os.environ | {"NO_COLOR": no_color, "TERM": "xterm", "COLUMNS": "60"}
    command = [sys.executable, "-m", "geoscope", "measures"]
    with subprocess.Popen(command, stdout=theirs, env=environment) as process:
        os.close(theirs)
        told = b""
        while part := _read(ours):
            told += part
    assert process.returncode == 0
    assert (b"\x1b[" in told) is escapes
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", told).decode().splitlines()
    assert plain[:2] == ["Measures", "anisotropy"]
    assert max(map(len, plain)) <= 60


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end has closed
        return b""


def test_progress_is_drawn_on_a_terminals_stderr_only_when_wanted() -> None:
    pty = pytest.importorskip("pty")
    for flags, drawn in (([], True), (["--no-progress"], False), (["--quiet"], False)):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-c", FAKED.format(body=STEPS), "measure", "x", *flags]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"TERM": "xterm"}
        ) as process:
            os.close(theirs)
            told = b""
            while part := _read(ours):
                told += part
            assert process.stdout is not None
            assert json.loads(process.stdout.read())["subject"]["name"] == "fake"
        assert (b"loading" in told.split(b"reading [x]")[0]) is drawn
        assert (b"reading [x]" in told.split(b"geoscope:")[0]) is drawn
        assert (b"reading [x] 0." in told) is (flags != ["--quiet"])


FAKED = """
import sys, types
import geoscope
from geoscope.cli.app import main
from geoscope.report import Measurement, Report, Sample, Subject

report = Report(
    subject=Subject(name="fake", kind="array"), sample=Sample(rows=3, points=3, seed=0), settings={{}},
    measurements=[Measurement(layer=None, measure="two_nn", value=0.5, n=3)], environment={{}},
)

def measure(subject, *, progress, **keywords):
    {body}
    return report

geoscope.measuring = sys.modules["geoscope.measuring"] = types.SimpleNamespace(measure=measure)
sys.exit(main())
"""
STEPS = "import time; [(progress(done, 4, 'reading [x]'), time.sleep(0.06)) for done in range(5)]"


def test_the_seconds_of_each_phase_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with RunProgress(bar=True) as progress:  # stderr is no terminal here: nothing is drawn
        for now, call in (
            (1.0, (0, 2, "reading")), (3.0, (1, 2, "reading")), (6.0, (2, 2, "reading")),
            (8.0, (0, 1, Parts("layers"))), (10.0, (4, 4, "neighbours")), (15.0, (0, 4, "codebooks")),
        ):  # fmt: skip
            clock.now = now
            progress(*call)
        clock.now = 21.0
    assert progress.seconds == {"other": 8.0, "reading": 5.0, "neighbours": 2.0, "codebooks": 6.0}
    assert progress.summary().startswith("21.0 s (other 8.0, reading 5.0, neighbours 2.0, codebooks 6.0), peak memory")


class Clock:
    """The time as a run's progress sees it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("geoscope.cli.progress.time", SimpleNamespace(perf_counter=lambda: self.now))
        monkeypatch.setattr("geoscope.cli.outlook.time", SimpleNamespace(perf_counter=lambda: self.now))


def test_one_estimate_for_the_whole_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two subjects of three layers of two measures, 10 s of reading and 4 s a measure: 68 s in all."""
    clock = Clock(monkeypatch)
    progress = RunProgress(bar=True)
    seen = []
    for _ in in_parts("ab", progress, "subjects"):
        for done in range(3):
            progress(done, 2, "tokens read")
            seen.append((progress.outlook.words(), clock.now, progress.outlook.left()))
            clock.now += 5.0 if done < 2 else 0.0
        for _ in in_parts(range(3), progress, "layers"):
            for _ in in_parts(range(2), progress, "measures"):
                progress(1, 2, "pairs")
                seen.append((progress.outlook.words(), clock.now, progress.outlook.left()))
                clock.now += 4.0
                progress(2, 2, "pairs")
    assert clock.now == 68.0
    assert seen[0][0] == "subject 1 of 2, tokens read 0 %"
    assert seen[4][0] == "subject 1 of 2, layer 1 of 3, pairs 50 %"
    assert seen[-1][0] == "subject 2 of 2, layer 3 of 3, pairs 50 %"
    told = [(now, left) for _, now, left in seen if left is not None]
    assert len(told) == len(seen) - 4  # before the first measure is done nothing tells
    for now, left in told:
        assert left == pytest.approx(68.0 - now)
    assert progress.outlook.words() == "loading"


def test_measures_count_for_the_passes_that_they_are_the_first_of(monkeypatch: pytest.MonkeyPatch) -> None:
    from geoscope.measuring import _WORK, _work

    keys = ["isoscore", "persistent_entropy", "prominent_bars", "patchiness", "reconstruction_error", "two_nn"]
    work = _work(keys)
    assert work == [1, 1 + _WORK["bars"], 1, 1 + _WORK["codes"], 1, 1]
    clock = Clock(monkeypatch)
    progress = RunProgress(bar=True)
    for _, seconds in in_parts(list(zip(keys, work, strict=True)), progress, "measures", work):
        left = progress.outlook.left()
        assert left is None if clock.now == 0 else left == pytest.approx(sum(work) - clock.now)
        assert progress.outlook.words() == f"measures {100 * clock.now / sum(work):.0f} %"
        clock.now += seconds


def test_sizes_count_for_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    progress = RunProgress(bar=True)
    seen = []
    for size in in_parts([50, 150, 800], progress, "sizes", [50, 150, 800]):
        for _ in in_parts([1, 3], progress, "measures", [1, 3]):
            seen.append((progress.outlook.words(), progress.outlook.left()))
            clock.now += size * 0.1
    assert seen[1] == ("sizes 0 %, measures 25 %", None)  # one small size tells nothing of a large one
    assert seen[3] == ("sizes 5 %, measures 25 %", pytest.approx(950 * 0.2 - 15.0))
    assert seen[4] == ("sizes 20 %, measures 0 %", pytest.approx(160.0))


def test_what_was_there_already_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    progress = RunProgress(bar=True)
    for place in in_parts(range(10), progress, "subjects"):
        clock.now += 0.01 if place < 5 else 60.0  # five are read back
        if place == 6:
            assert progress.outlook.left() == pytest.approx(60.0 * 3, abs=1)


def test_steps_alone_tell_how_long_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    progress = RunProgress(bar=True)
    assert progress.outlook.left() is None
    clock.now = 7.0
    progress(0, 100, "training steps")
    clock.now = 17.0
    progress(20, 100, "training steps")
    assert progress.outlook.left() == pytest.approx(40.0)
    assert progress.outlook.ahead() == "about 40 s of that to go"
    assert progress.outlook.words() == "training steps 20 %"


def test_without_a_terminal_there_is_a_line_now_and_then(capfd: pytest.CaptureFixture[str]) -> None:
    import time

    with RunProgress(bar=True, every=0.05) as progress:
        time.sleep(0.2)
        progress(0, 3, Parts("layers"))
        progress(1, 4, "pairs")
        time.sleep(0.2)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) >= 4
    assert lines[0] == "geoscope: after 0 s: loading"
    assert lines[-1] == "geoscope: after 0 s: layer 1 of 3, pairs 25 %"
    with RunProgress(bar=False, every=0.01):
        time.sleep(0.05)
    with RunProgress(bar=True):
        time.sleep(0.05)
    assert capfd.readouterr().err == ""


# How it ends


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            GeoscopeError("expected a\nfolder, got x; make one"),
            2,
            "geoscope: expected a folder, got x; make one\n",
        ),
        (NotComparable("the pooling differs"), 4, "geoscope: the pooling differs\n"),
        (KeyboardInterrupt(), 3, f"{INTERRUPTED}\n"),
    ],
)
def test_errors_are_a_sentence(
    measured_by: Faked,
    capfd: pytest.CaptureFixture[str],
    traces: Path,
    error: BaseException,
    code: int,
    said: str,
) -> None:
    measured_by(raising(error))
    assert cli.main(["measure", "x"]) == code
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", said)
    assert list(traces.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "ran out of memory; try fewer --points"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "ran out of memory"),
        (OSError(errno.ENOSPC, "No space left on device", "rows.npy"), "the disk is full for rows.npy"),
        (RuntimeError("oh\nno"), "because of a bug, RuntimeError: oh no; please report it"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "because of a bug, BrokenPipeError"),
        (EOFError(), "because of a bug, EOFError;"),
        (SystemExit(1), "because of a bug, SystemExit: 1"),
        (RecursionError("deep"), "because of a bug"),
    ],
)
def test_what_could_not_finish_ends_with_3_and_keeps_its_traceback(
    measured_by: Faked, capfd: pytest.CaptureFixture[str], traces: Path, error: BaseException, said: str
) -> None:
    measured_by(raising(error))
    assert cli.main(["measure", "x"]) == ExitCode.UNFINISHED
    told = capfd.readouterr()
    assert told.out == ""
    assert said in told.err
    assert told.err.count("\n") == 1
    assert "Traceback" not in told.err
    (trace,) = traces.iterdir()
    assert str(trace) in told.err
    assert "Traceback" in trace.read_text()


def test_torchs_own_memory_error_is_known(
    measured_by: Faked, capfd: pytest.CaptureFixture[str], traces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OutOfMemoryError(RuntimeError):
        pass

    fake = SimpleNamespace(OutOfMemoryError=OutOfMemoryError)
    monkeypatch.setitem(sys.modules, "torch", fake)
    measured_by(raising(OutOfMemoryError("CUDA out of memory")))
    assert cli.main(["measure", "x"]) == ExitCode.UNFINISHED
    assert "ran out of memory" in capfd.readouterr().err


def test_a_traceback_that_cannot_be_kept_is_shown(
    measured_by: Faked, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.NamedTemporaryFile", raising(OSError(errno.ENOSPC, "No space left")))
    measured_by(raising(RuntimeError("oh no")))
    assert cli.main(["measure", "x"]) == ExitCode.UNFINISHED
    told = capfd.readouterr().err
    assert "Traceback" in told
    assert "the traceback is above" in told


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mesure x", "expected a command of geoscope, got 'mesure'; did you mean measure?"),
        ("measure", "expected SUBJECT..., got nothing"),
        ("extract x y -o z", "expected nothing more of geoscope extract, got y"),
        ("measure x --sequence 3", "expected an option of geoscope measure, got --sequence; did you mean --sequences?"),
        ("measure x --sequences 0", "expected --sequences to be a whole number of at least 1, got 0"),
        ("measure x --sequences many", "expected --sequences to be a whole number of at least 1, got 'many'"),
        ("measure x --points 0", "--points to be a number above 0 or all, got '0'"),
        ("measure x --points -5", "--points"),
        ("measure x --points 1e4", "--points"),
        ("measure x --pooling maen", "got 'maen'; did you mean mean?"),
        ("measure x --tokens some", "expected --tokens to be one of all, content, no-first, types, got 'some'"),
        ("measure x --layers al", "expected --layers to be last, all, union or numbers such as 0,6,-1, got 'al'"),
        ("measure x --measures two_nn,three_nn", "got 'three_nn'; families are anisotropy"),
        ("measure x --measures isotrpy", "got 'isotrpy'; did you mean isotropy?"),
        ("measure x --measures ,", "at least one measure"),
        ("measure x --isoscore-zeta 1.5", "--isoscore-zeta"),
        ("measure x --quantizer vq", "expected --quantizer to be one of lsq, lsq-faiss, pq, kmeans, got 'vq'"),
        ("measure x --format yaml", "expected --format to be one of table, json, csv, markdown, html, got 'yaml'"),
        ("measure x --corpus", "expected --corpus with a value, got none"),
        ("measure x --strict-remote", "expected an option of geoscope measure, got --strict-remote"),
        ("measure x --allow-pickle=yes", "expected --allow-pickle without a value, got one"),
        ("extract x", "expected --output, -o DIR, got nothing"),
        ("measures --format htlm", "got 'htlm'; did you mean html?"),
    ],
)
def test_mistakes_of_usage_are_one_sentence(
    measured_by: Faked, capfd: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    calls = measured_by(lambda *_, **__: a_report())
    assert cli.main(line.split()) == ExitCode.MISTAKE
    told = capfd.readouterr()
    assert told.out == ""
    assert said in told.err
    assert told.err.startswith("geoscope: ")
    assert told.err.count("\n") == 1
    assert "Value error" not in told.err
    assert calls == []


def test_no_arguments_print_the_help() -> None:
    told = run()
    assert told.returncode == ExitCode.MISTAKE
    assert "Usage: geoscope" in told.stdout
    assert told.stderr == ""


def test_a_reader_that_leaves_early_is_no_error() -> None:
    for command in ("measures", "schema", "--help", "measure --help"):
        line = f"set -o pipefail; {sys.executable} -m geoscope {command} | true"
        told = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
        assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["schema", "--version", "measures"])
def test_a_full_disk_ends_with_3(command: str, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        told = subprocess.run(
            [sys.executable, "-m", "geoscope", command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )
    assert told.returncode == ExitCode.UNFINISHED
    assert "the disk is full" in told.stderr
    assert told.stderr.count("\n") == 1


def test_an_interrupt_ends_with_3() -> None:
    body = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    told = run(
        "measure",
        "x",
        code=FAKED.format(body=body),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (told.returncode, told.stdout) == (ExitCode.UNFINISHED, "")
    assert told.stderr == f"{INTERRUPTED}\n"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("pass", 0),
        ("from geoscope.errors import GeoscopeError; raise GeoscopeError('no')", 2),
        ("raise RuntimeError('no')", 3),
        ("raise MemoryError", 3),
        ("sys.exit(1)", 3),
        ("from geoscope.errors import NotComparable; raise NotComparable('no')", 4),
    ],
)
def test_exit_codes_of_the_process(body: str, code: int, tmp_path: Path) -> None:
    told = run("measure", "x", "-q", code=FAKED.format(body=body), env=os.environ | {"TMPDIR": str(tmp_path)})
    assert told.returncode == code
    assert (told.stdout != "") is (code == 0)
    assert told.stderr.count("\n") == (code != 0)


# What answers at once


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["--help"], "Usage: geoscope COMMAND"),
        (["-h"], "Usage: geoscope COMMAND"),
        (["measure", "--help"], "Usage: geoscope measure"),
        (["measure", "--help-all"], "Usage: geoscope measure"),
        (["--version"], f"geoscope {geoscope.__version__}\n"),
        (["measures"], "[\n"),
        (["measures", "--format", "table"], "Measures\n"),
        (["schema"], "{\n"),
    ],
)
def test_light_commands_load_nothing_but_typers_own(arguments: list[str], start: str, typers_own: set[str]) -> None:
    code = (
        "import sys; from geoscope.cli.app import main; code = main();"
        "sys.stderr.write(' '.join(sys.modules)); sys.exit(code)"
    )
    told = run(*arguments, code=code)
    assert told.returncode == 0
    assert re.sub(r"^ +$", "", told.stdout, flags=re.MULTILINE).startswith(start)
    loaded = set(told.stderr.split())
    assert HEAVY & loaded == set()
    assert distributions(loaded) <= distributions(typers_own) | {"geoscope"}


def test_of_all_commands_a_line_builds_the_one_that_it_names() -> None:
    assert [each.name for each in cli._program(["check", "report.json"]).registered_commands] == ["check"]
    for arguments in ([], ["--help"], ["chekc"], ["--version", "check"]):
        assert [each.name for each in cli._program(arguments).registered_commands] == list(cli.COMMANDS)
    code = "import sys; from geoscope.cli import app; app.main(); sys.exit('fields' in vars(app.COMMANDS['finetune']))"
    assert run("check", "-h", code=code).returncode == 0
    assert run("--help", code=code).returncode == 1


def distributions(modules: set[str]) -> set[str]:
    """The top-level names among modules that do not come with Python."""
    return {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names)


@pytest.fixture(scope="module")
def typers_own() -> set[str]:
    """What a Typer program of two empty commands loads to print the help of one."""
    code = (
        "import sys, typer; program = typer.Typer();"
        "program.command('one')(lambda: None); program.command('two')(lambda: None);"
        "program(['one', '--help'], standalone_mode=False); sys.stderr.write(' '.join(sys.modules))"
    )
    return set(run(code=code).stderr.split())


def test_the_installed_command_is_this_one() -> None:
    command = Path(sys.executable).with_name("geoscope")
    if not command.exists():
        pytest.skip("geoscope is not installed here")
    told = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=120)
    assert (told.returncode, told.stdout) == (0, f"geoscope {geoscope.__version__}\n")


def test_importing_geoscope_loads_nothing_heavy() -> None:
    code = "import sys, geoscope; geoscope.Report, geoscope.GeoscopeError, dir(geoscope); print(*sys.modules)"
    assert HEAVY & set(run(code=code).stdout.split()) == set()


def test_the_library_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        geoscope.nothing  # noqa: B018  # the look-up is what is tested
    assert set(dir(geoscope)) == set(geoscope.__all__)


def test_measures_lists_every_key() -> None:
    listed = json.loads(run("measures").stdout)
    assert [each["key"] for each in listed] == list(KEYS)
    assert {"key", "range", "direction", "null", "cost", "paper"} <= set(listed[0])


def test_schema_is_the_reports(tmp_path: Path) -> None:
    assert json.loads(run("schema").stdout) == json_schema()
    assert run("schema", "-o", str(tmp_path / "schema.json")).returncode == 0
    assert json.loads((tmp_path / "schema.json").read_text()) == json_schema()
