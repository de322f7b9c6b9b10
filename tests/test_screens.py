"""What people see first: findings that agree with the numbers, nulls by their kind, tables that fit where they stand.

Snapshots are in `snapshots/`; `UPDATE_SNAPSHOTS=1` writes them anew.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_reports import layered, noise_of, row
from made_reports import report as made

from geoscope import measure
from geoscope.catalogue import KEYS, ONE_NUMBER, TRAITS
from geoscope.cli.app import main
from geoscope.comparisons.checks import check_report
from geoscope.comparisons.comparison import compare_reports
from geoscope.comparisons.limits import parse_bound, parse_limit
from geoscope.document import MOST_LEADING
from geoscope.documents.findings import findings_of
from geoscope.documents.rendering import document_of, render
from geoscope.forms.laying_out import bars
from geoscope.forms.output import Page
from geoscope.report import Report, json_schema
from geoscope.statistics import benjamini_hochberg
from geoscope.wording import cells_wide, rounded

_SNAPSHOTS = Path(__file__).with_name("snapshots")
LAYERS = (1, 7, 33)
WIDTHS = (80, 100, 120)
OF_BARS = (
    "A bar a layer, from its row's lowest value to the highest; (6): of layer 6. "
    "Every number: --all-measures; standard errors and nulls: --format json or csv."
)
PATH = "/somewhere/that/is/long/enough/to/need/a/line/of/its/own/checkpoints/checkpoint-500"


@cache
def kinds() -> Mapping[str, Any]:
    """Results of many layers and of long names, by what they are."""
    many = layered(33)
    study = [
        row(key, 1.0 + level + seed / 3, layer=6, noise_level=level, noise_seed=seed, noise=noise_of(seed))
        for key in ("isoscore", "participation_ratio_corrected", "average_cosine_similarity")
        for level in (0.0, 0.5, 20.0)
        for seed in (0, 1, 2)
    ]
    return {
        "report": [many],
        "reports": [layered(7), layered(7, PATH)],
        "study": [made(*study)],
        "comparison": compare_reports(layered(7), [layered(7, PATH, 0.02)], limits=[parse_limit("two_nn:1%")]),
        "check": check_report(layered(7, PATH), [parse_bound("two_nn>1e9"), parse_bound("isoscore_star>0")]),
    }


@cache
def words_of(kind: str) -> set[str]:
    """Every word of a result where nothing has to be broken."""
    wide = [drawn(kinds()[kind], 1000), *(drawn(kinds()[kind], None, all_measures=every) for every in (False, True))]
    return {word for text in wide for word in text.split()}


def drawn(result: Any, width: int | None, **more: Any) -> str:
    return render(result, "table", Page(width, **more))


@cache
def several(count: int, layers: int) -> list[Report]:
    """So many reports."""
    return [
        layered(layers, name, place / 50) for place, name in enumerate(("model", "other", "third", "fourth")[:count])
    ]


@cache
def compared(layers: int) -> Any:
    """Two reports of some measures, half of which changed."""
    keys = ("anisotropy", "isoscore_star", "effective_rank", "persistent_entropy", "two_nn")
    both = []
    for name, shift in (("model", 0.0), ("other", 0.02)):
        report = layered(layers, name, shift)
        rows = [each for each in report.measurements if each.measure in keys]
        both.append(report.model_copy(update={"measurements": rows}))
    return compare_reports(both[0], both[1:])


# Snapshots


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("kind", ["report", "2-reports", "4-reports", "comparison"])
def test_terminal_output_is_what_it_was(kind: str, layers: int, width: int) -> None:
    count = {"report": 1, "2-reports": 2, "4-reports": 4}.get(kind, 0)
    text = drawn(several(count, layers) if count else compared(layers), width)
    path = _SNAPSHOTS / f"{kind}-{layers}-layers-{width}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


# Tables that fit


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("kind", list(kinds()))
def test_no_number_and_no_word_is_broken(kind: str, width: int) -> None:
    result = kinds()[kind]
    for every in (False, True)[: 1 + (width == 80)]:
        text = drawn(result, width, all_measures=every)
        pieces = words_of(kind) | {"lowest", "highest", "layers", "levels", "standard", "error", *OF_BARS.split()}
        bare = {word for word in text.split() if not re.fullmatch(r"[─▁-█·]+|\(\S+\)|…\S+|-?[\d.]+(e[+-]\d+)?", word)}
        assert not bare - pieces - {"-"}
        numbers = {word for word in text.split() if re.fullmatch(r"-?[\d.]+(e[+-]\d+)?", word)}
        assert not {number for number in numbers if number.endswith((".", "e", "-"))} - pieces
        wide_lines = [line for line in text.splitlines() if len(line) > width]
        assert all(len(line.split()) <= 2 for line in wide_lines), wide_lines  # a path, to be copied whole


def test_layers_that_do_not_fit_are_a_line_with_its_ends() -> None:
    text = drawn([layered(33)], 80)
    line = next(line for line in text.splitlines() if line.startswith("  average_cosine_similarity "))
    _, drawing, lowest, at, highest, where = line.split()
    assert set(drawing) <= set("▁▂▃▄▅▆▇█")
    assert (lowest, highest, where) == ("0.1000", "0.6000", "(16)")
    assert at in ("(0)", "(32)")
    assert "layers 0 to 32" in text
    whole = drawn([layered(33)], 80, all_measures=True)
    assert "▁" not in whole


@pytest.mark.parametrize("width", [*WIDTHS, None])
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_measures_are_named_whole_and_every_number_is_shown_if_asked_for(
    count: int, layers: int, width: int | None
) -> None:
    reports = several(count, layers)
    rows = [each for report in reports for each in report.measurements]
    for every in (False, True):
        text = drawn(reports, width, all_measures=every)
        words = Counter(text.split())
        assert not [word for word in words if word.endswith("_")]
        named = {each.measure for each in rows} - (set() if every else set(ONE_NUMBER[1:]))
        assert not named - words.keys()
        assert width is None or max(map(len, text.splitlines())) <= width
    assert not Counter(rounded(each.value) for each in rows if each.value is not None) - words


def test_many_levels_of_a_study_are_rows_with_their_names_where_there_is_no_width() -> None:
    text = drawn(kinds()["study"], None)
    assert re.search(r"^0\.5, seed 1 +1\.833$", text, flags=re.MULTILINE)


def test_pages_and_markdown_say_how_their_columns_are_read() -> None:
    for form in ("html", "markdown"):
        text = render([layered(7)], form)
        assert "standard error: over sequences." in text
        assert "null: what as many Gaussian points give" in text
    assert "standard error: over" not in drawn([layered(7)], 80)  # which has no such column


def test_rows_of_no_layer_stand_beside_layers() -> None:
    rows = [each.model_copy(update={"layer": None}) for each in layered(1).measurements]
    both = [layered(1, "rows.npy").model_copy(update={"measurements": rows}), layered(7)]
    assert re.search(r"^subject +no layer +layer 0 ", drawn(both, 120), flags=re.MULTILINE)
    narrow = drawn(both, 80)
    assert re.search(r"^  rows.npy +▅·{7} +0.02500 \(none\)", narrow, flags=re.MULTILINE)
    assert re.search(r"^  model +·[▁-█]{7} ", narrow, flags=re.MULTILINE)


def test_wide_letters_take_their_room() -> None:
    text = drawn([layered(1, "日本語"), layered(1, "short")], 100)
    heads = next(line for line in text.splitlines() if line.startswith("measure"))
    line = next(line for line in text.splitlines() if line.startswith("  isoscore_star"))
    assert cells_wide("日本語e\N{COMBINING ACUTE ACCENT}") == 7
    assert cells_wide(heads) == len(line)


@pytest.mark.parametrize(
    ("values", "most", "shown"),
    [
        ([0.0, 1.0], 2, "▁█"),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 8, "▁▂▃▄▅▆▇█"),
        ([1.0, None, 2.0], 3, "▁·█"),
        ([2.0, 2.0], 2, "▅▅"),
        ([0.0, 0.0, 8.0, 8.0], 2, "▁█"),
        ([None, None], 2, ""),
    ],
)
def test_bars_go_from_the_lowest_to_the_highest(values: list[float | None], most: int, shown: str) -> None:
    assert bars(values, most) == shown


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from geoscope.forms import output

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.page_of().color
    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.page_of().color
    assert "\x1b" not in render([layered(7)], "table", output.page_of())
    assert output.page_of(str(tmp_path / "x.txt")).width is None


# Said first


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_screen_opens_with_a_few_findings(kind: str) -> None:
    result = kinds()[kind]
    opening = document_of(result).opening
    assert 1 <= len(opening) <= MOST_LEADING
    text, page, markdown = (render(result, form) for form in ("table", "html", "markdown"))
    flat = " ".join(text.split())
    for finding in opening:
        said = re.sub(r"\s+", " ", finding.text.replace("`", ""))
        assert flat.index(said) < flat.index("─")
        assert page.index('<ul class="findings">') < page.index("<table")
    assert markdown.index("\n- ") < markdown.index("\n| ")


def test_the_narrowest_and_the_most_aligned_layer_are_named() -> None:
    rows = [
        row("participation_ratio_corrected", width, layer=layer, noise=noise_of(layer, 0.1))
        for layer, width in enumerate((40.0, 20.0, 30.0))
    ]
    turned = [row("average_cosine_similarity", value, layer=layer) for layer, value in enumerate((0.1, 0.2, 0.9))]
    told = [each.text for each in findings_of([made(*rows, *turned)]) if each.lead]
    assert told[:2] == [
        "Layer 1 is the narrowest: 20 dimensions; mean cosine 0.20",
        "Layer 2 is the most aligned: 30 dimensions; mean cosine 0.90",
    ]
    wide = [row("participation_ratio", 20.0 + layer, layer=layer, noise=noise_of(layer, 5.0)) for layer in (0, 1)]
    assert findings_of([made(*wide)])[0].text == "Layer 0 is the narrowest: 20 dimensions (layer 1 may be as narrow)"


def test_a_study_says_how_far_it_went() -> None:
    rows = [
        row("average_cosine_similarity", value, layer=6, noise_level=level, noise_seed=seed)
        for level, values in ((0.0, (0.06,)), (20.0, (0.84, 0.86)))
        for seed, value in enumerate(values)
    ]
    assert findings_of([made(*rows)])[0].text == "Layer 6, noise level 0 to 20: mean cosine 0.06 to 0.85"


# Nulls by their kind


def test_nulls_are_told_by_what_points_they_are_of() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 8)) @ np.diag(np.linspace(1, 2, 8))
    report = measure(rows, measures=["anisotropy", "two_nn"])
    assert [(each.measure, each.null_kind) for each in report.measurements if each.null is not None] == [
        ("anisotropy", "isotropic"), ("anisotropy_uncentered", "isotropic"),
        ("average_cosine_similarity", "isotropic"), ("two_nn", "matched"), ("mean_energy_share", "isotropic"),
    ]  # fmt: skip
    assert all(
        ("null_kind" in each) == (each["null"] is not None) for each in json.loads(report.to_json())["measurements"]
    )
    assert Report.from_json(report.to_json()) == report
    part = json_schema()["$defs"]["Measurement"]
    assert "null_kind" in part["properties"]
    assert "null_kind" not in part["required"]
    for form in ("table", "markdown", "html"):
        text = render([report], form)
        assert "isotropic" in text
        assert "own covariance" in text
    assert "null_kind" not in render([report], "csv")
    assert "null_kind" not in measure(rows, measures=["two_nn"], null="none").to_json()


def test_the_catalogue_says_of_each_null_what_it_is_of() -> None:
    for key in KEYS:
        kind = "Gaussian with the rows' own " if TRAITS[key].null_kind == "matched" else "isotropic Gaussian"
        assert TRAITS[key].null.startswith(kind)
    for key in ("same_sequence_neighbours", "two_nn_across", "two_nn"):
        assert "below it" in TRAITS[key].null


def test_what_is_like_a_null_is_told_by_the_kind_of_null() -> None:
    like = {"standard_error": 1.0, "null": 2.0}
    rows = [row("two_nn", 2.0, **like), row("isoscore", 2.0, **like, null_kind="isotropic")]
    told = [each.text for each in findings_of([made(*rows)])]
    assert "Not told apart from isotropic Gaussian points: isoscore (layer 6)" in told
    assert (
        "Not told apart from Gaussian points of the same covariance, however narrow that is: two_nn (layer 6)" in told
    )


@pytest.mark.parametrize(
    ("rows", "said", "unsaid"),
    [
        ([row("two_nn", 4.0)], "", "warning sign|differs from its null|not told apart"),
        ([row("two_nn", 4.0, noise=noise_of(1), null=9.0)], "differs from its null", "warning sign"),
        ([row("top_dimension_energy", 0.1)], r"20 % \(top_dimension_energy\)", "first_position|differs"),
        ([row("top_dimension_energy", 0.3)], "hold 30 %", "No warning sign"),
    ],
)
def test_nothing_is_claimed_of_what_was_not_measured(rows: list[Any], said: str, unsaid: str) -> None:
    told = " ".join(each.text for each in findings_of([made(*rows)]))
    assert re.search(said, told)
    assert not re.search(unsaid, told)


# One number, one row


def test_rows_that_are_one_number_are_folded_on_screens_and_nowhere_else() -> None:
    report = layered(7)
    for result in ([report], compare_reports(report, [layered(7, "other", 0.2)])):
        for form in ("table", "markdown", "html"):
            short, whole = (render(result, form, Page(all_measures=every)) for every in (False, True))
            head, tail = {"table": ("  ", " "), "markdown": ("| ", " |"), "html": ("<h3>", "</h3>")}[form]
            assert f"{head}participation_ratio_corrected{tail}" in short
            assert f"{head}participation_ratio{tail}" not in short
            assert f"{head}participation_ratio{tail}" in whole
            assert "--all-measures" in short
            assert "--all-measures" not in whole
        csv = render(result, "csv")
        assert all(csv.count(f",{key},") == 7 for key in ONE_NUMBER)


@pytest.mark.parametrize("change", ["another number", "a zeta", "not all of them", "no width"])
def test_rows_that_are_not_one_number_are_not_folded(change: str) -> None:
    report = layered(2)
    rows = report.measurements
    if change == "another number":
        rows = [each.model_copy(update={"value": each.value * 1.001}) if (each.measure, each.layer) == ("isoscore", 1)
                else each for each in rows if each.value is not None]  # fmt: skip
    if change == "not all of them":
        rows = [each for each in rows if each.measure != "isoscore_star"]
    update: dict[str, Any] = {"measurements": rows}
    if change == "a zeta":
        update["settings"] = report.settings | {"isoscore_zeta": 0.5}
    if change == "no width":
        update["subject"] = report.subject.model_copy(update={"hidden_size": None})
    assert "  participation_ratio " in drawn([report.model_copy(update=update)], None)
    assert "  participation_ratio " not in drawn([report], None)


def test_one_number_counts_once_in_a_family_of_tests() -> None:
    keys = (*ONE_NUMBER, "anisotropy", "two_nn")
    both = []
    for name, shift in (("model", 0.0), ("other", 0.0001)):
        report = layered(2, name, shift)
        both.append(report.model_copy(update={"measurements": [r for r in report.measurements if r.measure in keys]}))
    rows = compare_reports(both[0], both[1:]).differences
    alone = [r for r in rows if r.measure not in ONE_NUMBER[1:]]
    wanted = benjamini_hochberg([r.p for r in alone])
    assert [r.p_adjusted for r in alone] == wanted
    of_one = {(r.layer, r.measure): r.p_adjusted for r in rows}
    assert all(of_one[r.layer, key] == of_one[r.layer, ONE_NUMBER[0]] for r in rows for key in ONE_NUMBER)
    assert wanted != benjamini_hochberg([r.p for r in rows])[: len(wanted)]


def test_all_measures_is_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    layered(2).write(path)
    found = []
    for more in ([], ["--all-measures"]):
        assert main(["compare", str(path), str(path), "--format", "markdown", *more]) == 0
        found.append(capsys.readouterr().out)
    assert ["| isoscore |" in text for text in found] == [False, True]


# Names and counts


def test_a_path_is_below_the_title_and_rows_left_out_take_one_line() -> None:
    dropped = [{"layer": layer, "duplicates": 20, "zero_rows": 0} for layer in range(5)]
    report = made(row("first_position_energy", 0.9), name=PATH, sample={"dropped": dropped})
    assert drawn([report], 80).splitlines()[:2] == ["checkpoint-500", PATH]
    page = render([report], "html")
    assert "<h1>checkpoint-500</h1>" in page
    assert f'<p class="facts">{PATH}</p>' in page
    assert page.count("are left out by the measures that cannot use them") == 1
    assert "20 duplicates in layers 0 to 4 are left out" in page
    assert "<code>--tokens no-first</code>" in page
    assert "`" not in page
    assert "`" not in drawn([report], 80)
    assert "`--tokens no-first`" in render([report], "markdown")
    some = [*dropped[:2], {"layer": 3, "duplicates": 7, "zero_rows": 1}]
    told = [each.text for each in findings_of([made(row("two_nn", 4.0), sample={"dropped": some})])]
    assert told[-1].startswith("20 duplicates in layers 0, 1; 7 duplicates and 1 rows of length zero in layer 3 are")


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["org/model"], ["org/model"]),
        (["/a/b/model/"], ["model"]),
        (["./model"], ["model"]),
        (["a/b/c", "a/d/e"], ["c", "e"]),
        (["/a/model", "/b/model"], ["/a/model", "/b/model"]),
        (["demo", "demo"], ["demo", "demo"]),
        (["."], ["."]),
    ],
)
def test_names_are_short_where_they_stay_apart(names: list[str], short: list[str]) -> None:
    from geoscope.wording import short_names

    assert short_names(names) == short


# Subjects of one name


@pytest.mark.parametrize(
    ("subjects", "samples", "called"),
    [
        ([{"revision": "0123456789"}, {"revision": "abcdef0123"}], [{}, {}],
         ["demo (revision 0123456)", "demo (revision abcdef0)"]),
        ([{"fingerprint": "sha256:1111111111"}, {"fingerprint": "sha256:2222222222"}], [{}, {}],
         ["demo (fingerprint 1111111)", "demo (fingerprint 2222222)"]),
        ([{}, {}], [{"pooling": "mean"}, {"pooling": "last"}], ["demo (pooling mean)", "demo (pooling last)"]),
        ([{}, {}], [{}, {}], ["demo (1)", "demo (2)"]),
        ([{}, {"name": "other"}], [{}, {}], ["demo", "other"]),
    ],
)  # fmt: skip
def test_reports_of_one_name_are_told_apart(
    subjects: list[dict[str, Any]], samples: list[dict[str, Any]], called: list[str]
) -> None:
    reports = []
    for subject, sample in zip(subjects, samples, strict=True):
        report = made(row("two_nn", 4.0), name="demo", sample=sample)
        reports.append(report.model_copy(update={"subject": report.subject.model_copy(update=subject)}))
    assert drawn(reports, 100).startswith(f"2 reports: {', '.join(called)}\n")
    candidate, base = called if "(1)" not in called[0] else ("demo (candidate)", "demo (base)")
    if not any(samples):
        title, *facts = drawn(compare_reports(reports[1], reports[:1]), 100).splitlines()[:3]
        assert title == f"{candidate} against {base}"
        assert facts == [
            f"base: {base.removesuffix(' (base)')}",
            f"candidate: {candidate.removesuffix(' (candidate)')}",
        ]


def test_settings_tell_reports_of_one_name_apart() -> None:
    reports = [made(row("two_nn", 4.0), name="demo", settings={"tokens": tokens}) for tokens in ("all", "no-first")]
    assert drawn(reports, 100).startswith("2 reports: demo (tokens all), demo (tokens no-first)\n")
