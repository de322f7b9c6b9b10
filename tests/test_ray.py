"""`--ray`: the same measurements from the workers of a Ray cluster on this machine, also when one is killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoscope.batches import batch
from geoscope.batches.ray_cluster import _check_reachable
from geoscope.batches.running import run_tasks
from geoscope.batches.workers import Surroundings
from geoscope.cli import app as cli
from geoscope.errors import GeoscopeError
from geoscope.report import Report
from geoscope.studies import study

ray = pytest.importorskip("ray")

MEASURES = "isoscore,two_nn,anisotropy,patchiness"


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two workers of one thread each."""
    import torch

    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    ray.init(
        address="local", num_cpus=2, num_gpus=0, include_dashboard=False, log_to_driver=False, logging_level="error",
        object_store_memory=80 * 2**20,
    )  # fmt: skip
    yield
    ray.shutdown()
    torch.set_num_threads(threads)


def numbers(*reports: Report) -> str:
    return json.dumps([[row.model_dump(mode="json") for row in report.measurements] for report in reports])


def dying_once(function: Callable[[Any], Any], marker: Path) -> Callable[[Any], Any]:
    """The function in a worker that is killed under the first task."""
    module, name = function.__module__, function.__name__

    def run(task: Any) -> Any:
        from importlib import import_module

        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return getattr(import_module(module), name)(task)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    return run


@pytest.fixture
def options(corpus_file: Path) -> dict[str, Any]:
    return {
        "corpora": [str(corpus_file)], "sequences": 30, "max_length": 16, "device": "cpu", "bits": 4,
        "measures": MEASURES.split(","),
    }  # fmt: skip


def test_files_measured_by_workers_one_of_which_is_killed(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [str(tmp_path / f"rows-{place}.npy") for place in (1, 2)]
    for seed, file in enumerate(files):
        np.save(file, np.random.default_rng(seed).normal(size=(300, 8)))
    chosen = {"measures": ["isoscore", "two_nn", "average_cosine_similarity"], "device": "cpu"}
    plain = batch.measure_many(files, **chosen)
    marker = tmp_path / "killed"
    monkeypatch.setattr(batch, "measure_subject", dying_once(batch.measure_subject, marker))
    found = batch.measure_many(files, ray="auto", **chosen)
    assert marker.exists()
    assert numbers(*found.reports) == numbers(*plain.reports)


@pytest.mark.slow
def test_subjects_measured_by_workers_one_of_which_is_killed(
    cluster: None,
    checkpoint_folder: Callable[[str], Path],
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subjects = [str(checkpoint_folder(kind)) for kind in ("bert", "llama")]
    plain = batch.measure_many(subjects, **options)
    marker = tmp_path / "killed"
    monkeypatch.setattr(batch, "measure_subject", dying_once(batch.measure_subject, marker))
    told: list[str] = []
    missing = str(tmp_path / "missing")
    found = batch.measure_many(
        [*subjects, missing], ray="auto", output=tmp_path / "out", announce=told.append, **options
    )
    assert marker.exists()
    assert numbers(*found.reports) == numbers(*plain.reports)
    assert [report.environment["threads"] for report in found.reports] == [1, 1]
    assert list(found.mistakes) == [missing]
    assert "No checkpoint folder" in str(found.mistakes[missing])
    assert [text.split(":")[0] for text in told] == ["1 of 3", "2 of 3", "3 of 3"]
    kept = [Report.read(tmp_path / "out" / f"tiny-{kind}.json") for kind in ("bert", "llama")]
    assert numbers(*kept) == numbers(*plain.reports)
    again = batch.measure_many(subjects, ray="auto", output=tmp_path / "out", announce=told.append, **options)
    assert ["read back" in text for text in told[3:]] == [True, True]
    assert numbers(*again.reports) == numbers(*plain.reports)
    assert ray.is_initialized()  # it was ours


@pytest.mark.slow
def test_noise_levels_measured_by_workers_one_of_which_is_killed(
    cluster: None,
    checkpoint_folder: Callable[[str], Path],
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = {**options, "levels": "0,10", "seeds": 2, "parts": tmp_path / "parts"}
    subject = str(checkpoint_folder("bert"))
    plain = study.perturb(subject, **{**chosen, "parts": None})
    marker = tmp_path / "killed"
    monkeypatch.setattr(study, "measure_state", dying_once(study.measure_state, marker))
    found = study.perturb(subject, ray="auto", **chosen)
    assert marker.exists()
    assert numbers(found) == numbers(plain)
    assert len(list((tmp_path / "parts").iterdir())) == 3


@pytest.mark.slow
def test_levels_fine_tuned_by_workers(
    cluster: None, checkpoint_folder: Callable[[str], Path], options: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("accelerate")
    task = tmp_path / "marks.tsv"
    task.write_text("sentence\tlabel\n" + "".join(f"w{k:02d} w{7 * k % 60:02d}\t{k / 7:.2f}\n" for k in range(40)))
    chosen = {**options, "levels": "0,10", "seeds": 1, "finetune": [str(task)], "finetune_epochs": 1}
    subject = str(checkpoint_folder("bert"))
    plain = study.perturb(subject, **chosen)
    assert study.perturb(subject, ray="auto", **chosen).scores == plain.scores


def test_workers_compute_with_the_drivers_threads(cluster: None) -> None:
    def threads(task: int) -> tuple[int, Surroundings]:
        return task, Surroundings.here()

    found = dict(run_tasks(threads, [0, 1, 2], ray="auto"))
    here = Surroundings.here()
    assert here.torch_threads == 1
    assert found == {task: (task, here) for task in (0, 1, 2)}


def test_what_is_finished_is_handed_on_before_a_bug_ends_the_rest(cluster: None, tmp_path: Path) -> None:
    handed_on = tmp_path / "handed on"

    def fragile(task: int) -> int:
        if task == 0:
            return 7
        while not handed_on.exists():
            time.sleep(0.02)
        raise ZeroDivisionError("a bug")

    results = run_tasks(fragile, [0, 1], ray="auto")
    assert next(results) == (0, 7)
    handed_on.touch()
    with pytest.raises(ZeroDivisionError, match="a bug"):
        next(results)


def test_missing_ray_is_the_users_mistake(
    checkpoint_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    subject = str(checkpoint_folder("bert"))
    assert cli.main(["measure", subject, "--corpus", "sample", "--ray", "auto", "--quiet"]) == 2
    assert "geoscope[ray]" in capsys.readouterr().err


def test_nobody_at_the_address_is_told_at_once() -> None:
    with socket.socket() as bound:  # nobody else takes the port, and it does not listen
        bound.bind(("127.0.0.1", 0))
        _check_reachable("auto")
        with pytest.raises(GeoscopeError, match="none answers"):
            _check_reachable(f"127.0.0.1:{bound.getsockname()[1]}")
