"""Details: who holds a layer's energy, its largest values and its neighbours."""

from __future__ import annotations

import json

import numpy as np
import pytest
from wrong_values import LEFT_OUT, wrong

import geoscope
from geoscope.details import Details
from geoscope.errors import GeoscopeError
from geoscope.estimates.attribution import DETAILS_BYTES, details_of, within_bound
from geoscope.passes.attribution.holders import POSITIONS, Holders
from geoscope.passes.gathering import gather
from geoscope.passes.passes import Passes, PassSettings
from geoscope.report import Report
from geoscope.rows import Batch, RowIndex

PLAIN = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
PEAKS = PLAIN + 100 * np.outer(np.arange(500) % 10 == 0, np.arange(20) == 3)
INDEX = RowIndex(np.arange(500) // 10, np.arange(500) % 10, 7 * np.arange(500) % 23)


class Rows:
    """A source of some layers, a few rows at a time, in an order."""

    def __init__(self, arrays, index=INDEX, size=37, order=None):
        self.arrays, self.index, self.size = arrays, index, size
        self.layers = tuple(arrays)
        self.order = np.arange(len(index)) if order is None else order

    def batches(self, layers=None):
        for start in range(0, len(self.index), self.size):
            offsets = self.order[start : start + self.size]
            yield Batch(offsets, {layer: self.arrays[layer][offsets] for layer in self.layers})


def details(source, *, pairs=False, positions=True, union=False, points=None, parts=0):
    found = []
    for cloud in gather(
        source, source.layers, union=union, points=points, seed=0, parts=parts, positions=positions, details=True
    ):
        passes = Passes(cloud.moments, cloud.take_points(), cloud.sequences, PassSettings())
        if pairs:
            passes.get("pairs")
        found.append(details_of(cloud, passes, None))
    return found


def shares(found):
    return {each.name: each.energy for each in found}


def test_known_shares():
    """Of a second implementation, to the digits that it states."""
    (found,) = details(Rows({1: PEAKS}))
    dimensions = shares(found.dimensions)
    assert list(dimensions)[:3] == [3, 0, 1]
    assert dimensions[3] == pytest.approx(0.9963472832, abs=1e-10)
    assert dimensions[0] == pytest.approx(0.001122755540, abs=1e-12)
    assert dimensions[1] == pytest.approx(0.0005534075585, abs=1e-13)
    assert (found.positions[0].name, found.positions[0].rows) == (0, 0.1)
    assert found.positions[0].energy == pytest.approx(0.8968690555, abs=1e-10)
    tokens = shares(found.token_ids)
    assert list(tokens)[:3] == [3, 1, 0]
    for name, value in ((3, 0.05870250266), (1, 0.05857484800), (0, 0.05820295845)):
        assert tokens[name] == pytest.approx(value, abs=1e-11)
    assert found.hubs is None  # nobody asked for neighbours


@pytest.mark.parametrize("offset", [0.0, 1e3])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e160])
def test_streamed_in_any_order_is_two_sweeps(offset, scale):
    rows = (PEAKS + offset) * scale
    order = np.random.default_rng(1).permutation(500)
    (one,) = details(Rows({1: rows}))
    (other,) = details(Rows({1: rows}, size=1, order=order), parts=20)
    centred = PEAKS - PEAKS.mean(axis=0)
    squares = centred**2 / np.sum(centred**2)
    for found in (one, other):
        assert shares(found.dimensions) == pytest.approx({j: squares[:, j].sum() for j in shares(found.dimensions)})
        by_position = squares.sum(axis=1).reshape(50, 10).sum(axis=0)
        assert shares(found.positions) == pytest.approx({p: by_position[p] for p in shares(found.positions)})
    assert one.largest == other.largest
    top = sorted(np.ndindex(rows.shape), key=lambda at: (-abs(rows[at]), at))[:5]
    assert [each.value for each in one.largest] == [rows[at] for at in top]
    assert [(each.sequence, each.position, each.dimension) for each in one.largest] == [
        (i // 10, i % 10, j) for i, j in top
    ]
    assert [each.token_id for each in one.largest] == [7 * i % 23 for i, _ in top]


def test_ties_go_by_the_smaller_number_whatever_order_rows_come_in():
    rows = np.tile([[2.0, -2.0, 2.0], [-2.0, 2.0, -2.0]], (250, 1))
    for order in (None, np.arange(500)[::-1]):
        (found,) = details(Rows({1: rows}, order=order))
        assert [each.name for each in found.dimensions] == [0, 1, 2]
        assert [each.name for each in found.positions] == [0, 1, 2, 3, 4]
        assert [(each.sequence, each.position, each.dimension) for each in found.largest] == [
            (0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0), (0, 1, 1),
        ]  # fmt: skip


def test_hubs_are_those_most_often_among_the_ten_nearest():
    (found,) = details(Rows({1: PLAIN}), pairs=True)
    apart = np.linalg.norm(PLAIN[:, None] - PLAIN, axis=2)
    np.fill_diagonal(apart, np.inf)
    counts = np.bincount(np.argsort(apart, axis=1, kind="stable")[:, :10].ravel(), minlength=500)
    top = np.argsort(-counts, kind="stable")[:5]
    assert [(each.count, each.sequence, each.position) for each in found.hubs] == [
        (counts[i], i // 10, i % 10) for i in top
    ]
    assert found.hubs[0].count == 57


def test_token_ids_are_of_the_sampled_rows():
    (found,) = details(Rows({1: PEAKS}), points=60)
    assert all(round(60 * each.rows, 9).is_integer() for each in found.token_ids)


def test_the_union_of_layers_is_one_cloud():
    (found,) = details(Rows({1: PEAKS, 2: PLAIN}), union=True)
    both = np.concatenate([PEAKS, PLAIN])
    variances = both.var(axis=0)
    assert found.dimensions[0].energy == pytest.approx(variances[3] / variances.sum())
    assert found.positions[0].rows == pytest.approx(0.1)


def test_pooled_rows_have_neither_positions_nor_token_ids():
    (found,) = details(Rows({1: PEAKS}), positions=False)
    assert (found.positions, found.token_ids) == (None, None)
    assert {(each.position, each.token_id) for each in found.largest} == {(None, None)}


def test_equal_rows_hold_no_energy():
    (found,) = details(Rows({1: np.full((500, 3), 7.3)}))
    assert (found.dimensions, found.positions, found.token_ids) == ([], [], [])
    assert found.largest[0].value == 7.3


def test_far_positions_are_not_told_apart_and_this_is_said():
    index = RowIndex(np.zeros(500, dtype=np.int64), np.arange(500) + POSITIONS - 490, INDEX.token_ids)
    (found,) = details(Rows({1: PEAKS}, index))
    assert found.note == f"10 rows at positions from {POSITIONS:,} on are not told apart by position"
    assert Holders(index, True).by_position() is None  # of no rows


def test_details_stay_within_their_bound():
    (one,) = details(Rows({1: PEAKS}), pairs=True)
    many = [one.model_copy(update={"layer": layer}) for layer in range(400)]
    kept = within_bound(many)
    size = len(json.dumps([each.model_dump() for each in kept], indent=2))
    assert size < DETAILS_BYTES
    assert kept[-1].note.startswith(f"the details of the {400 - len(kept)} layers after this one are left out")
    assert within_bound(many[:3]) == many[:3]
    text = {"text": "\\" * 40}
    longest = {
        name: [each.model_copy(update=text) for each in getattr(one, name)] for name in ("token_ids", "largest", "hubs")
    }
    largest = json.dumps(one.model_copy(update=longest).model_dump(), indent=2)
    assert len(largest) * len(kept) < DETAILS_BYTES


# In reports


@pytest.fixture(scope="module")
def report():
    return geoscope.measure(PEAKS, measures=["isoscore", "two_nn"], details=True, errors=False, null="none")


def test_a_report_has_them_where_they_were_asked_for(report):
    assert report.details[0].dimensions[0].name == 3
    assert report.details[0].hubs
    assert Report.from_json(report.to_json()) == report
    plain = geoscope.measure(PEAKS, measures=["isoscore"], errors=False)
    assert plain.details is None
    assert "details" not in json.loads(plain.to_json())
    assert report.schema_version == plain.schema_version == "1"


def test_they_change_no_number(report):
    plain = geoscope.measure(PEAKS, measures=["isoscore", "two_nn"], errors=False, null="none")
    assert plain.measurements == report.measurements


def test_they_need_no_measure_of_every_row():
    found = geoscope.measure(PEAKS, measures=["two_nn"], details=True, errors=False, null="none").details[0]
    assert found.dimensions[0].energy == pytest.approx(0.9963472832, abs=1e-10)


@pytest.mark.parametrize("form", ["summary", "to_markdown", "to_html"])
def test_people_see_them(report, form):
    text = getattr(report, form)()
    assert "Who holds what" in text
    assert "99.6" in text
    assert "neighbour" in text


def test_wrong_values_are_refused(report):
    content = json.loads(report.to_json())
    refusals = []
    for _, _, document in wrong(content["details"][0]):
        try:
            assert Report.from_content({**content, "details": [document]}, "a file").summary()
        except GeoscopeError as error:
            refusals.append(str(error))
    assert len(refusals) > 100
    assert all("in a file details.0" in refusal for refusal in refusals)
    for path, value in (
        (("dimensions",), None), (("dimensions",), [1]), (("layer",), "3"), (("layer",), -1), (("layer",), True),
        (("dimensions", 0, "energy"), 1.5), (("dimensions", 0, "energy"), "0.5"), (("dimensions", 0, "name"), -1),
        (("largest", 0, "value"), None), (("largest", 0, "dimension"), 1.5), (("hubs", 0, "count"), "7"),
        (("largest", 0, "sequence"), LEFT_OUT), (("note",), 3),
        (("largest",), content["details"][0]["largest"] * 2),
    ):  # fmt: skip
        document = json.loads(json.dumps(content["details"][0]))
        held = document
        for key in path[:-1]:
            held = held[key]
        if value is LEFT_OUT:
            held.pop(path[-1])
        else:
            held[path[-1]] = value
        with pytest.raises(GeoscopeError, match=r"details\.0"):
            Report.from_content({**content, "details": [document]}, "a file")
    with pytest.raises(GeoscopeError, match="details"):
        Report.from_content({**content, "details": {}}, "a file")


def test_a_checkpoints_tokens_have_text_only_where_it_was_asked_for(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("the ship went out\nthe ship came in\n" * 3, encoding="utf-8")
    given = {
        "corpora": [str(path)],
        "sequences": 6,
        "measures": ["isoscore"],
        "errors": False,
        "layers": 1,
        "device": "cpu",
    }
    told = geoscope.measure("demo", details_text=True, **given).details[0]
    words = {each.text for each in told.token_ids}
    assert words & {"the", "ship", "went", "out", "came", "in"}
    assert all(each.text is not None for each in told.largest)
    pooled = geoscope.measure("demo", details=True, pooling="mean", **given)
    assert "text" not in json.dumps(pooled.details[0].model_dump())
    assert (pooled.details[0].positions, pooled.details[0].token_ids) == (None, None)


def test_rows_of_a_file_have_no_text():
    with pytest.raises(GeoscopeError, match="--details-text with a checkpoint that reads text"):
        geoscope.measure(PLAIN, measures=["isoscore"], details_text=True)


def test_the_schema_has_them():
    from geoscope.report import json_schema

    schema = json_schema()
    assert "details" not in schema["required"]
    assert set(schema["$defs"]["Details"]["required"]) == set(Details.model_fields) - {"note"}
