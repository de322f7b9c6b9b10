"""mteb before 1.11: {"mteb_dataset_name": ..., SPLIT: {LANGUAGE: {METRIC: number, ...}, "evaluation_time": ...}}."""

from __future__ import annotations

from collections.abc import Mapping
from types import EllipsisType
from typing import Any

from geoscope.correlations.harnesses.task_result import is_number, mapping, number

_BY_SIMILARITY = ("cos_sim", "dot", "euclidean", "manhattan", "max", "similarity")
_NO_LANGUAGE = (*_BY_SIMILARITY, "v_measures")
_MAIN_SCORES = (
    ("cos_sim", "spearman"),  # similarity of texts, summaries
    ("max", "ap"),  # classes of pairs
    ("v_measure",),
    ("ndcg_at_10",),
    ("map",),  # reranking; map_at_1000 today
)
"""What was the main score, by what there is, kind of task by kind: no file has metrics of two kinds."""

_OTHER_MAIN_SCORES = {
    "BSARDRetrieval": "recall_at_100",
    "FeedbackQARetrieval": "precision_at_1",
    "GermanGovServiceRetrieval": "ndcg_at_5",
    "GermanQuAD-Retrieval": "mrr_at_5",
    "HunSum2AbstractiveRetrieval": "ndcg_at_1",
    "LEMBNeedleRetrieval": "ndcg_at_1",
    "LEMBPasskeyRetrieval": "ndcg_at_1",
    "NeuCLIR2022Retrieval": "ndcg_at_20",
    "NeuCLIR2023Retrieval": "ndcg_at_20",
    "StatcanDialogueDatasetRetrieval": "recall_at_10",
}
_RENAMED = {
    "8TagsClustering": "EightTagsClustering",
    "CMedQAv1": "CMedQAv1-reranking",
    "CMedQAv2": "CMedQAv2-reranking",
    "NorwegianParliament": "NorwegianParliamentClassification",
    "PPC": "PpcPC",
}

Scores = dict[str, list[tuple[str, Any]]]
"""By split: languages and their main score, ... where there is none to be found."""


def splits_of(content: Mapping[str, Any]) -> tuple[str, Scores, str | None]:
    """The task by today's name, its main scores, and the metric that was taken for one where none is called so."""
    task = str(content["mteb_dataset_name"])
    splits = {split: held for split, held in content.items() if isinstance(held, dict)}
    by_language = any(
        isinstance(value, dict) and key not in _NO_LANGUAGE for held in splits.values() for key, value in held.items()
    )
    scores: Scores = {}
    taken: str | None = None
    for split, held in splits.items():
        languages = (
            {key: value for key, value in held.items() if isinstance(value, dict)} if by_language else {"": held}
        )
        scores[split] = []
        for language, metrics in languages.items():
            score, metric = _main_score(task, metrics)
            scores[split].append((language, score))
            taken = metric or taken
    return _RENAMED.get(task, task), scores, taken


def _main_score(task: str, metrics: Mapping[str, Any]) -> tuple[float | EllipsisType | None, str | None]:
    """(score, what it is called); nothing where it is called main_score."""
    if is_number(metrics.get("main_score", ...)):
        return number(metrics["main_score"]), None
    other = _OTHER_MAIN_SCORES.get(task)
    for keys in ((other,),) if other else _MAIN_SCORES:
        found = metrics.get(keys[0], ...)
        if len(keys) > 1:
            found = mapping(found).get(keys[1], ...)
        if is_number(found):
            return number(found), "_".join(keys)
    return ..., None
