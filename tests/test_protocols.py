"""Protocols set what they say, options that are given go first, and the report says which it was."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import geoscope
from geoscope.catalogue import select
from geoscope.cli import app as cli
from geoscope.cli.exits import ExitCode
from geoscope.errors import GeoscopeError
from geoscope.measuring import measure
from geoscope.protocols import PROTOCOLS, resolved
from geoscope.report import Report
from geoscope.settings.measuring import MeasureKeywords, Text
from geoscope.settings.option import completed, fields_of
from geoscope.subjects.texts.corpora import load_corpus
from geoscope.subjects.texts.words import Words, parse_words

LINES = """ no it was n't black monday
the <unk> company 's u.s. unit said N % of it
a b c d e
no it was n't black monday !
 = A Heading of Words =
"""


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text(LINES)
    return path


# Words


def test_words_are_a_count_vectorizers() -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    tokenize = CountVectorizer().build_tokenizer()
    for line in [*LINES.splitlines(), "naïve café_s 12 3 don't e.g. x-ray", ""]:
        expected = tokenize(line)
        assert Words(1, 99).lines([line]) == ((" ".join(expected),) if expected else ())


def test_lines_are_kept_by_their_number_of_words_each_once(lines: Path) -> None:
    plain = load_corpus(str(lines))
    assert len(plain.sequences) == 5
    filtered = load_corpus(str(lines), words=Words(4, 6))
    assert filtered.sequences == ("no it was black monday",)
    assert load_corpus(str(lines), words=Words(3, 7)).sequences == (
        "no it was black monday",
        "the unk company unit said of it",
        "Heading of Words",
    )
    assert filtered.fingerprint != plain.fingerprint


def test_words_leave_an_empty_corpus_with_its_reason(lines: Path) -> None:
    with pytest.raises(GeoscopeError, match="expected sequences in the corpus"):
        load_corpus(str(lines), words=Words(40, 49))


@pytest.mark.parametrize("text", ["4", "4-", "9-4", "0-3", "a-b", "4-49 words", "4-" + "9" * 5000])
def test_words_are_a_range(text: str) -> None:
    assert parse_words("4-49") == Words(4, 49)
    with pytest.raises(GeoscopeError, match="MIN-MAX"):
        parse_words(text)


# The table


def test_every_protocol_is_of_options_that_measure_has() -> None:
    known = inspect.signature(measure).parameters
    for name, protocol in PROTOCOLS.items():
        assert name == protocol.name
        assert set(protocol.options) <= set(known), name
        assert select(protocol.options["measures"])
        if "words" in protocol.options:
            parse_words(protocol.options["words"])
        assert re.search(r"arXiv \d{4}\.\d{5}", protocol.work)
        assert protocol.departs


def test_the_help_names_every_protocol() -> None:
    told = fields_of(Text)["protocol"].option.help
    assert all(name in told for name in PROTOCOLS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("marbut2024", {"words": "4-49", "sequences": 5000, "layers": "last", "pooling": "tokens", "points": None}),
        ("rudman2024", {"layers": "union", "isoscore_zeta": 0.0}),
        ("kudriashov2025", {"pooling": "cls", "layers": "last", "sequences": 64}),
        ("razzhigaev2023", {"layers": "all", "measures": ["anisotropy", "two_nn"]}),
        ("ethayarajh2019", {"layers": "all", "sequences": 1000, "measures": ["average_cosine_similarity"]}),
    ],
)
def test_protocols_say_what_the_works_did(name: str, expected: dict[str, Any]) -> None:
    found = resolved({"protocol": name})
    assert {key: found[key] for key in expected} == expected


def test_what_is_given_goes_first() -> None:
    found = resolved({"protocol": "marbut2024", "sequences": 5, "words": None})
    assert (found["sequences"], found["words"], found["layers"]) == (5, None, "last")
    assert resolved({"sequences": 5}) == {"sequences": 5}
    assert resolved({"sequences": 5, "protocol": None}) == {"sequences": 5, "protocol": None}
    with pytest.raises(GeoscopeError, match=r"expected --protocol to be one of marbut2024, .* got 'marbut'"):
        resolved({"protocol": "marbut"})


# In a report


def test_a_report_says_its_protocol_and_what_it_set(
    checkpoint_folder: Callable[[str], Path], corpus_file: Path
) -> None:
    folder, corpus = str(checkpoint_folder("bert")), [str(corpus_file)]
    report = measure(
        folder, protocol="marbut2024", corpora=corpus, max_length=60, measures=["isoscore"], errors=False, device="cpu"
    )
    assert report.settings["protocol"] == "marbut2024"
    assert report.settings["words"] == "4-49"
    lengths = [len(line.split()) for line in corpus_file.read_text().splitlines()]
    assert report.sample.sequences == sum(4 <= length <= 49 for length in lengths)  # no two lines are the same
    assert (report.sample.points, report.sample.pooling) == (report.sample.rows, "tokens")
    by_hand = measure(
        folder,
        corpora=corpus,
        words="4-49",
        points="all",
        max_length=60,
        measures=["isoscore"],
        errors=False,
        device="cpu",
    )
    assert by_hand.measurements == report.measurements
    assert by_hand.settings == {key: value for key, value in report.settings.items() if key != "protocol"}
    layers = measure(folder, protocol="ethayarajh2019", corpora=corpus, max_length=60, errors=False, device="cpu")
    assert [(row.layer, row.measure) for row in layers.measurements] == [
        (layer, "average_cosine_similarity") for layer in range(4)
    ]


def test_reports_without_a_protocol_do_not_mention_one() -> None:
    report = measure(np.random.default_rng(0).standard_normal((50, 4)), measures=["isoscore"], errors=False)
    assert not {"protocol", "words"} & set(report.settings)


def test_an_embeddings_file_has_no_lines(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.ones((4, 2)))
    with pytest.raises(GeoscopeError, match="--words only with a checkpoint"):
        measure(tmp_path / "rows.npy", words="4-49")


# On the command line


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `measure` is called with, after its protocol."""
    from test_cli import a_report

    seen: list[dict[str, Any]] = []

    def fake(subject: Any, **keywords: Any) -> Report:
        seen.append(completed(MeasureKeywords, resolved(keywords)))
        return a_report()

    module = SimpleNamespace(measure=fake)
    monkeypatch.setattr(geoscope, "measuring", module, raising=False)
    monkeypatch.setitem(__import__("sys").modules, "geoscope.measuring", module)
    return seen


