"""`make gpu`, dry: every section runs on the CPU and on a device that is not there, and what fails is told."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from pretended_device import DEVICE, pretended

pytestmark = pytest.mark.filterwarnings("ignore")
SMALL = ("rates", "pairs", "sums", "quantizer", "whole_job", "extraction", "spectra", "cpu_job", "faiss_encoder")
"""The sections that take a moment each."""


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])


@pytest.fixture
def told(tmp_path):
    """What a section says, in this process: its findings' sentences, its notes and its end."""
    from benchmarks.gpu.settings import Run
    from benchmarks.gpu.worker import perform

    def of(name, device="cpu"):
        said = []
        perform(name, Run(device, True, str(tmp_path)), said.append)
        findings = [each["finding"]["what"] for each in said if "finding" in each]
        return findings, [each["note"] for each in said if "note" in each], said[-1]

    return of


def planned(*names, least=0.0, most=60.0):
    from benchmarks.gpu.sections import Planned

    return [Planned(name, name, least, most) for name in names]


def test_a_dry_run_runs_through_and_says_that_it_is_one(tmp_path, monkeypatch):
    """As it is called, in processes of its own, with all sections but the two that take seconds."""
    from benchmarks.gpu import __main__, running
    from benchmarks.gpu.sections import SECTIONS

    kept = tuple(each for each in SECTIONS if each.name in SMALL)
    whole = running.outcomes
    monkeypatch.setattr(running, "outcomes", lambda run, budget: whole(run, budget, kept))
    out = tmp_path / "page.md"
    assert __main__.main(["--dry-run", "--out", str(out)]) == 0
    page = out.read_text(encoding="utf-8")
    assert page.splitlines()[0] == "A dry run on cpu: its figures mean nothing."
    document = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert document["dry_run"]
    assert [section["name"] for section in document["sections"]] == list(SMALL)
    assert {section["ended"] for section in document["sections"]} == {"done"}
    for section in document["sections"]:
        assert f"## {section['title']}\n\n**Done** in" in page
        assert all(finding["what"] in page for finding in section["findings"])


@pytest.mark.parametrize("name", ["rates", "pairs", "sums", "extraction", "spectra"])
def test_a_section_runs_on_a_device_that_is_not_there(name, told):
    """But for those that train quantizers, which take minutes where every step is pretended."""
    with pretended() as traffic:
        _, _, ended = told(name, str(DEVICE))
    assert ended["ended"] == "done", ended["why"]
    assert traffic.there


def test_the_device_and_the_cpu_agree_on_every_measure(told):
    from benchmarks.gpu.sections.agreement import KEYS

    findings, _, ended = told("agreement")
    assert ended["ended"] == "done", ended["why"]
    assert {f"a cloud: {key}" for key in KEYS} < set(findings)
    assert {f"a made checkpoint: {key}" for key in KEYS} < set(findings)


def test_no_other_tests_are_run_than_those_that_need_the_device(told):
    _, notes, ended = told("cuda_tests")
    assert ended["ended"] == "done", ended["why"]
    assert "deselected" in notes[0]
    assert "passed" not in notes[0] or torch.cuda.is_available()


def test_what_takes_a_device_is_given_it(told, monkeypatch):
    """The quantizer and the eigenvalues, in whichever version takes one."""
    from benchmarks.gpu.sections import quantizer, spectra

    asked, own = [], {"quantize": quantizer.quantize, "eigenvalues": spectra.eigenvalues}

    def quantize(rows, settings, *, device="cpu"):
        asked.append(("quantize", device))
        return own["quantize"](rows, settings)

    def eigenvalues(matrix, *, device="cpu"):
        asked.append(("eigenvalues", device))
        return own["eigenvalues"](matrix)

    monkeypatch.setattr(quantizer, "quantize", quantize)
    monkeypatch.setattr(spectra, "eigenvalues", eigenvalues)
    with pretended():
        for name in ("quantizer", "spectra"):
            findings, _, ended = told(name, str(DEVICE))
            assert ended["ended"] == "done", ended["why"]
            assert any(finding.startswith("CPU / device, time") for finding in findings)
    assert {("quantize", str(DEVICE)), ("quantize", "cpu"), ("eigenvalues", str(DEVICE))} <= set(asked)


