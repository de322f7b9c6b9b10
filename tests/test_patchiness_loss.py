"""The patchiness loss: reference values, its gradient, what it tends to, and what fresh codebooks say of its work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from geoscope.errors import GeoscopeError
from geoscope.measures import patchiness_heldout
from geoscope.measures.quantization import lloyd_index
from geoscope.passes.quantizers.codebooks import QuantizerSettings, quantize
from geoscope.regularizers import frozen_codebooks, learn_codebooks, patchiness_loss
from geoscope.regularizers.points import warn_once

pytestmark = pytest.mark.usefixtures("one_thread")
P = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
ONE = P[:16]
TWO = np.stack([P[:16], P[16:32] / 2])

REFERENCE = {  # temperature: one codebook, the norm of its gradient, two codebooks
    1000.0: (1.000000148, 7.637128869e-9, 1.000000133),
    1.0: (1.062955296, 0.006052750102, 1.054008305),
    0.3: (1.199702931, 0.04609717482, 1.168275375),
    0.1: (1.355374005, 0.1659750673, 1.282952036),
    0.03: (1.397584196, 0.3577602101, 1.323680340),
    0.01: (1.409899738, 0.6517324307, 1.343992531),
    0.001: (1.409303869, 1.448929149, 1.355600970),
    1e-6: (1.412232465, 0.0, 1.354388778),
}


def index(points: Any, tables: Any, temperature: float) -> tuple[float, Any]:
    """The soft index of points by codebooks frozen with them, and its gradient."""
    x = torch.tensor(points, requires_grad=True)
    loss = patchiness_loss(x, frozen_codebooks(torch.tensor(tables), x), temperature=temperature)
    loss.backward()
    return -loss.item(), -x.grad.numpy()


def moved(tables: Any, offset: float) -> Any:
    """Codebooks of points that far away: the first alone is moved, since codes add up."""
    shift = np.zeros(tables.shape)
    shift[0 if tables.ndim == 3 else slice(None)] = offset
    return tables + shift


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("temperature", REFERENCE)
def test_it_has_the_reference_values(temperature: float, offset: float) -> None:
    one, norm, two = REFERENCE[temperature]
    found, gradient = index(P + offset, moved(ONE, offset), temperature)
    assert found == pytest.approx(one, abs=6e-10)
    assert np.linalg.norm(gradient) == pytest.approx(norm, rel=1e-9, abs=1e-30)
    assert index(P + offset, moved(TWO, offset), temperature)[0] == pytest.approx(two, abs=6e-10)


def test_its_gradient_has_the_reference_values() -> None:
    gradient = index(P, ONE, 0.1)[1]
    assert gradient[100, 0] == pytest.approx(-0.001568683391, rel=1e-9)
    assert gradient[499, 19] == pytest.approx(-0.0006810000026, rel=1e-9)
    assert np.linalg.norm(gradient.sum(axis=0)) == pytest.approx(1.21, abs=0.005)  # the codes would take as much back


@pytest.mark.parametrize("tables", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize("temperature", [0.1, 0.3])
def test_its_gradient_is_that_of_finite_differences(tables: Any, temperature: float) -> None:
    books = frozen_codebooks(torch.tensor(tables), torch.tensor(P))
    x = torch.tensor(P[:12], requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: patchiness_loss(x, books, temperature=temperature), (x,))


@pytest.mark.parametrize("tables", [ONE, TWO], ids=["one", "two"])
def test_value_and_gradient_are_autograds_whatever_the_blocks(tables: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.regularizers.patchiness.BLOCK_ROWS", 7)
    books = frozen_codebooks(torch.tensor(tables), torch.tensor(P))
    x = torch.tensor(P[:60], requires_grad=True)
    y = x.detach().clone().requires_grad_()
    loss = patchiness_loss(x, books, temperature=0.2)
    loss.backward()
    plain = _plain(y, books, 0.2)
    plain.backward()
    assert loss.item() == pytest.approx(plain.item(), rel=1e-13)
    assert (x.grad - y.grad).norm() < 1e-13 * y.grad.norm()


def _plain(points: Any, books: Any, temperature: float) -> Any:
    """The formula as it is written, of codes that are searched one single change after the other."""
    z = books.scaled(points)
    codes = books.costs.nearest(books.costs.unary(z.detach()))
    parts = [table[codes[:, m]] for m, table in enumerate(books.tables)]
    n, found = len(z), []
    for m, table in enumerate(books.tables):
        target = z - sum(part for other, part in enumerate(parts) if other != m)
        gaps = (target[:, None] - table).square().sum(dim=2)
        assert torch.equal(gaps.argmin(dim=1), codes[:, m])
        a = torch.softmax(-gaps / temperature, dim=1)
        found.append(len(table) / (n * (n - 1)) * (a.sum(dim=0).square().sum() - a.square().sum()))
    return -sum(found) / len(found)


@pytest.mark.parametrize("tables", [ONE, TWO], ids=["one", "two"])
def test_it_tends_to_the_hard_index_and_that_is_lloyds(tables: Any) -> None:
    books = frozen_codebooks(torch.tensor(tables), torch.tensor(P))
    codes = books.costs.nearest(books.costs.unary(books.scaled(torch.tensor(P))))
    n, k = 500, 16
    counts = [np.bincount(column, minlength=k) for column in codes.numpy().T]
    hard = [k / (n * (n - 1)) * float((each * (each - 1)).sum()) for each in counts]
    gaps = [abs(index(P, tables, temperature)[0] - np.mean(hard)) for temperature in (1.0, 0.1, 1e-3, 1e-9)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-12
    lloyd = [1 + (each * (n - 1) / n - 1 + k / n) * k / (k - 1) - k / n for each in hard]
    assert lloyd == pytest.approx([lloyd_index(each) for each in counts], rel=1e-12)


def test_a_batch_is_as_patchy_as_the_whole_on_average() -> None:
    books = frozen_codebooks(torch.tensor(ONE), torch.tensor(P))
    rng = np.random.default_rng(1)
    batches = [torch.tensor(P[rng.choice(500, 64, replace=False)]) for _ in range(800)]
    found = [-patchiness_loss(batch, books, temperature=0.1).item() for batch in batches]
    error = np.std(found, ddof=1) / len(found) ** 0.5
    assert np.mean(found) == pytest.approx(1.355374005, abs=4 * error)
    assert error < 0.01


def test_one_code_is_never_patchy() -> None:
    found, gradient = index(P, P[:1], 0.2)
    assert found == pytest.approx(1.0, abs=1e-12)
    assert not gradient.any()


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_points_may_have_any_size(size: float) -> None:
    found, gradient = index(P * size, TWO * size, 0.2)
    wanted, slope = index(P, TWO, 0.2)
    assert found == pytest.approx(wanted, abs=1e-12)
    np.testing.assert_allclose(gradient * size, slope, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_half_precision_and_autocast_change_nothing_but_rounding(dtype: Any) -> None:
    books = frozen_codebooks(torch.tensor(TWO), torch.tensor(P))
    x = torch.tensor(P).to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = patchiness_loss(x, books)
    loss.backward()
    assert (loss.dtype, x.grad.dtype) == (torch.float32, dtype)
    assert loss.item() == pytest.approx(patchiness_loss(x.detach().double(), books).item(), rel=1e-6)


def test_one_point_has_no_patchiness() -> None:
    warn_once.cache_clear()
    books = frozen_codebooks(torch.tensor(ONE), torch.tensor(P))
    x = torch.tensor(P[:1], requires_grad=True)
    with pytest.warns(UserWarning, match="two points at least"):
        loss = patchiness_loss(x, books)
    loss.backward()
    assert (loss.item(), x.grad.any().item()) == (0.0, False)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: patchiness_loss(torch.zeros(4, 20), _BOOKS, temperature=0.0), "a temperature above 0, got 0.0"),
        (lambda: patchiness_loss(torch.zeros(4, 3), _BOOKS), "expected points of 20 dimensions"),
        (lambda: frozen_codebooks(torch.zeros(4, 3), torch.tensor(P)), r"of shape \(M, K, 20\)"),
        (lambda: frozen_codebooks(torch.zeros(5, 1024, 20), torch.tensor(P)), "at most 4,096 codes"),
        (lambda: frozen_codebooks(torch.tensor(ONE), torch.tensor(ONE)), "rebuild exactly"),
        (lambda: learn_codebooks(torch.tensor(P[:100])), "LSQ 4x8 codebooks can be learnt of, got 100: 100 rows"),
        (lambda: learn_codebooks(torch.ones(300, 20)), "rebuild exactly"),
    ],
)
def test_what_cannot_be_counted_is_a_sentence(call: Any, said: str) -> None:
    with pytest.raises(GeoscopeError, match=said):
        call()


_BOOKS = frozen_codebooks(torch.tensor(ONE), torch.tensor(P))


@pytest.mark.parametrize(("kind", "codebooks", "bits"), [("kmeans", 1, 4), ("pq", 4, 3), ("lsq", 2, 3)])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_learnt_codebooks_are_the_measures(kind: str, codebooks: int, bits: int, offset: float) -> None:
    """What they leave of the points is what the measure's leave; LSQ's search finds codes that ours misses some of."""
    rows = (P + offset).astype(np.float32)
    books = learn_codebooks(torch.tensor(rows), quantizer=kind, codebooks=codebooks, bits=bits)
    settings = QuantizerSettings(kind, codebooks, bits)
    measured = quantize(rows, settings).error / len(rows)
    assert 0.999 < books.unit**2 / measured < (1.15 if kind == "lsq" else 1.001)
    assert books.tables.shape == (codebooks, 2**bits, 20)


def held_out(points: Any) -> float:
    """The patchiness of points by codebooks that never saw them, mean over halves."""
    settings: Any = {"quantizer": "kmeans", "bits": 4, "groups": np.arange(len(points))}
    return float(np.mean([patchiness_heldout(points, seed=seed, **settings) for seed in range(100, 108)]))


def test_weight_1_raises_what_fresh_codebooks_count_on_points_they_never_saw() -> None:
    """And old codebooks are fooled: by them the same training gains several times as much."""
    for seed in range(5):
        start = np.random.default_rng(seed).standard_normal((500, 32))
        refreshed, _ = trained(start, every=5)
        frozen, stale = trained(start, every=1000)
        assert held_out(refreshed) > held_out(start)
        assert stale - 1.0 > 2 * (held_out(frozen) - 1.0)


def trained(start: Any, *, every: int) -> tuple[Any, float]:
    """Free points after 100 steps, their codebooks learnt anew every so many, and what the last loss counted."""
    x = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.Adam([x], lr=0.05)
    for step in range(100):
        if step % every == 0:
            books = learn_codebooks(x.detach(), quantizer="kmeans", bits=4, seed=step)
        loss = patchiness_loss(x, books)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return x.detach().numpy(), -loss.item()