def test_typed_options_win_even_where_they_are_the_defaults(calls: list[dict[str, Any]]) -> None:
    line = "measure some/model --protocol ethayarajh2019 --sequences 5000 --seed 3 -q --format json"
    result = CliRunner().invoke(cli.app, line.split())
    assert result.exit_code == 0
    (keywords,) = calls
    assert keywords["protocol"] == "ethayarajh2019"
    assert keywords["sequences"] == 5000  # typed, and the default: the protocol's is 1000
    assert keywords["layers"] == "all"
    assert keywords["measures"] == ["average_cosine_similarity"]
    assert (keywords["seed"], keywords["max_length"], keywords["pooling"]) == (3, None, "tokens")


def test_without_a_protocol_nothing_is_left_out(calls: list[dict[str, Any]]) -> None:
    assert CliRunner().invoke(cli.app, ["measure", "some/model", "-q", "--format", "json"]).exit_code == 0
    (keywords,) = calls
    assert (keywords["sequences"], keywords["layers"], keywords["measures"], keywords["words"]) == (
        5000,
        "last",
        None,
        None,
    )
    assert keywords.get("protocol") is None


def test_an_unknown_protocol_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["measure", "demo", "--protocol", "marbut", "-q"]) == ExitCode.MISTAKE
    assert "expected --protocol to be one of marbut2024" in capsys.readouterr().err


def test_compare_follows_a_protocol_too(
    checkpoint_folder: Callable[[str], Path], corpus_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(checkpoint_folder("bert"))
    line = f"compare {folder} {folder} --protocol razzhigaev2023 --corpus {corpus_file} --max-length 32 --no-config -q"
    assert cli.main([*line.split(), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["measure"] for row in told["differences"]} == set(select(["anisotropy", "two_nn"]))
    assert {row["layer"] for row in told["differences"]} == {0, 1, 2, 3}
