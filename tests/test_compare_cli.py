"""`compare` and `check` as commands: exit codes, streams, configuration, and what a CI job would do with them."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from made_reports import noise_of, report, row

import geoscope
from geoscope.cli import app as cli
from geoscope.cli.exits import ExitCode
from geoscope.errors import GeoscopeError
from geoscope.report import Report
from geoscope.settings.told import options_told

HEAVY = {"torch", "numpy", "transformers", "datasets", "faiss", "scipy", "sklearn", "pandas", "pyarrow", "numba"}


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("geoscope")
    start = [str(command)] if command.exists() else [sys.executable, "-m", "geoscope"]
    return subprocess.run([*start, *arguments], capture_output=True, text=True, timeout=120, **more)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a base, one the same, one that changed, one measured otherwise."""
    base = report(
        row("anisotropy", 0.3, noise=noise_of(1, 1e-4)), row("isoscore", 0.5, noise=noise_of(2, 1e-4)),
        row("two_nn", None),
    )  # fmt: skip
    changed = report(
        row("anisotropy", 0.3, noise=noise_of(3, 1e-4)), row("isoscore", 0.4, noise=noise_of(4, 1e-4)),
        row("two_nn", None), name="changed",
    )  # fmt: skip
    base.write(tmp_path / "base.json")
    changed.write(tmp_path / "changed.json")
    report(*base.measurements, sample={"pooling": "mean"}).write(tmp_path / "mean.json")
    old = json.loads(base.to_json()) | {"schema_version": "0"}
    (tmp_path / "old.json").write_text(json.dumps(old))
    (tmp_path / "broken.json").write_text('{"schema_version": ')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


# How they end


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("compare base.json base.json --format csv", 0, ""),
        ("compare base.json changed.json --format csv", 0, ""),  # a verdict alone fails nothing
        ("compare base.json changed.json base.json --fail-on isoscore:50% --format csv", 0, ""),
        (
            "compare base.json changed.json --fail-on isoscore:-10%",
            1,
            "limit failed: isoscore:-10% at layer 6 of changed",
        ),
        ("compare base.json base.json --fail-on two_nn:1", 1, "there is no change to hold: undefined in the base"),
        ("compare base.json changed.json --fail-on two_nn_mle:1", 2, "expected two_nn_mle in base's report"),
        ("compare base.json changed.json --fail-on isoscore@5:1", 2, "expected layer 5"),
        ("compare base.json changed.json --fail-on isoscore", 2, "expected a limit such as"),
        ("compare base.json changed.json --margin lots", 2, "expected --margin to be a share"),
        ("compare base.json changed.json --margin -5%", 2, "expected --margin to be a share"),
        ("compare base.json", 2, "expected CANDIDATE..., got nothing"),
        ("compare base.json none.json", 2, "No such file"),
        ("compare base.json broken.json", 2, "expected a report's JSON"),
        ("compare - -", 2, "at most one report on standard input"),
        ("compare base.json changed.json --format pdf", 2, "--format"),
        ("compare base.json changed.json -o page.pdf", 2, "expected -o to name a file"),
        ("compare base.json changed.json --fail-on isoscore:-10% -o no/such.json", 2, "a folder that exists"),
        ("compare base.json mean.json", 4, "differ in pooling (tokens and mean)"),
        ("compare base.json mean.json --fail-on isoscore:1", 4, "measure one of them again"),
        ("compare base.json old.json", 4, "schema version 1, got '0'"),
        ("check base.json anisotropy<0.5 isoscore@6>=0.1 --format csv", 0, ""),
        ("check base.json anisotropy<0.2 --format json", 1, "limit failed: anisotropy<0.2 at layer 6: it is 0.3000"),
        ("check base.json two_nn>5 --format json", 1, "it is undefined: all rows are equal"),
        ("check base.json two_nn_mle>5", 2, "expected two_nn_mle in base's report"),
        ("check base.json isoscore@5>0", 2, "expected layer 5"),
        ("check base.json anisotropy:0.5", 2, "expected a limit such as 'anisotropy<0.5'"),
        ("check base.json", 2, "expected a limit such as 'anisotropy<0.5', got none"),
        ("check broken.json anisotropy<1", 2, "expected a report's JSON"),
        ("check old.json anisotropy<1", 4, "schema version 1, got '0'"),
    ],
)
def test_how_each_line_ends(folder: Path, capfd: pytest.CaptureFixture[str], line: str, code: int, said: str) -> None:
    assert cli.main(line.split()) == code
    told = capfd.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err
    assert (told.out != "") is (code < 2)
    assert (told.err == "") is (code == 0)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("compare base.json base.json", 0),
        ("compare base.json changed.json --fail-on isoscore:-10%", 1),
        ("compare base.json none.json", 2),
        ("compare base.json mean.json", 4),
        ("check base.json isoscore>0.4", 0),
        ("check base.json isoscore>0.6", 1),
        ("check base.json nothing>0.6", 2),
        ("check old.json isoscore>0.6", 4),
    ],
)
def test_exit_codes_of_the_installed_command(folder: Path, line: str, code: int) -> None:
    assert run(*line.split()).returncode == code


