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
from geoscope.subjects.embeddings.objects import object_embeddings
from geoscope.subjects.texts.corpora import fingerprint
from geoscope.subjects.texts.held_texts import corpus_held

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
    assert np.array_equal(same(held), ROWS)


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
        (pd.DataFrame({"label": ["x"]}), "expected one column of lists of numbers, or several columns of floats"),
        (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), "expected each column once, got a twice in 'array'"),
        (pd.DataFrame({"a": pd.interval_range(0, 3)}), "expected one column of lists of numbers"),
        (torch.empty(4, 2, device="meta"), r"without data \(on meta\)"),
        (torch.quantize_per_tensor(torch.zeros(3, 2), 0.1, 0, torch.qint8), "Tensor of torch.qint8"),
        (np.array([(1.0, 2.0)], dtype=[("a", float), ("b", float)]), "got records of the fields a, b"),
        (np.ma.masked_values([[1.0, 2.0], [3.0, -9.0]], -9.0), "got 1 masked; fill or drop their rows"),
        ({"layer-1": ROWS, 1: ROWS}, "expected each layer once, got 'layer-1', 1; leave one out"),
        ((row for row in ROWS), "got a generator as 'array'; give vectors"),
        (torch.eye(3).to_sparse(), "got a tensor of layout torch.sparse_coo; give its to_dense"),
        ({}, "got no layer at all"),
        ({"rows": ROWS}, "expected layers by number or as layer-NN, got a dict with the key 'rows'"),
        ({True: ROWS}, "with the key True"),
        ({0: ROWS, 1: ROWS[:5]}, "expected as many rows in every layer, got 30 in layer 0, 5 in layer 1"),
        (b"x", "got a bytes as 'array'"),
        (None, "got a NoneType as 'array'"),
        (object(), "got a object as 'array'"),
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


def test_a_tables_columns_are_told_apart_as_a_files_are(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS, columns=[f"dim_{place}" for place in range(4)])
    full = frame.assign(id=range(30), label=["a", "b"] * 15)
    full.to_parquet(tmp_path / "rows.parquet")
    for held in (full, full.set_index("id"), __import__("pyarrow").Table.from_pandas(full)):
        with pytest.warns(UserWarning, match=r"left out: the row is dim_0 to dim_3 \(4 columns\)"):
            assert np.array_equal(same(held), ROWS)
    lists = pd.DataFrame({"text": ["x"] * 30, "embedding": list(ROWS), "sequence": np.repeat(range(10), 3)})
    assert np.array_equal(same(lists), ROWS)
    assert np.array_equal(object_embeddings(lists, column="embedding").rows(), ROWS)
    by_name = geoscope.measure(lists, groups="sequence", measures=["two_nn_across"])
    by_label = geoscope.measure(ROWS, groups=lists["sequence"], measures=["two_nn_across"])
    assert by_name.measurements == by_label.measurements
    with pytest.raises(GeoscopeError, match="expected column only with an embeddings file or a table"):
        geoscope.measure(ROWS, column="embedding")


def test_rows_in_batches_of_their_own_are_rows() -> None:
    assert np.array_equal(same([row[None] for row in ROWS]), ROWS)
    assert np.array_equal(same([torch.tensor(row)[None] for row in SINGLE]), SINGLE)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (["a", None] * 15, "expected a label for every row, got 15 missing; fill them"),
        (pd.Series(["a", pd.NA] * 15, dtype="string"), "got 15 missing"),
        ([[1], [1, 2]] * 15, "expected one label a row as groups, got "),
        (5, "expected groups as one label a row, got a int"),
        ("column", "expected groups as one label a row, got a str"),
    ],
)
def test_labels_that_are_missing_are_refused(groups: Any, words: str) -> None:
    with pytest.raises(GeoscopeError, match=words):
        geoscope.measure(ROWS, groups=groups)


# Texts


def columns() -> list[Any]:
    """The same three texts and what is none, held in every way."""
    import pyarrow as pa
    from datasets import Dataset

    texts = ["a b", " c d ", None, "", "e f"]
    held = Dataset.from_dict({"text": texts, "id": list("12345")})
    return [
        texts, tuple(texts), pd.Series(texts), np.array(["a b", " c d ", " ", "", "e f"]), pa.array(texts),
        held["text"], pd.Series(texts, dtype="string"),
        pd.DataFrame({"id": range(5), "text": texts}), held,
        held.select_columns(["text"]).rename_column("text", "content"), (text for text in texts),
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
        (["a\ud800b"], "expected whole characters, got half of one"),
        (np.array("abc"), "got a ndarray; give its texts"),
        (pd.DataFrame({"id": [1], "content": ["a"]}), "got the columns id, content; give the column of texts"),
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
