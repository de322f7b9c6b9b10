"""Results that evaluation tools wrote themselves (`fixtures/make_harness_results.py`) are read to what they report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geoscope.correlations.score_files.scores import read_scores

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

RESULTS = Path(__file__).parent / "fixtures" / "harness_results"


def reported(tool):
    return json.loads((RESULTS / tool / "reported.json").read_text(encoding="utf-8"))


def read(path):
    """{subject: {task: number}}."""
    found: dict[str, dict[str, float]] = {}
    for score in read_scores(path):
        found.setdefault(score.subject, {})[score.task] = score.value
    return found


@pytest.mark.parametrize("tool", ["lm-eval", "lighteval", "mteb", "mteb-historic", "trainer"])
def test_a_tools_results_are_what_it_reports(tool):
    wanted = reported(tool)
    with pytest.warns(UserWarning, match=r"1 file in .* is no result and is not read: reported.json") as told:
        found = read(RESULTS / tool)
    assert list(found) == list(wanted)
    left_out = 0
    for subject, tasks in wanted.items():
        for task, number in tasks.items():
            if number is not None:
                assert found[subject][task] == pytest.approx(number, rel=1e-15), (subject, task)
            elif tool != "mteb-historic":  # mteb no longer finds the main score of a reranking; it is map
                assert task not in found[subject]
                left_out += ":" not in task
    nulls = [str(each.message) for each in told if "no number" in str(each.message)]
    assert [text.split(" ")[0] for text in nulls] == ([str(left_out)] if left_out else [])


def test_each_file_read_alone_gives_what_it_gives_in_the_folder():
    for path in sorted((RESULTS / "lighteval" / "results").rglob("*.json")):
        assert read(path).items() <= read(RESULTS / "lighteval").items()


def test_parts_of_a_group_and_means_are_taken_only_where_named():
    for tool, whole in (
        ("lm-eval", {"made_text", "made"}),
        ("lighteval", {"text|5", "made:_average|5"}),
        ("trainer", {"eval"}),
    ):
        scores = [score for score in read_scores(RESULTS / tool) if score.subject.endswith("alpha")]
        assert {score.task for score in scores if not score.asked_only} == whole
    directions = {score.task: score.higher_is_better for score in read_scores(RESULTS / "lm-eval")}
    assert (directions["made_text"], directions["made"]) == (False, True)
    assert {score.higher_is_better for score in read_scores(RESULTS / "lighteval") if score.task == "text|5"} == {True}


def test_of_two_revisions_the_newer_is_taken_and_a_variant_is_a_subject_of_its_own():
    with pytest.warns(UserWarning, match="more than once") as told:
        found = read(RESULTS / "mteb")
    assert list(found) == ["made/alpha", "made/beta", "made/beta (embed_dim=64)"]
    (text,) = [str(each.message) for each in told if "more than once" in str(each.message)]
    assert "made/beta on MSMARCO, of 2026-01-02T00:00:00, not of 2026-01-01T00:00:00, " in text
    assert text.endswith(" and 1 more")


def test_before_1_11_the_main_score_is_told_by_its_metric():
    with pytest.warns(UserWarning, match="name no main score") as told:
        found = read(RESULTS / "mteb-historic")
    file = RESULTS / "mteb-historic" / "alpha" / "SciDocsRR.json"
    assert found["alpha"]["SciDocsRR"] == json.loads(file.read_text(encoding="utf-8"))["test"]["map"]
    texts = [str(each.message) for each in told]
    assert "results of mteb before 1.11 name no main score, so it is map of SciDocsRR" in texts
