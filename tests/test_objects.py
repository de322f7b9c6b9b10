"""What people hand over in Python: rows of every kind that there are, layers by name, lists of texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import geoscope
from geoscope.errors import GeoscopeError
from geoscope.measures import anisotropy
from geoscope.subjects.corpora import fingerprint
from geoscope.subjects.held_texts import corpus_held
from geoscope.subjects.objects import object_embeddings

ROWS = np.random.default_rng(0).standard_normal((30, 4))
SINGLE = ROWS.astype(np.float32)
BRAIN = torch.tensor(SINGLE).bfloat16()


def same(held: Any) -> Any:
    """The rows of the one layer."""
    return object_embeddings(held).rows()


@pytest.mark.parametrize(
    ("held", "rows"),
    [
        (ROWS, ROWS),
        (ROWS.tolist(), ROWS),
        (tuple(map(tuple, ROWS)), ROWS),
        (list(ROWS), ROWS),
        (torch.tensor(ROWS), ROWS),
        (torch.tensor(SINGLE, requires_grad=True), SINGLE),
        (torch.nn.Parameter(torch.tensor(SINGLE)), SINGLE),
        (torch.tensor(SINGLE).half(), SINGLE.astype(np.float16)),
        (BRAIN, BRAIN.float().numpy()),
        (list(torch.tensor(SINGLE, requires_grad=True)), SINGLE),
        (list(BRAIN), BRAIN.float().numpy()),
        (torch.tensor(SINGLE).T.contiguous().T, SINGLE),
        (torch.arange(12).reshape(4, 3), np.arange(12).reshape(4, 3)),
        (pd.DataFrame(SINGLE), SINGLE),
        (pd.DataFrame(ROWS, columns=list("abcd"), index=range(100, 130)), ROWS),
        (pd.DataFrame(ROWS).convert_dtypes(convert_integer=False), ROWS),
        (np.asfortranarray(ROWS), ROWS),
        (ROWS.astype(">f8"), ROWS),
        (np.ma.masked_array(ROWS), ROWS),
    ],
    ids=lambda each: type(each).__name__,
)
def test_rows_of_any_kind_are_the_same_rows(held: Any, rows: Any) -> None:
    assert np.array_equal(same(held), rows)
    assert anisotropy(held) == pytest.approx(anisotropy(np.asarray(rows, dtype=np.float64)), rel=1e-6)


def test_columns_of_datasets_are_rows() -> None:
    from datasets import Dataset

    held = Dataset.from_dict({"embedding": ROWS.tolist(), "text": ["a"] * 30})
    assert np.array_equal(same(held["embedding"]), ROWS)
    with pytest.raises(GeoscopeError, match="got a Dataset as 'array'; give the rows themselves"):
        same(held)


@pytest.mark.parametrize(
    ("held", "numbers"),
    [
        ({0: ROWS, 6: ROWS * 2}, (0, 6)),
        ({"layer-06": ROWS, "layer-00": ROWS}, (0, 6)),
        ({"Layer 3": torch.tensor(ROWS)}, (3,)),
        ([ROWS, ROWS * 2, ROWS * 3], (0, 1, 2)),
        ((torch.tensor(SINGLE), torch.tensor(SINGLE[:, :2])), (0, 1)),
    ],
)
def test_layers_are_measured_by_their_numbers(held: Any, numbers: tuple[int, ...]) -> None:
    assert object_embeddings(held).layers == numbers
    report = geoscope.measure(held, layers="all", measures=["isoscore"])
    assert [row.layer for row in report.measurements] == list(numbers)
    assert geoscope.measure(held, measures="isoscore").measurements[0].layer == numbers[-1]


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ([[1.0, 2.0], [3.0]], "expected 2 numbers in every row of 'array', as row 0 has, got 1 in row 1; mend it"),
        ([torch.zeros(3), torch.zeros(2)], "expected 3 numbers in every row of 'array', as row 0 has, got 2 in row 1"),
        ([[1.0], 2.0], "got None in row 1"),
        (np.zeros(5), "shape .n, d., got 1 dimensions"),
        ([1.0, 2.0], "shape .n, d., got 1 dimensions"),
        (np.zeros((2, 3, 4)), "got 3 dimensions"),
        (5, "got 0 dimensions"),
        (ROWS > 0, "got bool; convert it"),
        (ROWS + 1j, "got complex128; convert it"),
        (np.array([["a", "b"]]), "got <U1; convert it"),
        ([["a", "b"]], "got <U1; convert it"),
        ([[None, 1.0]], "got object; convert it"),
        (pd.DataFrame({"a": [1.0], "label": ["x"]}), "got label beside them; drop them, and give labels as groups"),
        (pd.DataFrame({"embedding": [[1.0, 2.0]]}), "got embedding beside them"),
        (torch.eye(3).to_sparse(), "got a tensor of layout torch.sparse_coo; give its to_dense"),
        ({}, "got no layer at all"),
        ({"rows": ROWS}, "expected layers by number or as layer-NN, got the key 'rows'; rename it"),
        ({True: ROWS}, "got the key True"),
        ({0: ROWS, 1: ROWS[:5]}, "expected as many rows in every layer, got 30 in layer 0, 5 in layer 1"),
        (b"x", "got a bytes as 'array'"),
        (None, "got object; convert it|got 0 dimensions"),
        (object(), "got object; convert it|got 0 dimensions"),
    ],
)
def test_what_is_no_rows_is_a_sentence(held: Any, words: str) -> None:
    with pytest.raises(GeoscopeError, match=words) as told:
        geoscope.measure(held)
    assert str(told.value).startswith("expected ")


def test_sparse_rows_are_refused() -> None:
    from scipy.sparse import csr_matrix

    with pytest.raises(GeoscopeError, match=r"got a sparse csr_matrix as 'array'; give its toarray\(\)"):
        geoscope.measure(csr_matrix(ROWS))


def test_groups_are_of_any_kind_too() -> None:
    labels = np.repeat(np.arange(15), 2)
    expected = geoscope.measure(ROWS, groups=labels, measures=["two_nn_across"]).measurements
    for groups in (labels.tolist(), torch.tensor(labels), pd.Series(labels), [f"s{n:02d}" for n in labels]):
        assert geoscope.measure(ROWS, groups=groups, measures=["two_nn_across"]).measurements == expected


# Texts


def columns() -> list[Any]:
    """The same three texts and what is none, held in every way."""
    import pyarrow as pa
    from datasets import Dataset

    texts = ["a b", " c d ", None, "", "e f"]
    held = Dataset.from_dict({"text": texts, "id": list("12345")})
    return [
        texts, tuple(texts), pd.Series(texts), np.array(["a b", " c d ", " ", "", "e f"]), pa.array(texts),
        held["text"], held, held.select_columns(["text"]).rename_column("text", "content"), (text for text in texts),
    ]  # fmt: skip


def test_texts_are_held_in_any_way() -> None:
    for held in columns():
        with pytest.warns(UserWarning, match="2 of 5 texts are null or blank and left out"):
            corpus = corpus_held(held)
        assert corpus.sequences == ("a b", "c d", "e f"), type(held)
        assert corpus.fingerprint == fingerprint(("a b", "c d", "e f"))
    assert corpus_held("a lone text").sequences == ("a lone text",)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ([1, 2], "got a int in place 0 of texts"),
        (["a", ["b"]], "got a list in place 1 of texts"),
        ({"text": ["a"]}, "got a dict; give its texts"),
        (5, "got a int; give its texts"),
        (["", None], "expected at least one text in texts, got none"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_no_text_is_a_sentence(held: Any, words: str) -> None:
    with pytest.raises(GeoscopeError, match=words):
        corpus_held(held)


def test_texts_in_python_are_measured_as_a_file_of_them(
    checkpoint_folder: Callable[[str], Path], corpus_file: Path, texts: tuple[str, ...]
) -> None:
    folder = str(checkpoint_folder("bert"))
    options: dict[str, Any] = {"max_length": 32, "device": "cpu", "measures": ["isoscore"], "sequences": 40}
    of_file = geoscope.measure(folder, corpora=str(corpus_file), **options)
    for held in ({"texts": list(texts)}, {"corpora": [list(texts)]}):
        found = geoscope.measure(folder, **held, **options)
        assert found.measurements == of_file.measurements
        assert found.sample.fingerprint == of_file.sample.fingerprint
        assert [share.name for share in found.sample.corpora] == ["texts"]
    two = geoscope.measure(folder, corpora=[list(texts[:20]), str(corpus_file), list(texts[20:])], **options)
    assert [share.name for share in two.sample.corpora] == ["texts-1", "words", "texts-2"]
    with pytest.raises(GeoscopeError, match="expected corpora or texts, got both"):
        geoscope.measure(folder, texts=["a"], corpora=["sample"], **options)
    with pytest.raises(GeoscopeError, match="expected texts only with a checkpoint"):
        geoscope.measure(ROWS, texts=["a"])
    assert geoscope.compare(of_file, folder, texts=list(texts), **options).differences[0].difference == 0
