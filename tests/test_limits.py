"""Limits: what can be written, where they are found, and when they fail."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from made_reports import jackknife, noise_of, report, row

from geoscope.comparisons.checks import check_report
from geoscope.comparisons.comparison import Comparison, compare_reports
from geoscope.comparisons.configuration import find_limits
from geoscope.comparisons.limits import Bound, Limit, override, parse_bound, parse_limit
from geoscope.errors import GeoscopeError
from geoscope.statistics import upper_tail


@pytest.mark.parametrize(
    ("text", "limit", "written"),
    [
        ("isoscore_star:-10%", Limit("isoscore_star", None, -1, 0.1, True), "isoscore_star:-10%"),
        ("two_nn:2.0", Limit("two_nn", None, 0, 2.0, False), "two_nn:2"),
        ("anisotropy:+0.05", Limit("anisotropy", None, 1, 0.05, False), "anisotropy:+0.05"),
        ("isoscore_star@6:-10%", Limit("isoscore_star", 6, -1, 0.1, True), "isoscore_star@6:-10%"),
        (" two_nn @ last : + 5 % ", Limit("two_nn", "last", 1, 0.05, True), "two_nn@last:+5%"),
        ("two_nn@-1:1e-3", Limit("two_nn", -1, 0, 0.001, False), "two_nn@-1:0.001"),
        ("two_nn:.5", Limit("two_nn", None, 0, 0.5, False), "two_nn:0.5"),
        ("two_nn:0", Limit("two_nn", None, 0, 0.0, False), "two_nn:0"),
    ],
)
def test_a_limit_is_read_and_written(text: str, limit: Limit, written: str) -> None:
    assert parse_limit(text) == limit
    assert str(limit) == written
    assert parse_limit(written) == limit


@pytest.mark.parametrize(
    "text",
    ["", "two_nn", "two_nn:", "two_nn:x", "two_nn:--1", "two_nn:5%%", "two_nn@:1", "two_nn@x:1", "two_nn@6.5:1",
     "two_nn:nan", "two_nn:inf", "two_nn:1e999", "two_nn=1", "two nn:1", "two_nn:1 2"],
)  # fmt: skip
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(GeoscopeError, match="expected"):
        parse_limit(text)


def test_a_misspelt_measure_is_refused_with_a_near_one() -> None:
    with pytest.raises(GeoscopeError, match="got 'two_n'; did you mean two_nn"):
        parse_limit("two_n:1")
    with pytest.raises(GeoscopeError, match="`geoscope measures` lists them"):
        parse_bound("perplexity<3")


@pytest.mark.parametrize(
    ("text", "bound", "inside", "outside"),
    [
        ("anisotropy<0.5", Bound("anisotropy", None, "<", 0.5), 0.49, 0.5),
        ("anisotropy <= 0.5", Bound("anisotropy", None, "<=", 0.5), 0.5, 0.51),
        ("two_nn@last>5", Bound("two_nn", "last", ">", 5.0), 5.1, 5.0),
        ("isoscore@6>=0.1", Bound("isoscore", 6, ">=", 0.1), 0.1, 0.09),
        ("average_cosine_similarity>-1e-2", Bound("average_cosine_similarity", None, ">", -0.01), 0.0, -0.01),
    ],
)
def test_a_bound_is_read_and_holds(text: str, bound: Bound, inside: float, outside: float) -> None:
    assert parse_bound(text) == bound
    assert parse_bound(str(bound)) == bound
    assert bound.holds(inside)
    assert not bound.holds(outside)


@pytest.mark.parametrize(
    "text", ["anisotropy", "anisotropy<", "anisotropy=1", "anisotropy<>1", "<1", "a<b", "two_nn<nan"]
)
def test_what_is_no_bound_is_refused(text: str) -> None:
    with pytest.raises(GeoscopeError, match="expected"):
        parse_bound(text)


def test_a_later_limit_takes_the_place_of_those_on_its_target() -> None:
    file = [parse_limit(text) for text in ("two_nn:1", "two_nn@6:2", "isoscore:-5%", "isoscore:+5%")]
    typed = [parse_limit("isoscore:-10%"), parse_limit("anisotropy:1")]
    assert [str(limit) for limit in override(file, typed)] == [
        "two_nn:1",
        "two_nn@6:2",
        "isoscore:-10%",
        "anisotropy:1",
    ]


# Configuration files


def test_limits_are_found_from_a_folder_upwards(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\n[tool.geoscope.limits]\nisoscore_star = "-10%"\n"two_nn@last" = ["-1.5", "+3"]\n'
    )
    path, limits = find_limits(deep)
    assert path == tmp_path / "pyproject.toml"
    assert [str(limit) for limit in limits] == ["isoscore_star:-10%", "two_nn@last:-1.5", "two_nn@last:+3"]

    (deep / "pyproject.toml").write_text("[tool.ruff]\nline-length = 120\n")  # says nothing of geoscope
    assert find_limits(deep)[0] == path
    (tmp_path / "a" / "geoscope.toml").write_text('[limits]\nanisotropy = "+0.05"\n')
    path, limits = find_limits(deep)
    assert path == tmp_path / "a" / "geoscope.toml"
    assert [str(limit) for limit in limits] == ["anisotropy:+0.05"]
    (tmp_path / "a" / "geoscope.toml").write_text('[tool.geoscope.limits]\nanisotropy = "+0.06"\n')
    assert [str(limit) for limit in find_limits(deep)[1]] == ["anisotropy:+0.06"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[limits]\ntwo_n = "1"\n', "did you mean two_nn"),
        ("[limits]\ntwo_nn = 1.0\n", "write it in quotes"),
        ("[limits]\ntwo_nn = [1.0]\n", "write it in quotes"),
        ('[limits]\ntwo_nn = "lots"\n', "a limit's amount"),
        ('[limits]\n"two_nn@x" = "1"\n', "MEASURE or MEASURE@LAYER"),
        ("limits = 3\n", "expected limits to be a table"),
        ("[tool]\ngeoscope = 3\n", "to be a table"),
        ("[limits\n", "expected TOML"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "geoscope.toml").write_text(content)
    with pytest.raises(GeoscopeError, match=said):
        find_limits(tmp_path)


# When a limit on a change fails


def compared(
    base: float | None, candidate: float | None, limit: str, *, size: float = 0.01, **options: bool
) -> Comparison:
    """Two reports whose difference has a standard error of sqrt(19) * sqrt(2) times about the size."""
    return compare_reports(
        report(row("two_nn", base, noise=noise_of(1, size))),
        [report(row("two_nn", candidate, noise=noise_of(2, size)), name="candidate")],
        limits=[parse_limit(limit)],
        **options,
    )


@pytest.mark.parametrize(
    ("limit", "candidate", "held"),
    [
        ("two_nn:-10%", 8.5, False),
        ("two_nn:-10%", 9.5, True),
        ("two_nn:-10%", 15.0, True),
        ("two_nn:+10%", 11.5, False),
        ("two_nn:+10%", 5.0, True),
        ("two_nn:10%", 8.5, False),
        ("two_nn:10%", 11.5, False),
        ("two_nn:10%", 10.5, True),
        ("two_nn:2.0", 12.5, False),
        ("two_nn:2.0", 7.5, False),
        ("two_nn:2.0", 11.5, True),
        ("two_nn:0", 10.5, False),
    ],
)
def test_a_limit_fails_when_the_change_passes_it(limit: str, candidate: float, held: bool) -> None:
    comparison = compared(10.0, candidate, limit)
    (result,) = comparison.limits
    assert result.held is held
    assert comparison.failed == ([] if held else [result])
    assert result.change == candidate - 10.0
    assert (result.reason is None) is held


def test_a_negative_base_is_limited_by_its_size() -> None:
    assert not compared(-10.0, -11.5, "two_nn:-10%").limits[0].held
    assert compared(-10.0, -8.5, "two_nn:-10%").limits[0].held
    assert not compared(-10.0, -8.5, "two_nn:+10%").limits[0].held


def test_a_breach_within_its_noise_is_let_pass_unless_strict() -> None:
    (noisy,) = compared(10.0, 8.9, "two_nn:-10%", size=0.2).limits
    assert noisy.held
    assert noisy.reason is not None
    assert noisy.reason.endswith("past the limit, but not by more than its noise")
    assert not compared(10.0, 8.9, "two_nn:-10%", size=0.2, strict=True).limits[0].held
    assert compared(10.0, 9.1, "two_nn:-10%", size=0.2, strict=True).limits[0].held


@pytest.mark.parametrize("change", [0.3, -0.3, 0.0])
@pytest.mark.parametrize("allowed", [0.0, 0.1, 0.3])
def test_a_limit_either_way_counts_both_ways_of_passing_it(change: float, allowed: float) -> None:
    """Of a change that is just what is allowed, noise may show as much or more on the other side too."""
    error = report_error(noise_of(1, 0.05), noise_of(2, 0.05))
    (found,) = compared(10.0, 10.0 + change, f"two_nn:{allowed}", size=0.05).limits
    passed = [upper_tail((abs(change) - side * allowed) / error, 19) for side in (1, -1)]
    assert found.p_adjusted == pytest.approx(sum(passed))


@pytest.mark.parametrize(
    ("limit", "base", "candidate", "weight"),
    [
        ("two_nn:-10%", 10.0, 8.99, 0.9),
        ("two_nn:+10%", 10.0, 11.01, 1.1),
        ("two_nn:-10%", -10.0, -11.01, 1.1),
        ("two_nn:+10%", -10.0, -8.99, 0.9),
        ("two_nn:+1", 10.0, 11.01, 1.0),
        ("two_nn:-10%", 0.0, -0.01, 1.0),
    ],
)
def test_a_relative_limit_moves_with_the_bases_noise(limit: str, base: float, candidate: float, weight: float) -> None:
    """-10 % of a base is passed where candidate - 0.9 base is below 0, and that is what has the noise."""
    error = jackknife([c - weight * b for b, c in zip(noise_of(1), noise_of(2), strict=True)])
    (found,) = compared(base, candidate, limit).limits
    assert found.p_adjusted == pytest.approx(upper_tail(0.01 / error, 19))


def test_a_change_without_noise_passes_a_limit_surely_or_not_at_all() -> None:
    (beyond, within) = (compared(10.0, value, "two_nn:10%", size=0.0).limits[0] for value in (11.01, 10.99))
    assert (beyond.held, beyond.p_adjusted) == (False, 0.0)
    assert (within.held, within.p_adjusted) == (True, 1.0)


def test_every_candidate_is_held_to_a_limit_once_and_by_its_own_numbers() -> None:
    base = report(row("two_nn", 10.0))
    runs = [
        report(row("two_nn", value, caution=why), name=name)
        for name, value, why in (("a", 12.0, None), ("b", 10.0, "few"))
    ]
    found = compare_reports(base, runs, limits=[parse_limit("two_nn:10%")]).limits
    assert [(each.candidate, each.value, each.held, each.caution) for each in found] == [
        ("a", 12.0, False, None), ("b", 10.0, True, "few"),
    ]  # fmt: skip


def test_rounding_passes_no_limit() -> None:
    base, candidate = report(row("two_nn", 0.1)), report(row("two_nn", 0.09))
    assert 0.09 - 0.1 < -0.1 * 0.1  # as floating point has it
    assert compare_reports(base, [candidate], limits=[parse_limit("two_nn:-10%")], strict=True).limits[0].held
    base, candidate = report(row("two_nn", 0.3)), report(row("two_nn", 0.1 + 0.2))
    assert 0.1 + 0.2 > 0.3
    assert compare_reports(base, [candidate], limits=[parse_limit("two_nn:0")], strict=True).limits[0].held


def test_without_a_standard_error_the_change_alone_decides() -> None:
    base, candidate = report(row("two_nn", 10.0)), report(row("two_nn", 8.9))
    (result,) = compare_reports(base, [candidate], limits=[parse_limit("two_nn:-10%")]).limits
    assert not result.held
    assert result.reason is not None
    assert "held without its noise" in result.reason
    (strict,) = compare_reports(base, [candidate], limits=[parse_limit("two_nn:-10%")], strict=True).limits
    assert strict.reason == result.reason.partition("; held without its noise")[0]


@pytest.mark.parametrize(("base", "candidate"), [(10.0, None), (None, 10.0), (None, None)])
def test_a_null_under_a_limit_fails(base: float | None, candidate: float | None) -> None:
    (result,) = compared(base, candidate, "two_nn:50%").limits
    assert not result.held
    assert result.reason is not None
    assert "all rows are equal" in result.reason


def test_numbers_that_cannot_be_subtracted_fail_a_limit() -> None:
    base, candidate = report(row("two_nn", 10.0, n=1000)), report(row("two_nn", 10.0, n=1200))
    (result,) = compare_reports(base, [candidate], limits=[parse_limit("two_nn:50%")]).limits
    assert not result.held
    assert result.reason is not None
    assert "depends on n" in result.reason


def test_holm_asks_more_of_each_of_many_limits() -> None:
    measures = ("anisotropy", "isoscore", "effective_rank", "two_nn", "patchiness", "two_nn_mle")
    noises = {key: (noise_of(3 * place), noise_of(3 * place + 1)) for place, key in enumerate(measures)}
    error = {key: report_error(*noises[key]) for key in measures}
    base = report(*(row(key, 10.0, noise=noises[key][0]) for key in measures))
    candidate = report(*(row(key, 10.0 + 2 * error[key], noise=noises[key][1]) for key in measures))

    def failed(*limits: str) -> int:
        return len(compare_reports(base, [candidate], limits=[parse_limit(text) for text in limits]).failed)

    assert failed("two_nn:+0") == 1  # t = 2, p = 0.03
    assert failed(*(f"{key}:+0" for key in measures)) == 0


def report_error(ours: list[float], theirs: list[float]) -> float:
    return jackknife([b - a for a, b in zip(ours, theirs, strict=True)])


def test_a_limit_is_about_every_layer_or_the_one_it_aims_at() -> None:
    base = report(*(row("two_nn", 10.0, layer=layer) for layer in (0, 3, 6)))
    candidate = report(*(row("two_nn", 10.0, layer=layer) for layer in (0, 3, 6)))

    def layers(limit: str) -> list[int | None]:
        return [each.layer for each in compare_reports(base, [candidate], limits=[parse_limit(limit)]).limits]

    assert layers("two_nn:1") == [0, 3, 6]
    assert layers("two_nn@3:1") == [3]
    assert layers("two_nn@0:1") == [0]
    assert layers("two_nn@last:1") == layers("two_nn@-1:1") == [6]
    assert layers("two_nn@-4:1") == [3]
    for limit in ("two_nn@5:1", "two_nn@-9:1"):
        with pytest.raises(GeoscopeError, match=r"expected layer .* got layers 0, 3, 6"):
            layers(limit)
    with pytest.raises(GeoscopeError, match="expected isoscore in base's report"):
        layers("isoscore:1")
    file = report(*(row("two_nn", 10.0, layer=layer) for layer in (3, 6)), layers=None)  # it does not say how deep
    assert [each.layer for each in check_report(file, [parse_bound("two_nn@last>1")]).limits] == [6]


def test_a_limit_on_a_layer_of_only_one_report_is_a_mistake() -> None:
    base = report(row("two_nn", 10.0, layer=3), row("two_nn", 10.0, layer=6))
    candidate = report(row("two_nn", 10.0, layer=3), row("isoscore", 0.5, layer=3), name="candidate")
    with pytest.raises(GeoscopeError, match="a layer that both reports have"):
        compare_reports(base, [candidate], limits=[parse_limit("two_nn@6:1")])


# When a bound on a value fails


def test_every_layer_is_held_to_a_bound() -> None:
    measured = report(
        row("two_nn", 10.0, layer=3, noise=noise_of(1)), row("two_nn", 4.0, layer=6), row("isoscore", None, layer=6)
    )
    check = check_report(measured, [parse_bound("two_nn>5"), parse_bound("isoscore>0"), parse_bound("two_nn@3<=10")])
    assert [(limit.layer, limit.held) for limit in check.limits] == [(3, True), (6, False), (6, False), (3, True)]
    assert [limit.reason for limit in check.limits] == [None, "it is 4", "it is undefined: all rows are equal", None]
    low, high = check.limits[0].interval or (0, 0)
    assert low < 10.0 < high
    assert check.limits[1].interval is None
    assert len(check.failed) == 2


def test_a_bound_on_what_the_report_lacks_is_a_mistake() -> None:
    measured = report(row("two_nn", 10.0, layer=3), row("isoscore", 0.5, layer=6))
    for text in ("anisotropy<1", "two_nn@5>1", "two_nn@6>1"):
        with pytest.raises(GeoscopeError, match="expected"):
            check_report(measured, [parse_bound(text)])


def test_a_file_is_one_cloud_without_a_layer_to_aim_at() -> None:
    measured = report(row("two_nn", 10.0, layer=None), layers=None)
    assert check_report(measured, [parse_bound("two_nn>5"), parse_bound("two_nn@last>5")]).failed == []
    with pytest.raises(GeoscopeError, match="numbered layers"):
        check_report(measured, [parse_bound("two_nn@6>5")])


def test_a_long_wrong_number_is_told_at_once() -> None:
    begun = time.process_time()
    for read, text in ((parse_limit, "isoscore:"), (parse_bound, "isoscore<")):
        with pytest.raises(GeoscopeError, match="expected a limit"):
            read(text + "9" * 20_000 + "x")
    assert time.process_time() - begun < 2  # quadratic, it took ten


@pytest.mark.parametrize(
    "number", ["-.9999999999999992", "99999999999999909999999999999999990.5", "7%", "0.1%", "1e-3"]
)
def test_a_limit_is_told_as_the_number_that_it_is(number: str) -> None:
    limit = parse_limit(f"isoscore:{number}")
    assert parse_limit(str(limit)) == limit
    assert str(parse_limit("isoscore:7%")) == "isoscore:7%"
