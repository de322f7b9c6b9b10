"""Numbers and what stands beside them: why there is no error, whose errors are too small, and zeros without a sign."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import geoscope
from geoscope.catalogue import DEFAULT, TRAITS
from geoscope.comparisons.checks import Check, HeldLimit
from geoscope.correlations.cautions import _with_interval
from geoscope.correlations.correlations import Correlation
from geoscope.documents.rendering import render
from geoscope.forms.output import GATE_FORMS, Page
from geoscope.measures import average_cosine_similarity, isoscore
from geoscope.measures.formula import finite
from geoscope.noise_floors import noise_floor
from geoscope.report import Measurement, Report, Sample, Subject

FAMILIES = ("anisotropy", "isotropy", "persistence", "dimension", "warning signs")
UNQUANTIZED = [key for key in DEFAULT if TRAITS[key].family in FAMILIES]


def measured(sequences, *, rows=240, measures=UNQUANTIZED, **options):
    """Gaussian rows dealt into so many sequences."""
    cloud = np.random.default_rng(0).standard_normal((rows, 6))
    return geoscope.measure(cloud, groups=np.arange(rows) % sequences, measures=measures, **options)


@pytest.fixture(scope="module")
def few():
    return measured(12)


# Why there is no standard error


def test_too_few_sequences_for_an_error_are_counted(few):
    said = {row.measure: row.reason for row in few.measurements if row.value is not None}
    assert len(said) > 15
    bars = said.pop("prominent_bars")
    assert set(said.values()) == {"no standard error: the rows are of 12 sequences, and it takes 20 groups of them"}
    assert bars.startswith("no standard error: it counts a few bars")
    assert all(row.standard_error is None for row in few.measurements)


def test_rows_of_one_sequence_are_said_to_be():
    report = measured(1, measures=["anisotropy"])
    assert "the rows are of 1 sequence, and it takes 20 groups" in report.measurement("anisotropy").reason


def test_a_value_with_an_error_needs_no_reason():
    report = measured(80)
    assert report.measurement("two_nn").standard_error > 0
    assert [row.measure for row in report.measurements if row.reason and row.value is not None] == ["prominent_bars"]


def test_nothing_is_said_of_errors_that_were_not_asked_for():
    assert not any(row.reason for row in measured(12, errors=False).measurements if row.value is not None)


def test_a_part_without_a_value_is_why_the_whole_has_no_error():
    """Five rows that differ among copies: halves of the sequences hold fewer than three of them, or one bar at most."""
    rows = np.zeros((40, 3))
    rows[:5] = [[1, 0, 0], [0, 2, 0], [0, 0, 4], [0, 9, 9], [0, 0, 0]]
    rows[20:] = rows[:20]
    keys = ["two_nn", "anisotropy"]
    report = geoscope.measure(rows, groups=np.arange(40) % 20, measures=keys)
    row = report.measurement("two_nn")
    assert row.value > 0
    assert row.standard_error is None
    assert row.reason == (
        "no standard error: on some part of the sequences there is no value "
        "(expected at least three distinct points, got 2)"
    )
    assert report.measurement("anisotropy").reason is None


def test_the_schema_says_what_a_reason_is_of():
    from geoscope.report import json_schema

    assert "no standard error" in json_schema()["$defs"]["Measurement"]["properties"]["reason"]["description"]


def test_a_table_tells_values_and_the_reason_once(few):
    drawn = render(few, "table", Page(all_measures=True))
    assert drawn.count("12 sequences, and it takes") == 1
    assert drawn.count("it counts a few bars") == 1
    assert "groups of them (every measure but prominent_bars)" in drawn
    assert drawn.count("[1]") == 2  # beside the value that is missing, and before the reason
    for row in few.measurements:
        line = next(line for line in drawn.splitlines() if line.strip().startswith(f"{row.measure} "))
        assert ("undefined" in line) == (row.value is None)


def test_markdown_tells_values_and_the_reason_once(few):
    for page in (render(few, "markdown"), render([few, few], "markdown")):
        assert page.count("12 sequences, and it takes") == 1
        assert page.count("it counts a few bars") == 1


def test_a_page_tells_values_and_the_reason_once(few):
    page = render(few, "html")
    assert page.count("12 sequences, and it takes") == 1
    assert page.count("it counts a few bars") == 1
    assert "No standard error is known of" not in page


def test_csv_and_json_have_it_in_every_row(few):
    assert render(few, "csv").count("12 sequences, and it takes") == len(few.measurements) - 2
    assert Report.from_json(few.to_json()) == few


def test_compare_says_why_it_does_not_judge(few):
    rows = np.random.default_rng(1).standard_normal((240, 6))
    other = geoscope.measure(rows, groups=np.arange(240) % 12, measures=UNQUANTIZED)
    difference = geoscope.compare(few, other).difference("anisotropy")
    assert difference.difference is not None
    assert difference.reason == (
        "not judged: no standard error: the rows are of 12 sequences, and it takes 20 groups of them"
    )


# Zeros without a sign


def zeros(name="base", value=-0.0, **more):
    return Report(
        subject=Subject(name=name, kind="array"),
        sample=Sample(rows=9, points=9, seed=0),
        settings={"isoscore_zeta": -0.0},
        measurements=[
            Measurement(layer=None, measure="isoscore", value=value, standard_error=0.02, null=-0.0, n=9, **more),
            Measurement(layer=None, measure="two_nn", value=2.0, standard_error=0.1, null=-0.0, n=9, **more),
        ],
        environment={},
    )


def signs_of_zeros(text):
    """Every zero with a minus before it, in any form."""
    return re.findall(r"(?<![\w.)])[-\N{MINUS SIGN}]0(?:\.0*)?(?![\d.e])", text)


def test_the_search_for_signed_zeros_finds_them():
    assert signs_of_zeros("a -0 b -0.0 c [-0.000] -0.0 %, -0.01 10-0.5 layer-0 1e-05") == [
        "-0",
        "-0.0",
        "-0.000",
        "-0.0",
    ]


def test_a_zero_has_no_sign_in_a_report():
    report = zeros(replicates=[-0.0] * 20)
    for form in ("json", "csv", "markdown", "table", "html"):
        assert signs_of_zeros(render(report, form)) == [], form
        if form not in ("table", "html"):
            assert signs_of_zeros(render([report, report], form)) == [], form


@pytest.mark.parametrize("form", GATE_FORMS)
def test_a_zero_has_no_sign_in_a_comparison(form):
    """A difference of -4e-9 in 2.0 is no -0.0 %; nor is one of -0.0 in a value of -0.0."""
    base, candidate = zeros(), zeros("candidate")
    moved = candidate.measurements[1].model_copy(update={"value": 2.0 - 4e-9})
    candidate = candidate.model_copy(update={"measurements": [candidate.measurements[0], moved]})
    comparison = geoscope.compare(base, candidate, limits=["two_nn:0.0001%"], strict=True)
    assert comparison.difference("two_nn").difference < 0
    assert signs_of_zeros(render(comparison, form)) == []


def test_a_coefficient_that_rounds_to_nothing_has_no_sign():
    shown = _with_interval(Correlation(value=-0.0001, n=9, interval=(-0.0004, 0.4)))
    assert shown == "0.000, 95 % 0.000 to 0.400"


def test_measures_and_other_results_give_no_negative_zero():
    rows = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert np.copysign(1, isoscore(rows)) == 1
    assert np.copysign(1, finite(-0.0)) == 1
    assert average_cosine_similarity(rows) == -1
    written = HeldLimit(limit="isoscore>0", measure="isoscore", layer=None, held=True, value=-0.0, change=-0.0)
    assert signs_of_zeros(Check(subject={"name": "a"}, limits=[written]).to_json()) == []


# Rows whose sequences nobody named


def tokens(rows=3000, width=64, likeness=0.3):
    """Rows of sequences of 20 that are alike, and the sequence of each."""
    g = np.random.default_rng(0)
    sequences = np.arange(rows) // 20
    shared = g.standard_normal((rows // 20, width))[sequences]
    return np.sqrt(likeness) * shared + np.sqrt(1 - likeness) * g.standard_normal((rows, width)), sequences


def said_of(subject, **options):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        report = geoscope.measure(subject, measures=["average_cosine_similarity"], **options)
    return report, [str(each.message) for each in heard if "grouped" in str(each.message)]


def test_token_rows_without_groups_are_warned_of():
    rows, sequences = tokens()
    alone, said = said_of(rows)
    assert len(said) == 1
    assert re.search(r"\(mean cosine 0\.2[789] around the mean, others -?0\.0[01]\)", said[0])
    assert "--groups" in said[0]
    assert alone.settings["groups"] == "each row alone"
    together, unsaid = said_of(rows, groups=sequences)
    assert unsaid == []
    assert "groups" not in together.settings
    errors = [each.measurement("average_cosine_similarity").standard_error for each in (alone, together)]
    assert errors[0] < 0.5 * errors[1]  # what the warning is about


@pytest.mark.parametrize("suffix", ["npy", "npz", "safetensors", "parquet"])
def test_files_are_warned_of_too(suffix, tmp_path):
    rows = tokens(200, 8)[0].astype(np.float32)
    path = tmp_path / f"rows.{suffix}"
    if suffix == "npy":
        np.save(path, rows)
    elif suffix == "npz":
        np.savez(path, rows=rows)
    elif suffix == "safetensors":
        from safetensors.numpy import save_file

        save_file({"rows": rows}, path)
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"rows": list(rows)}), path)
    assert len(said_of(path)[1]) == 1


def test_nothing_is_said_where_no_error_is_asked_for():
    assert said_of(tokens()[0], errors=False)[1] == []


def test_independent_rows_are_not_warned_of():
    report, said = said_of(np.random.default_rng(0).standard_normal((3000, 64)))
    assert said == []
    assert report.settings["groups"] == "each row alone"


INDEPENDENT = {
    "Gaussian": lambda g, n: g.standard_normal((n, 16)),
    "cone": lambda g, n: g.standard_normal((n, 8)) + 5,
    "one dimension": lambda g, n: g.standard_normal((n, 1)),
    "long tails": lambda g, n: g.standard_cauchy((n, 8)),
    "clusters": lambda g, n: 5 * g.standard_normal((5, 24))[g.integers(0, 5, n)] + g.standard_normal((n, 24)),
    "few types": lambda g, n: g.standard_normal((40, 32))[np.minimum(g.zipf(1.3, n), 40) - 1],
    "huge": lambda g, n: 1e200 * g.standard_normal((n, 4)),
    "constant": lambda g, n: np.ones((n, 3)),
    "zeros": lambda g, n: np.zeros((n, 3)),
}


@pytest.mark.parametrize("kind", INDEPENDENT)
def test_no_kind_of_independent_rows_looks_grouped(kind):
    from geoscope.subjects.embeddings.consecutive_rows import why_grouped

    g = np.random.default_rng(1)
    found = [why_grouped(INDEPENDENT[kind](g, n)) for n in (3, 50, 300) for _ in range(60)]
    assert not any(found)


def test_extracted_rows_know_their_sequences(tmp_path):
    """A folder says whose each row is, however alike its rows are."""
    from geoscope.rows import Batch, RowIndex
    from geoscope.subjects.embeddings.embedding_folders import write_embeddings

    rows, sequences = tokens(400, 8)

    class Drawn:
        layers = (6,)
        index = RowIndex(sequences, np.arange(400) % 20, np.arange(400))

        def batches(self, layers=None):
            yield Batch(np.arange(400), {6: rows.astype(np.float32)})

    about = {"name": "drawn", "kind": "checkpoint", "layers": 6, "hidden_size": 8}
    sample = {"corpora": [], "sequences": 20, "pooling": "tokens", "max_length": 20}
    written = write_embeddings(tmp_path / "rows", Drawn(), subject=about, sample=sample, settings={})
    report, said = said_of(written)
    assert said == []
    assert "groups" not in report.settings
    assert said_of(tmp_path / "rows")[1] == []


def test_a_noise_floor_of_rows_that_look_grouped_is_warned_of():
    with pytest.warns(UserWarning, match="the rows look grouped"):
        noise_floor(tokens(400, 8)[0], draws=3, measures=["isoscore"])


def test_the_command_says_it_in_one_line(tmp_path):
    from typer.testing import CliRunner

    from geoscope.cli import app

    np.save(tmp_path / "rows.npy", tokens(400, 8)[0])
    given = ["measure", str(tmp_path / "rows.npy"), "--measures", "isoscore", "--no-progress"]
    ran = CliRunner().invoke(app.app, given)
    assert ran.exit_code == 0
    assert ran.stderr.count("geoscope: warning: the rows look grouped") == 1
    assert "look grouped" not in CliRunner().invoke(app.app, [*given, "--quiet"]).stderr
