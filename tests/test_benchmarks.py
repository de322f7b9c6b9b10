"""Every benchmark runs, on toy sizes and in this process; one runs as they really do, in a process of its own."""

from __future__ import annotations

import json
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from made_reports import report, row

from geoscope.errors import GeoscopeError

pytestmark = pytest.mark.filterwarnings("ignore")
SECTIONS = (
    "pairs",
    "growth",
    "three_measures",
    "moments",
    "extraction",
    "quantizer",
    "memory",
    "regularizers",
    "errors",
    "field_errors",
    "small_draws",
    "agreement",
    "readers",
)


@pytest.fixture
def settings(monkeypatch, tmp_path, checkpoint_folder):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    from benchmarks import timing
    from benchmarks.data import FILES
    from benchmarks.sections import pairs
    from benchmarks.settings import Settings

    def run_here(case, number=0):
        module, name = case.task.split(".")
        arguments = case.arguments | ({"seed": number} if case.seeds else {})
        run = getattr(import_module(f"benchmarks.tasks.{module}"), name)(**json.loads(json.dumps(arguments)))
        start = time.perf_counter()
        try:
            facts = run()
        except GeoscopeError as error:  # as a process that ended with it
            raise RuntimeError(str(error)) from error
        return {"seconds": time.perf_counter() - start, "memory": 10**6, "facts": facts or {}}

    data = tmp_path / "data"  # text of the words that the small checkpoint knows
    data.mkdir()
    rng = np.random.default_rng(0)
    for names in FILES.values():
        for name in names:
            lines = [
                " ".join(f"w{word:02d}" for word in rng.integers(60, size=rng.integers(4, 30))) for _ in range(150)
            ]
            (data / name).write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(timing, "run", run_here)
    monkeypatch.setattr(pairs, "run_once", run_here)
    return Settings(
        small=str(checkpoint_folder("bert")), data=data, n=300, peer_n=200, growth=(150, 300),
        peer_growth=(60,), file_rows=500, file_columns=16, text_rows=300, text_columns=8, lines=500, drawn=20,
        sequences=20, lengths=(16,), row_length=32, bits=3, runs=2, draws=4, field_draws=4, per_draw=40, workers=1,
        small_draws=2, quantized_draws=2, agreement=(60,), seeds=2,
        work=tmp_path / "work", output=tmp_path,
    )  # fmt: skip


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_runs(name, settings):
    from benchmarks.sections import NAMES, section
    from benchmarks.tables import markdown

    assert set(NAMES) == set(SECTIONS)
    done = section(name)(settings)
    assert done.name == name
    assert done.results
    assert done.findings
    assert all(result.seconds or result.skipped for result in done.results)
    about = {"command": "c", "date": "d", "environment": {"processor": "p", "cores": 1, "threads": 1}}
    text = markdown({name: json.loads(json.dumps(done.as_json())) | about})
    assert all(finding.what in text for finding in done.findings)


def test_the_command_keeps_its_results(settings, monkeypatch, tmp_path, capsys):
    from benchmarks import __main__ as command

    monkeypatch.setattr(command, "_settings", lambda given: settings)
    command.main(["--only", "growth", "--n", "300"])
    command.main(["--only", "moments"])
    kept = json.loads((tmp_path / "results.json").read_text())["sections"]
    assert list(kept) == ["growth", "moments"]
    assert kept["growth"]["command"] == "python -m benchmarks --only growth --n 300"
    assert "growth exponent" in (tmp_path / "results.md").read_text()
    assert (tmp_path / "cost.png").is_file() == (find_spec("matplotlib") is not None)
    assert "growth exponent" in capsys.readouterr().out


def test_a_process_of_its_own_is_timed_and_weighed(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    import numpy as np

    from benchmarks.timing import Case, interleaved, run

    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((2000, 8)))
    result = run(Case("product", "pairs.product", {"rows": str(tmp_path / "x.npy")}))
    assert result["seconds"] > 0
    assert result["memory"] < 10**9
    assert result["facts"] == {"multiplications": 2000 * 2000 * 8}
    (skipped,) = interleaved([Case("absent", "pairs.product", {}, needs="no_such_module")], 1)
    assert "not installed" in skipped.skipped