def test_faiss_is_timed_where_it_has_an_encoder(told, monkeypatch):
    from benchmarks.gpu.sections import faiss_encoder

    monkeypatch.setattr(faiss_encoder, "gpu_encoders", lambda: 1)
    findings, _, ended = told("faiss_encoder")
    assert ended["ended"] == "done", ended["why"]
    assert "FAISS on the CPU / with its GPU encoder, time" in findings


def test_a_gpu_is_named(monkeypatch):
    from benchmarks.gpu.sections import rates

    about = SimpleNamespace(name="Some GPU", total_memory=2**35, multi_processor_count=7, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: about)
    monkeypatch.setattr(rates.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout="580.1\n580.1\n"))
    assert rates._device("cuda").startswith("Some GPU, 32 GiB, 7 multiprocessors, compute capability 9.0, CUDA ")
    assert rates._device("cuda").endswith("driver 580.1")


def test_a_failure_keeps_what_was_found_and_stops_no_other(told, monkeypatch):
    from benchmarks.gpu.sections import extraction, spectra

    def broken(run):
        yield "a note"
        raise RuntimeError("out of luck.\nmore")

    monkeypatch.setattr(spectra, "run", broken)
    _, notes, ended = told("spectra")
    assert (notes, ended["ended"], ended["why"]) == (["a note"], "failed", "RuntimeError: out of luck")
    monkeypatch.setattr(extraction, "load_checkpoint", lambda *_, **__: 1 / 0)
    assert told("extraction")[2]["why"].startswith("ZeroDivisionError")


def test_failures_late_sections_and_an_empty_budget_are_told(tmp_path):
    """A section that is not there, then one that is; one that takes too long, then one for which nothing is left."""
    from benchmarks.gpu.page import page
    from benchmarks.gpu.running import outcomes
    from benchmarks.gpu.settings import Run

    run = Run("cpu", True, str(tmp_path))
    sections = [*planned("not_there", "spectra"), *planned("pairs", most=0.001), *planned("sums", least=1000)]
    found = list(outcomes(run, 100, sections))
    assert [each.ended for each in found] == ["failed", "done", "stopped", "left out"]
    assert found[0].why.startswith("ModuleNotFoundError")
    document = {
        "command": "python", "date": "today", "device": "cuda", "dry_run": False, "seconds": 100.0,
        "sections": [each.as_json() for each in found],
    }  # fmt: skip
    told = page(document)
    assert told.startswith("# On a GPU")
    assert "## not_there\n\n**Failed** after" in told
    assert "## pairs\n\n**Stopped** after" in told
    assert "## sums\n\n**Left out**: it may need 1000 s, of" in told


def test_the_page_that_is_kept_is_never_a_dry_runs(capsys):
    from benchmarks.gpu.__main__ import PAGE, main

    before = PAGE.read_bytes() if PAGE.exists() else None
    for arguments in (
        ["--dry-run"],
        ["--dry-run", "--out", str(PAGE.with_suffix(".txt"))],
        ["--device", "cpu"],
        ["--device", "nothing"],
    ):
        assert main(arguments) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 4
    assert (PAGE.read_bytes() if PAGE.exists() else None) == before


def test_what_is_missing_is_said_in_one_sentence(capsys, monkeypatch, tmp_path):
    from benchmarks.gpu import __main__

    monkeypatch.setattr(__main__, "find_spec", lambda name: None if name in ("faiss", "pydantic") else name)
    assert __main__.main(["--dry-run", "--out", str(tmp_path / "page.md")]) == 2
    assert "found no faiss-cpu, pydantic; install them" in capsys.readouterr().err


def test_time_is_told_to_the_part_that_takes_it():
    from benchmarks.gpu.phases import OTHER, QUANTIZER, Phases
    from geoscope.passes.quantizers import codebooks

    with Phases() as phases:
        time.sleep(0.1)
        codebooks.quantize(torch.randn(1500, 24).numpy(), codebooks.QuantizerSettings(bits=5))
    assert phases.seconds[OTHER] > 0.05
    assert phases.seconds[QUANTIZER] > 0
