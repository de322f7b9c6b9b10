"""Run folders: one writer each, whatever becomes of it; nothing of the user's overwritten or deleted."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from made_reports import report, row

from geoscope.batches.batch import measure_many
from geoscope.batches.finished_work import FinishedReports
from geoscope.errors import GeoscopeError
from geoscope.finetuning.runs import STATES, Run, remove_states
from geoscope.run_folders import LOCK, only_writer
from geoscope.training.arms import Arm

HOLD = (
    "import sys, time\n"
    "from geoscope.run_folders import only_writer\n"
    "with only_writer(sys.argv[1], '-o'):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


@pytest.fixture
def holder(tmp_path: Path) -> Any:
    """Another process that writes the folder `out`."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "out")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_name_that_no_folder_can_have_is_refused() -> None:
    for name in ("9" * 300, "a\0b"):
        with (
            pytest.raises(GeoscopeError, match=r"expected a folder as --run, got .*; check it"),
            only_writer(name, "--run"),
        ):
            pass


def test_who_comes_second_is_told_who_writes(holder: Any, tmp_path: Path) -> None:
    told = (
        rf"no other run writes, got .*out, which process {holder.pid} is writing; wait until it is done and run again"
    )
    with pytest.raises(GeoscopeError, match=told), only_writer(tmp_path / "out", "-o"):
        raise AssertionError
    (tmp_path / "link").symlink_to("out")
    with pytest.raises(GeoscopeError, match="which process"), only_writer(tmp_path / "link", "-o"):
        raise AssertionError


def test_a_lock_dies_with_its_process(holder: Any, tmp_path: Path) -> None:
    holder.kill()
    holder.wait()
    assert (tmp_path / "out" / LOCK).exists()
    with only_writer(tmp_path / "out", "-o"):
        (tmp_path / "out" / "kept").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["kept"]


def test_of_many_starts_at_once_one_writes(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from geoscope.errors import GeoscopeError\n"
        "from geoscope.run_folders import only_writer\n"
        "sys.stdin.read(1)\n"
        "try:\n"
        "    with only_writer(sys.argv[1], '-o'):\n"
        "        print('written', flush=True)\n"
        "        sys.stdin.read(1)\n"
        "except GeoscopeError as error:\n"
        "    print(error, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a" / "out")]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(12)]
    for one in started:
        assert one.stdin is not None
        one.stdin.write(b"x")
        one.stdin.flush()
    said = []
    for one in started:
        assert one.stdout is not None
        said.append(one.stdout.readline())
    for one in started:
        one.communicate(b"x")
    assert said.count(b"written\n") == 1
    assert sum(b"is writing; wait until it is done" in line for line in said) == 11
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # nothing was kept in it


def test_a_run_may_take_its_folder_again_and_a_thread_may_not(tmp_path: Path) -> None:
    refused: list[str] = []

    def second() -> None:
        try:
            with only_writer(tmp_path / "out", "-o"):
                refused.append("held twice")
        except GeoscopeError as error:
            refused.append(str(error))

    with only_writer(tmp_path / "out", "-o"):
        with only_writer(str(tmp_path / "out"), "-o"):
            pass
        thread = Thread(target=second)
        thread.start()
        thread.join()
    assert f"which process {os.getpid()} is writing" in refused[0]
    assert not list(tmp_path.iterdir())


def test_without_locks_a_run_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.warns(UserWarning, match="has no locks"), only_writer(tmp_path / "out", "-o"):
        pass


def test_the_second_command_is_refused_before_torch_is_loaded(holder: Any, tmp_path: Path) -> None:
    (tmp_path / "out").rename(tmp_path / "parts")  # whose lock goes with it
    for name in ("s.json.parts", "rows.parts"):
        (tmp_path / name).symlink_to("parts")
    lines = [
        "measure a b -o parts", "measure a --run parts", "perturb a -o s.json", "extract a -o rows",
        "finetune a --task cola -o parts",
    ]  # fmt: skip
    code = (
        "import sys\nfrom geoscope.cli.app import main\n"
        "codes = [int(main(line.split())) for line in sys.argv[1:]]\n"
        "print(codes, sorted({'torch', 'numpy', 'transformers'} & set(sys.modules)))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *lines], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=True,
    )  # fmt: skip
    assert ended.stdout == f"{[2] * len(lines)} []\n"
    said = ended.stderr.splitlines()
    assert len(said) == len(lines)
    assert all(f"process {holder.pid} is writing" in line for line in said)


def test_the_library_locks_too(holder: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((3, 2)))
    with pytest.raises(GeoscopeError, match="is writing"):
        measure_many([str(tmp_path / "a.npy")], output=tmp_path / "out")


def test_of_parts_only_what_geoscope_kept_is_deleted(tmp_path: Path) -> None:
    parts, key = tmp_path / "s.json.parts", "0123456789abcdef"
    parts.mkdir()
    mine = ["notes.json", "a.b.json", f"level-0.{key}.json.bak", f"x.{key[:-1]}.json", f"y.{key}.json", ".z.json.1.tmp"]
    for name in mine:
        (parts / name).write_text("{}")
    kept = FinishedReports(parts, key)
    kept.keep("level-0", report(row("two_nn", 1.0)))
    for name in (f".level-5.{key}.json.12345678.tmp", ".geoscope-01234567-5-89abcdef.tmp"):  # of a kill
        (parts / name).write_text("{")
    with only_writer(parts, "-o", temporary=True):
        kept.remove()
    assert sorted(path.name for path in parts.iterdir()) == sorted(mine)


def test_of_a_run_only_trainers_states_are_deleted(tmp_path: Path) -> None:
    states = tmp_path / STATES
    for name in ("checkpoint-12", "checkpoint-best"):
        (states / name).mkdir(parents=True)
        (states / name / "optimizer.pt").touch()
    remove_states(Run(tmp_path, Arm("none"), 0))
    assert [path.name for path in states.iterdir()] == ["checkpoint-best"]


def test_a_report_takes_no_foreign_files_name(tmp_path: Path) -> None:
    subjects = [str(tmp_path / name) for name in ("a.npy", "b.npy", "c.npy")]
    for number, name in enumerate(subjects):
        np.save(name, np.random.default_rng(number).standard_normal((40, 3)))
    asked: dict[str, Any] = {"output": tmp_path / "out", "measures": ["isoscore"], "errors": False, "null": "none"}
    measure_many(subjects[:2], **asked)
    (tmp_path / "out" / "c.json").write_text("mine")
    measure_many(subjects, **asked)
    assert (tmp_path / "out" / "c.json").read_text() == "mine"
    assert len([*(tmp_path / "out").glob("*.json")]) == 5