def test_a_task_that_fails_says_why(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    from benchmarks.timing import Case, run

    with pytest.raises(RuntimeError, match=r"missing\.npy"):
        run(Case("product", "pairs.product", {"rows": "missing.npy"}))


def test_the_papers_page_names_every_step_and_says_what_was_not_run(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    from benchmarks.papers import findings, steps
    from benchmarks.papers.claims import PAPERS
    from benchmarks.papers.page import page

    names = [step.name for step in steps.steps()]
    assert len(set(names)) == len(names)
    assert all(any(name.startswith(claim.steps) for name in names) for paper in PAPERS for claim in paper.claims)
    assert all(
        step.line({"data": "D", "mpnet": "M"})[0] in ("finetune", "perturb", "size-curve") for step in steps.steps()
    )
    for module in (findings, steps):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    findings.result.cache_clear()
    told = page()
    findings.result.cache_clear()
    assert told.count("| not run |") == sum(len(paper.claims) for paper in PAPERS)
    assert all(f"`{name}`" in told for name in names)


def test_the_papers_page_is_made_of_the_results_that_there_are(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    from benchmarks.papers.page import PAGE, page

    assert page() == PAGE.read_text(encoding="utf-8")


def test_the_fields_page_is_made_of_the_reports_that_there_are(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    from benchmarks.field.claims import CLAIMS, OPEN, falls, peak
    from benchmarks.field.looks import CHECKPOINTS, Look
    from benchmarks.field.page import PAGE, page

    assert page() == PAGE.read_text(encoding="utf-8")
    assert page().count("| **") == len(CLAIMS) * len(CHECKPOINTS)
    curve = {0: 1.0, 1: 5.0, 2: 2.0}
    rows = [row("two_nn", value, layer=layer, standard_error=0.1) for layer, value in curve.items()]
    held = Look("made", report(*rows))
    assert peak("two_nn")(held).verdict == "seen"
    assert peak("two_nn", low=True)(held).verdict == falls("two_nn")(held).verdict == "not seen"
    assert peak("two_nn")(Look("made", report(*rows[:2]))).verdict == OPEN


def test_a_noise_study_is_related_to_the_mean_of_its_probes(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    from benchmarks.papers import findings
    from benchmarks.papers.claims import PAPERS

    levels = [0.0, 1.0, 2.0, 5.0, 10.0, 20.0]
    keys = ("patchiness", "reconstruction_error", "eigenvalue_early_enrichment", "isoscore")
    study = report(*(row(key, 1.5 - level / 50, noise_level=level) for level in levels for key in keys))
    told = json.loads(study.to_json()) | {
        "scores": [
            {"task": task, "metric": "accuracy", "score": 0.9 - level / 60 + 0.01 * (place % 2), "n": 100,
             "method": "probe", "noise_level": level}
            for place, level in enumerate(levels) for task in ("cola", "rte")
        ]
    }  # fmt: skip
    (tmp_path / "noise.json").write_text(json.dumps(told))
    monkeypatch.setattr(findings, "RESULTS", tmp_path)
    findings.result.cache_clear()
    found = [claim.found() for claim in PAPERS[2].claims]
    findings.result.cache_clear()
    assert [each.verdict for each in found[:1] + found[2:5]] == ["as claimed", "as claimed", "against it", "against it"]
    assert "over 6 states; given the level's logarithm" in found[0].words
    assert found[5].verdict == "not run"


def test_a_verdict_needs_an_interval_that_leaves_0_out(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    from benchmarks.papers.findings import AGAINST, AS_CLAIMED, OPEN, Estimate, over

    assert Estimate(0.5, None).verdict(1) == OPEN
    assert Estimate(0.5, (-0.1, 1.1)).verdict(1) == OPEN
    assert Estimate(0.5, (0.1, 0.9)).verdict(1) == AS_CLAIMED
    assert Estimate(0.5, (0.1, 0.9)).verdict(-1) == AGAINST
    alone = Estimate(0.2, (0.1, 0.3))
    assert over([alone]) == alone
    assert over([]) is None
    of_three = over([Estimate(each, None) for each in (1.0, 2.0, 3.0)])  # 2 +- 4.3027 / sqrt(3)
    assert of_three.interval == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-4)
