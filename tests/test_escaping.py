"""Names come from others: what steers a terminal, turns text round or cannot be seen is shown as its escape."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from made_reports import noise_of, row
from made_reports import report as made

from geoscope.cli import exits
from geoscope.cli.app import main
from geoscope.comparisons.checks import check_report
from geoscope.comparisons.comparison import compare_reports
from geoscope.comparisons.limits import parse_bound, parse_limit
from geoscope.documents.rendering import fragment, in_lines, render
from geoscope.forms.output import FORMS, GATE_FORMS
from geoscope.report import Report
from geoscope.wording import printable

UNSEEN = "\x00\x07\x08\x0b\x1b\x7f\x85\x9b\xad\u061c\u115f\u180e\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066"
UNSEEN += "\u2069\u3164\ufeff\U000e0041\udc80"
NASTY = f"a{UNSEEN}<b>&\"'|`[x](y) é ж 中"


def of(name: str) -> Report:
    """A report in which whatever can have a name has this one."""
    rows = [
        row("two_nn", 2.0, noise=noise_of(1)).model_copy(update={"caution": name}),
        row("isoscore", None).model_copy(update={"reason": name}),
        row(name, 0.5),
    ]
    report = made(*rows, name=name, settings={name: name})
    corpus = report.sample.corpora[0].model_copy(update={"name": name})
    subject = report.subject.model_copy(update={"architecture": name})
    return report.model_copy(
        update={
            "subject": subject,
            "sample": report.sample.model_copy(update={"corpora": [corpus]}),
            "environment": {name: [name]},
        }
    )


def results(name: str) -> list[Any]:
    report = of(name)
    return [
        report,
        check_report(report, [parse_bound("two_nn>3"), parse_bound("isoscore>0")]),
        compare_reports(report, [of(f"{name}2")], limits=[parse_limit("two_nn:10%")]),
    ]


def unseen(text: str) -> set[str]:
    """The characters in a text that nobody sees, its line ends aside."""
    return {each for each in text if each in UNSEEN or unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {
        "\n"
    }


@pytest.mark.parametrize("form", [form for form in GATE_FORMS if form != "json"])
def test_no_form_passes_on_what_cannot_be_seen(form: str) -> None:
    told = [render(result, form) for result in results(NASTY) if form in FORMS or not isinstance(result, Report)]
    assert {each for text in told for each in unseen(text)} == set()
    assert any("\\x1b" in text for text in told)


def test_no_piece_that_a_prompt_or_a_notebook_shows_does() -> None:
    for result in results(NASTY):
        assert unseen(in_lines(result)) == set()
        assert unseen(fragment(result)) == set()


def test_json_escapes_them_its_own_way_and_keeps_them() -> None:
    for result in results(NASTY):
        text = result.to_json()
        assert unseen(text) == set()
        assert "\\u202e" in text
        assert "\\udb40\\udc41" in text
    whole = NASTY.replace("\udc80", "")  # half a character, which pydantic drops from keys
    assert Report.from_json(of(whole).to_json()) == of(whole)
    assert "é ж 中" in of(NASTY).to_json()


def test_a_line_end_in_a_name_is_no_line_end() -> None:
    for form in ("table", "markdown", "html"):
        plain, broken = (render(of(name), form) for name in ("onetwo", "one\ntwo"))
        assert len(plain.splitlines()) == len(broken.splitlines()), form
        assert "one\\ntwo" in broken.replace("\\\\", "\\"), form


def test_a_cell_of_csv_is_no_formula() -> None:
    for begins in ("=", "+", "-", "@", "\t=", "\r=", "＝"):
        report = of(f"{begins}1+1").model_copy(update={"measurements": [row("two_nn", -2.0, layer=1)]})
        cells = [cell for line in csv.reader(io.StringIO(render(report, "csv"))) for cell in line]
        assert "'" + printable(begins, kept="\t") + "1+1" in cells
        assert "-2.0" in cells, "a number stays one"
    odd = row("two_nn", 1.0)
    study = Report.from_json(made(odd).to_json().replace('"n": 1000,', '"n": 1000, "=cmd()": 3,', 1))
    assert render(study, "csv").partition("\n")[0].split(",")[-1] != "=cmd()"


def test_errors_and_warnings_show_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a\x1b[31m\u202e\u200b\x9b.npy", "two\nlines\tand\u2028more.json", "a\udc80.npy"):
        assert main(["measure", str(tmp_path / name)]) == 2
        told = capsys.readouterr().err
        assert unseen(told) == set()
        assert len(told.splitlines()) == 1
        assert printable(" ".join(name.split())) in told
    exits.say("warning: x\ufeff\ny")
    assert capsys.readouterr().err == "geoscope: warning: x\\ufeff y\n"


def test_what_people_write_is_left_as_it_is() -> None:
    for text in ("naïve é", "日本語 名前", "русский", "עברית", "हिन्दी", "a\\x1b", "¹½€", "🙂"):
        assert printable(text) == text
        assert json.loads(json.dumps(text)) == text