def test_a_crash_never_looks_like_a_failed_limit(folder: Path) -> None:
    code = (
        "import sys, geoscope.documents.rendering as rendering; from geoscope.cli.app import main\n"
        "def fail(*_): raise AssertionError('oh no')\n"
        "rendering.render = fail; sys.exit(main())"
    )
    line = ["compare", "base.json", "changed.json", "--fail-on", "isoscore:-10%"]
    told = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, text=True, timeout=120)
    assert (told.returncode, told.stdout) == (ExitCode.UNFINISHED, "")
    assert "because of a bug" in told.stderr


def test_a_failed_limit_is_said_once(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    line = ["compare", "base.json", "changed.json", "--fail-on", "isoscore:-10%"]
    for more, said in (
        ([], True),
        (["--quiet"], False),
        (["--format", "table"], False),
        (["--format", "github"], False),
    ):
        assert cli.main([*line, *more]) == 1
        assert ("limit failed" in capfd.readouterr().err) is said


def test_strict_lets_noise_excuse_nothing(folder: Path) -> None:
    report(row("isoscore", 0.445, noise=noise_of(4, 0.01)), name="noisy").write("noisy.json")
    line = ["compare", "base.json", "noisy.json", "--fail-on", "isoscore:-10%", "-q", "-o", "out.json"]
    assert cli.main(line) == 0
    assert cli.main([*line, "--strict"]) == 1


def test_margin_is_a_share(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for margin, verdict in (("5%", "changed"), ("0.05", "changed"), ("30%", "same")):
        assert cli.main(["compare", "base.json", "changed.json", "--margin", margin]) == 0
        rows = json.loads(capfd.readouterr().out)["differences"]
        assert [row["verdict"] for row in rows] == ["same", verdict, "unknown"]


# Where limits come from


def test_limits_of_the_project_hold_unless_overridden(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "pyproject.toml").write_text('[tool.geoscope.limits]\nisoscore = "-10%"\nanisotropy = "+0.05"\n')
    line = ["compare", "base.json", "changed.json"]
    assert cli.main(line) == 1
    told = capfd.readouterr()
    assert json.loads(told.out)["settings"]["limits"] == ["isoscore:-10%", "anisotropy:+0.05"]
    assert f"geoscope: 2 limits from {folder / 'pyproject.toml'}\n" in told.err
    assert cli.main([*line, "--no-config"]) == 0
    assert json.loads(capfd.readouterr().out)["limits"] == []
    assert cli.main([*line, "--fail-on", "isoscore:-30%"]) == 0
    assert json.loads(capfd.readouterr().out)["settings"]["limits"] == ["anisotropy:+0.05", "isoscore:-30%"]
    (folder / "pyproject.toml").write_text('[tool.geoscope.limits]\nisoscor = "-10%"\n')
    assert cli.main(line) == 2
    assert "did you mean isoscore?" in capfd.readouterr().err
    assert cli.main([*line, "--no-config"]) == 0


# Forms and streams


@pytest.mark.parametrize(
    ("name", "start"),
    [("c.json", "{"), ("c.csv", "layer,"), ("c.md", "### geoscope: changed"), ("c.txt", "changed against base\n"),
     ("c.xml", "<?xml")],
)  # fmt: skip
def test_the_suffix_sets_the_form(folder: Path, name: str, start: str) -> None:
    assert cli.main(["compare", "base.json", "changed.json", "-o", name]) == 0
    assert (folder / name).read_text().startswith(start)
    assert cli.main(["check", "base.json", "isoscore>0", "-o", name]) == 0


def test_a_report_comes_through_standard_input_and_pipes(folder: Path) -> None:
    text = (folder / "changed.json").read_text()
    told = run("compare", "base.json", "-", "--fail-on", "isoscore:-10%", input=text)
    assert told.returncode == 1
    assert run("check", "-", "isoscore<0.45", input=text).returncode == 0
    line = f"{sys.executable} -m geoscope compare <(cat base.json) <(cat changed.json)"
    told = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
    assert told.returncode == 0
    assert json.loads(told.stdout)["candidates"][0]["name"] == "changed"


def test_the_summary_is_appended_when_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    line = ["compare", "base.json", "changed.json", "--fail-on", "isoscore:-10%", "-q"]
    assert cli.main([*line, "--step-summary"]) == 1  # no job, and no reason to stop
    summary = folder / "summary.md"
    summary.write_text("# before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert cli.main(line) == 1
    assert summary.read_text() == "# before\n"
    capfd.readouterr()
    assert cli.main([*line, "--format", "github"]) == 1
    assert capfd.readouterr().out.startswith("::error title=")
    assert summary.read_text().startswith("# before\n### geoscope: changed against base\n")
    assert cli.main([*line, "--step-summary", "--format", "csv"]) == 1
    assert summary.read_text().count("### geoscope") == 2


def test_a_pipeline_in_a_job(folder: Path) -> None:
    """What a CI job's steps run: hold the candidate to limits, keep results for the job, and act on the exit code."""
    script = """
    set -u
    geoscope() { "$PYTHON" -m geoscope "$@"; }
    geoscope check changed.json 'anisotropy<0.5' 'isoscore>0.1' -o check.xml || exit 10
    geoscope compare base.json changed.json --fail-on 'isoscore:-10%' --format junit -o results.xml
    test $? -eq 1 || exit 11
    geoscope compare base.json changed.json --fail-on 'isoscore:-10%' --format github > annotations.txt
    test $? -eq 1 || exit 12
    geoscope compare base.json changed.json -q | "$PYTHON" -c '
import json, sys
for row in json.load(sys.stdin)["differences"]:
    if row["verdict"] == "changed":
        print(row["layer"], row["measure"], round(row["difference"], 3))
' > changed.txt || exit 13
    set -o pipefail
    geoscope compare base.json mean.json | cat
    test $? -eq 4 || exit 14
    """
    environment = os.environ | {"PYTHON": sys.executable, "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, env=environment)
    assert told.returncode == 0, told.stderr
    assert ElementTree.parse(folder / "check.xml").getroot().get("failures") == "0"
    assert ElementTree.parse(folder / "results.xml").getroot().get("failures") == "1"
    assert (
        (folder / "annotations.txt").read_text().startswith("::error title=geoscope%3A limit failed::isoscore:-10%25")
    )
    assert (folder / "changed.txt").read_text() == "6 isoscore -0.1\n"
    assert "1 of 1 limits failed" in (folder / "summary.md").read_text()


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_jq_lines_of_the_docs_work(folder: Path) -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "ci.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if "jq " in line and ".json" in line]
    assert len(lines) == 3
    for line in lines:
        script = line.replace("baseline.json", "base.json").replace("candidate.json", "changed.json")
        script = script.replace("geoscope compare", f"{sys.executable} -m geoscope compare")
        told = subprocess.run(["bash", "-c", f"set -o pipefail; {script}"], capture_output=True, text=True, timeout=120)
        assert told.returncode == 0, told.stderr
        assert "isoscore" in told.stdout or '"value"' in told.stdout


GATES = ("compare base.json changed.json", "check base.json isoscore>0")
FORMS = ("table", "json", "csv", "markdown")


@pytest.mark.parametrize(
    ("line", "form"),
    [
        *((line, form) for line in GATES for form in (*FORMS, "junit", "github")),
        *((line, form) for line in ("show base.json", "show base.json changed.json") for form in FORMS),
    ],
)
def test_reports_are_compared_and_shown_at_once_without_anything_heavy(folder: Path, line: str, form: str) -> None:
    code = (
        "import sys; from geoscope.cli.app import main; code = main();"
        "sys.stderr.write(' '.join(sys.modules)); sys.exit(code)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(
        [sys.executable, "-c", code, *line.split(), "--format", form], capture_output=True, text=True, timeout=120
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert told.returncode == 0
    assert HEAVY & set(told.stderr.split()) == set()
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


# Subjects that have to be measured first


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    """Put a report in the place of every measurement; returns the calls."""
    calls: list[tuple[Any, dict[str, Any]]] = []

    def measure(subject: Any, **keywords: Any) -> Report:
        keywords.pop("progress", None)
        calls.append((subject, keywords))
        return report(row("isoscore", 0.5, noise=noise_of(2, 1e-4)), name=str(subject))

    fake = SimpleNamespace(measure=measure)
    monkeypatch.setattr(geoscope, "measuring", fake, raising=False)
    monkeypatch.setitem(sys.modules, "geoscope.measuring", fake)
    return calls


OF_BASE = {
    "corpora": ["sample"], "sequences": 100, "max_length": 128, "points": 10000, "layers": "last",
    "pooling": "tokens", "tokens": "all", "seed": 0, "isoscore_zeta": 0.0, "quantizer": "lsq",
    "codebooks": 4, "bits": 8,
}  # fmt: skip


def test_a_candidate_is_measured_as_the_base_was(folder: Path, measured: list[tuple[Any, dict[str, Any]]]) -> None:
    assert cli.main(["compare", "base.json", "some/model", "-q"]) == 0
    keys = ["anisotropy", "isoscore", "two_nn"]
    assert measured == [("some/model", OF_BASE | {"measures": keys})]


def test_what_is_typed_goes_first(folder: Path, measured: list[tuple[Any, dict[str, Any]]]) -> None:
    line = "compare some/model base.json --seed 0 --points all --measures isoscore --device cpu --no-errors -q"
    assert cli.main(line.split()) == 0
    ((subject, keywords),) = measured
    assert subject == "some/model"
    typed = {"points": None, "measures": ["isoscore"], "device": "cpu", "errors": False}
    assert keywords == OF_BASE | typed


def test_two_models_see_the_same_sample(folder: Path, measured: list[tuple[Any, dict[str, Any]]]) -> None:
    assert cli.main(["compare", "demo", "some/model", "--sequences", "50", "--measures", "isoscore", "-q"]) == 0
    (first, second) = measured
    assert first == ("demo", {"sequences": 50, "measures": ["isoscore"]})
    assert second == ("some/model", OF_BASE | {"sequences": 50, "measures": ["isoscore"]})


def test_embeddings_are_not_drawn_again(folder: Path, measured: list[tuple[Any, dict[str, Any]]]) -> None:
    (folder / "kept").mkdir()
    (folder / "kept" / "embeddings.json").write_text("{}")
    np.save(folder / "rows.npy", np.eye(4))
    for subject in ("rows.npy", "kept"):
        cli.main(["compare", "base.json", subject, "-q"])
        name, keywords = measured.pop()
        assert name == subject
        assert not {"corpora", "sequences", "max_length", "pooling", "split"} & set(keywords)


def test_reports_are_read_before_anything_is_measured(folder: Path, measured: list[tuple[Any, dict[str, Any]]]) -> None:
    assert cli.main(["compare", "some/model", "broken.json", "-q"]) == 2
    assert measured == []


def test_aligning_needs_what_can_be_measured_again(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    report(row("isoscore", 0.5, n=500), sample={"rows": 500, "points": 500}, name="short").write("short.json")
    assert cli.main(["compare", "base.json", "short.json", "--align"]) == 2
    told = capfd.readouterr().err
    assert "got the report of base with 1,000 rows" in told
    assert "where another has 500 rows" in told
    assert cli.main(["compare", "base.json", "changed.json", "--align"]) == 0  # nothing to align


# What a report tells of its sample


def drawn(*shares: int, **more: Any) -> Report:
    names = ("ptb", "wikitext2", "sample")
    corpora = [{"name": names[i], "fingerprint": "sha256:x", "sequences": share} for i, share in enumerate(shares)]
    return report(row("isoscore", 0.5), sample={"corpora": corpora} | more)


@pytest.mark.parametrize(
    ("shares", "asked"),
    [((100,), 100), ((50, 50), 100), ((34, 33, 33), 100), ((10, 50), 100), ((10, 2500, 2500), 7500)],
)
def test_the_sequences_asked_for_are_found_from_the_shares(shares: tuple[int, ...], asked: int) -> None:
    found = options_told(drawn(*shares), {}, text=True)
    assert found["sequences"] == asked
    assert found["corpora"] == ["ptb", "wikitext2", "sample"][: len(shares)]


def test_the_points_asked_for_are_found_where_they_can_be() -> None:
    for rows, points, asked in ((50_000, 2000, 2000), (8000, 8000, 10_000), (50_000, 50_000, 50_000)):
        assert options_told(drawn(100, rows=rows, points=points), {}, text=True)["points"] == asked


def test_what_a_report_does_not_tell_has_to_be_typed() -> None:
    own = report(row("isoscore", 0.5), sample={"corpora": [{"name": "mine", "sequences": 5}]})
    with pytest.raises(GeoscopeError, match="expected --corpus with the text"):
        options_told(own, {}, text=True)
    assert options_told(own, {"corpora": ["mine.txt"]}, text=True)["corpora"] == ["mine.txt"]
    with pytest.raises(GeoscopeError, match="names no corpus"):
        options_told(report(row("isoscore", 0.5), sample={"corpora": []}), {}, text=True)
    shrunk = report(row("isoscore", 0.5), settings={"isoscore_reference": "sha256:r"})
    with pytest.raises(GeoscopeError, match="expected --isoscore-reference"):
        options_told(shrunk, {}, text=True)
    assert options_told(shrunk, {"isoscore_reference": "r.npy"}, text=True)["isoscore_reference"] == "r.npy"


# Measured for real


def test_arrays_are_aligned_at_the_common_number_of_rows() -> None:
    generator = np.random.default_rng(0)
    few, many = generator.normal(size=(200, 8)), generator.normal(size=(260, 8))
    keys = ["isoscore", "average_cosine_similarity", "two_nn"]
    apart = geoscope.compare(few, many, measures=keys)
    assert {row.measure: row.difference is None for row in apart.differences} == {
        "isoscore": True, "average_cosine_similarity": False, "two_nn": True,
    }  # fmt: skip
    aligned = geoscope.compare(few, many, measures=keys, align=True)
    assert [(row.base_n, row.candidate_n) for row in aligned.differences] == [(200, 200)] * 3
    assert all(row.difference is not None for row in aligned.differences)
    assert aligned.candidates[0]["name"] == apart.candidates[0]["name"]
    assert aligned.candidates[0]["fingerprint"] == apart.candidates[0]["fingerprint"]


@pytest.mark.parametrize("layers", ["union", "0,-1"])
def test_models_of_other_tokenizers_are_aligned_and_paired(
    checkpoint_folder: Callable[[str], Path], corpus_file: Path, layers: str
) -> None:
    options: dict[str, Any] = {
        "corpora": [str(corpus_file)], "sequences": 40, "max_length": 32, "layers": layers,
        "measures": ["isoscore", "two_nn", "average_cosine_similarity"], "device": "cpu",
    }  # fmt: skip
    bert, gpt2 = checkpoint_folder("bert"), checkpoint_folder("gpt2")
    apart = geoscope.compare(gpt2, bert, **options)
    assert apart.differences[0].base_n < apart.differences[0].candidate_n / 1.05
    assert {row.difference is None for row in apart.differences if row.measure == "isoscore"} == {True}
    aligned = geoscope.compare(gpt2, bert, align=True, **options)
    streamed = [row for row in aligned.differences if row.measure != "two_nn"]
    assert {(row.base_n, row.candidate_n) for row in streamed} == {(streamed[0].base_n, streamed[0].base_n)}
    assert all(row.paired for row in streamed if row.standard_error is not None)
    assert aligned.candidates[0] == apart.candidates[0]
