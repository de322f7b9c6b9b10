"""The losses: what they are worth, their gradients, and what they do with points that have no value."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import geoscope
from geoscope.errors import GeoscopeError, Undefined
from geoscope.measures import average_cosine_similarity, isoscore_star, persistent_entropy, prominent_bars
from geoscope.regularizers import SELECTIONS, class_entropies, cosine_loss, isotropy_loss, persistent_entropy_loss
from geoscope.regularizers.bars import bars_of
from geoscope.regularizers.points import warn_once
from geoscope.regularizers.selections import published_count, relative_count, strict_count

LOSSES = {
    "isotropy": isotropy_loss,
    "isotropy, shrunk": lambda x: isotropy_loss(x, shrinkage=0.3),
    "cosine": cosine_loss,
    "entropy": persistent_entropy_loss,
    "entropy, strict": lambda x: persistent_entropy_loss(x, selection="strict"),
}


@pytest.fixture(autouse=True)
def _nothing_said_yet():
    warn_once.cache_clear()


def G(seed, n, d):  # noqa: N802  # the reference's own name
    return np.random.default_rng(seed).standard_normal((n, d))


def cross(variances):
    """Points whose covariance is exactly proportional to diag(variances), with mean 0."""
    half = np.diag(np.sqrt(np.asarray(variances, dtype=float)))
    return np.vstack([half, -half])


def leaf(points, dtype=torch.float64):
    return torch.tensor(points, dtype=dtype, requires_grad=True)


def gradient(loss, points):
    x = leaf(points)
    loss(x).backward()
    return x.grad.numpy()


SCALED = G(0, 1000, 5) * np.sqrt([5, 4, 3, 2, 1])
ISOSCORES = {
    "K1of4": (cross([1, 0, 0, 0]), 0.0),
    "K2of4": (cross([1, 1, 0, 0]), 1 / 3),
    "K4of4": (cross([1] * 4), 1.0),
    "K100of768": (cross([1] * 100 + [0] * 668), 99 / 767),
    "1 to 4": (cross([1, 2, 3, 4]), 7 / 9),
    "10, 1, 1": (cross([10, 1, 1]), 7 / 34),
    "1/i": (cross(1 / np.arange(1, 11)), 0.5039527437),
    ".9^i": (cross(0.9 ** np.arange(64)), 0.2850039692),
    "outlier": (cross([1000] + [1] * 767), 0.0027638801),
    "four points": (np.array([[0.0, 0], [1, 0], [0, 2], [3, 1]]), 0.7575322812),
    "scaled": (SCALED, 0.7560005184),
    "scaled, far": (SCALED + 1000.0, 0.7560005184),
    "correlated": (
        G(2, 500, 8) @ np.linalg.cholesky(0.9 ** np.abs(np.subtract.outer(np.arange(8), np.arange(8)))).T,
        0.0814013990,
    ),
    "20 x 16": (G(1, 20, 16), 0.4685430448),
    "line": (np.outer(G(0, 100, 1)[:, 0], [1.0, 2, 3]), 0.0),
    "two points": (G(3, 2, 6), 0.0),
    "n < d": (G(0, 50, 768), 0.0586491529),
    "n just < d": (G(0, 700, 768), 0.4745346024),
}


@pytest.mark.parametrize("name", ISOSCORES)
def test_isotropy_loss_has_the_reference_values(name):
    points, isoscore = ISOSCORES[name]
    assert isotropy_loss(torch.tensor(points)).item() == pytest.approx(1 - isoscore, abs=1e-10)


SHRUNK = {
    0.1: (0.5331705303, 0.7513811059, 0.5345931080, 0.9999993700),
    0.2: (0.6019575297, 0.8005829303, 0.6048034718, 0.9999998754),
    0.4: (0.7448979235, 0.7947805433, 0.7495197098, 0.9999999825),
    0.6: (0.8761239295, 0.7787272543, 0.8786319973, 0.9999999965),
    0.75: (0.9501001622, 0.7692017436, 0.9470099339, 0.9999999991),
    1.0: (1.0, 25 / 33, 0.9810045322, 1.0),
}


@pytest.mark.parametrize("zeta", SHRUNK)
def test_isotropy_loss_has_the_reference_values_under_shrinkage(zeta):
    points = torch.tensor(G(1, 20, 16))
    references = (torch.eye(16), torch.diag(torch.arange(1.0, 17)), torch.tensor(np.cov(G(4, 1000, 16).T)))
    found = [1 - isotropy_loss(points, shrinkage=zeta, reference=each).item() for each in references]
    found.append(1 - isotropy_loss(points * 0.01, shrinkage=zeta, reference=references[0]).item())
    assert found == pytest.approx(SHRUNK[zeta], abs=1e-10)


def test_isotropy_gradient_has_the_reference_values():
    diagonal = torch.diag(torch.arange(1.0, 17))
    found = -gradient(lambda x: isotropy_loss(x, shrinkage=0.2, reference=diagonal), G(1, 20, 16))
    assert found[0, 0] == pytest.approx(1.424985885122e-03, rel=1e-12)
    assert found[19, 15] == pytest.approx(-4.058519801785e-03, rel=1e-12)
    assert np.linalg.norm(found) == pytest.approx(2.496644185071e-02, rel=1e-12)
    points = ISOSCORES["four points"][0]
    found = -gradient(lambda x: isotropy_loss(x, shrinkage=0.5, reference=torch.eye(2)), points)
    wanted = [
        [0.084745655845, -0.099484030775],
        [0, -0.099484030775],
        [0.084745655845, 0.165806717958],
        [-0.169491311691, 0.033161343592],
    ]
    np.testing.assert_allclose(found, wanted, atol=5e-13)
    assert 1 - isotropy_loss(torch.tensor(points), shrinkage=0.5, reference=torch.eye(2)).item() == pytest.approx(
        0.9073972603, abs=1e-10
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-6)])
@pytest.mark.parametrize("shape", [(300, 24), (24, 24), (10, 24), (5000, 3), (2500, 96), (50, 96)])
@pytest.mark.parametrize(("offset", "size"), [(0.0, 1.0), (1e4, 1.0), (0.0, 1e30), (1e-33, 1e-35)])
def test_isotropy_loss_is_one_less_what_is_measured(dtype, tolerance, shape, offset, size):
    n, d = shape
    rows = (G(n, n, d) * np.linspace(0.2, 3, d) * size + offset).astype(dtype)
    reference = np.diag(np.linspace(1.0, 2.0, d)) * size * size
    for zeta, given in ((0.0, None), (0.3, None), (0.3, reference)):
        loss = isotropy_loss(
            torch.tensor(rows), shrinkage=zeta, reference=None if given is None else torch.tensor(given)
        )
        assert loss.dtype == torch.tensor(rows).dtype
        wanted = isoscore_star(rows, isoscore_zeta=zeta, isoscore_reference=given)
        assert loss.item() == pytest.approx(1 - wanted, abs=tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_isotropy_loss_of_more_dimensions_than_a_panel_is_that_of_the_singular_values(dtype):
    n, d = 600, 450
    rows = (G(6, n, d) * np.linspace(0.2, 3, d) + 2.0).astype(np.float32)
    x, y = leaf(rows), torch.tensor(rows, dtype=dtype, requires_grad=True)
    values = torch.linalg.svdvals(torch.cov(x.T))
    wanted = 1.0 - (values.sum() ** 2 / values.square().sum() - 1.0) / (d - 1.0)
    wanted.backward()
    loss = isotropy_loss(y)
    loss.backward()
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    assert loss.item() == pytest.approx(wanted.item(), abs=tolerance)
    assert (y.grad - x.grad).norm() < tolerance * 10 * x.grad.norm()


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_losses_stand_points_of_any_size(size):
    rows = G(5, 60, 7)
    for loss in LOSSES.values():
        assert loss(leaf(rows * size)).item() == pytest.approx(loss(leaf(rows)).item(), abs=1e-12)
        found = gradient(loss, rows * size)
        np.testing.assert_allclose(found * size, gradient(loss, rows), atol=1e-14)


def test_losses_equal_the_report():
    rows = G(6, 200, 12).astype(np.float32) + 3.0
    keys = ["isoscore_star", "average_cosine_similarity", "persistent_entropy"]
    report = geoscope.measure(rows, measures=keys, errors=False)
    value = {each.measure: each.value for each in report.measurements}
    x = torch.tensor(rows)
    assert isotropy_loss(x).item() == pytest.approx(1 - value["isoscore_star"], abs=1e-6)
    assert cosine_loss(x).item() == pytest.approx(value["average_cosine_similarity"] * 199 / 200, abs=1e-6)
    assert persistent_entropy_loss(x).item() == pytest.approx(-value["persistent_entropy"], abs=1e-6)


@pytest.mark.parametrize(
    ("points", "wanted"),
    [
        (SCALED, 0.0007789799),
        (SCALED + 1000.0, 0.9989975957),
        (G(0, 200, 10), 0.0018887640),
        (G(1, 20, 16), -0.0049783191),
        (ISOSCORES["line"][0], -0.0064),
    ],
)
def test_cosine_loss_has_the_reference_values(points, wanted):
    n = len(points)
    loss = cosine_loss(torch.tensor(points)).item()
    assert loss == pytest.approx(wanted, abs=1e-10)
    assert loss == pytest.approx(average_cosine_similarity(points) * (n - 1) / n, abs=1e-12)


def test_rows_without_direction_are_left_out_of_the_cosines():
    points = G(7, 12, 4)
    holed = np.insert(points, [0, 5], 0.0, axis=0)
    assert cosine_loss(leaf(holed)).item() == pytest.approx(cosine_loss(leaf(points)).item(), abs=1e-15)
    found = gradient(cosine_loss, holed)
    assert not found[[0, 6]].any()
    np.testing.assert_allclose(np.delete(found, [0, 6], axis=0), gradient(cosine_loss, points), atol=1e-16)


def _clouds():
    """The reference's inputs, with how many bars its three rules keep and the entropy of the published choice."""
    a = G(0, 200, 16)
    g = np.random.default_rng(1)
    d = np.repeat(g.standard_normal((4, 16)) * 10, 50, axis=0) + 0.5 * g.standard_normal((200, 16))
    g = np.random.default_rng(3)
    j = (np.ones(32) * 3 + g.standard_normal((300, 32))) * np.exp(0.5 * g.standard_normal((300, 1)))
    wide = G(4, 256, 64)
    wide[:, 0] = wide[:, 0] * 50 + 200
    return {
        "A": (a, 5.2851947779, (4, 4, 3), 1.3856768675),
        "B": (a + 5, 5.2851947779, (4, 4, 3), 1.3856768675),
        "C": (a * np.linspace(1, 10, 16), 5.2834789182, (4, 4, 5), 1.3830842975),
        "D": (d, 4.8020496073, (4, 3, 3), 1.1736438935),
        "F": ((2.0 ** np.arange(10))[:, None], 1.3721312546, (2, 1, 1), 0.6365141683),
        "G": (np.vstack([a, a[:20]]), 5.2851947779, (4, 4, 3), 1.3856768675),
        "I": (G(2, 500, 768), 6.2124796334, (5, 5, 5), 1.6094327185),
        "J": (j, 5.5571369362, (2, 1, 6), 0.6769885463),
        "K": (a * 1000, 5.2851947779, (4, 4, 3), 1.3856768675),
        "L": (wide, 5.5044028326, (7, 6, 3), 1.7082739098),
    }


CLOUDS = _clouds()


@pytest.mark.parametrize("name", CLOUDS)
def test_entropy_loss_and_selections_have_the_reference_values(name):
    points, entropy, counts, selected = CLOUDS[name]
    x = torch.tensor(points)
    assert -persistent_entropy_loss(x).item() == pytest.approx(entropy, abs=1e-10)
    assert -persistent_entropy_loss(x, selection="published").item() == pytest.approx(selected, abs=1e-10)
    bars = bars_of(points)[1]
    assert (published_count(bars), strict_count(bars), relative_count(bars)) == counts


LENGTHS = {
    "V2": ([0.1, 0.1, 0.1, 3.7], (2, 1, 1)),
    "V3": ([*np.linspace(0.1, 0.3, 20), 1, 1.2, 1.5], (4, 3, 3)),
    "V4": (1 / np.arange(1, 51), (2, 2, 3)),
    "V5": (np.exp(np.random.default_rng(0).standard_normal(100)), (2, 2, 3)),
    "V6": (2.0 ** np.arange(9), (2, 1, 1)),
    "V7": ([*np.random.default_rng(3).uniform(1, 1.2, 40), 5, 6], (3, 2, 2)),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_selections_of_lengths_have_the_reference_values(name):
    lengths, counts = LENGTHS[name]
    bars = np.array(lengths, dtype=float)
    assert (published_count(bars), strict_count(bars), relative_count(bars)) == counts
    assert relative_count(bars) == prominent_bars.formula(bars)


def test_bars_of_one_length_are_all_kept_and_too_few_cannot_be_selected_from():
    assert {count(np.ones(9)) for count in (published_count, strict_count, relative_count)} == {9}
    for count in (published_count, strict_count):
        with pytest.raises(Undefined, match="at least 4 bars"):
            count(np.array([1.0, 2, 3]))


def test_strict_selection_finds_the_gaps_between_far_clusters():
    for k in (2, 3, 4, 6, 8):
        g = np.random.default_rng(k)
        centres = np.repeat(g.standard_normal((k, 64)) * 10, -(-120 // k), axis=0)[:120]
        bars = bars_of(centres + 0.3 * g.standard_normal((120, 64)))[1]
        assert (strict_count(bars), relative_count(bars), published_count(bars)) == (k - 1, k - 1, k)


@pytest.mark.parametrize(
    ("settings", "value", "norm"),
    [
        ({}, 4.134090892140865, 0.007298222133538),
        ({"selection": "published"}, 1.3852809944984206, 0.007048331645951),
        ({"selection": "published", "noise_weight": 0.5}, 3.1370504913444406, 0.100426436887700),
    ],
)
def test_entropy_loss_equals_the_released_code(settings, value, norm):
    x = leaf(G(0, 64, 16))
    loss = persistent_entropy_loss(x, **settings)
    loss.backward()
    assert -loss.item() == pytest.approx(value, rel=1e-14)
    assert x.grad.norm().item() == pytest.approx(norm, rel=1e-12)


def test_entropy_gradient_is_its_closed_form():
    points = G(8, 40, 6)
    edges, bars = bars_of(points)
    share = bars / bars.sum()
    slope = -(np.log(share) - np.sum(share * np.log(share))) / bars.sum()
    pulls = slope[:, None] * (points[edges[:, 0]] - points[edges[:, 1]]) / bars[:, None]
    wanted = np.zeros_like(points)
    np.add.at(wanted, edges[:, 0], pulls)
    np.add.at(wanted, edges[:, 1], -pulls)
    found = -gradient(persistent_entropy_loss, points)
    np.testing.assert_allclose(found, wanted, atol=1e-16)
    assert abs(found.sum(axis=0)).max() < 1e-16
    assert abs(np.vdot(found, points)) < 1e-15


def test_equal_points_are_no_bars_and_pull_at_nothing():
    points = G(9, 30, 5)
    copied = np.vstack([points, points[:8], points[:3], points[:8] + 1e-9])
    assert persistent_entropy_loss(leaf(copied)).item() == pytest.approx(-persistent_entropy(copied), abs=1e-12)
    found = gradient(persistent_entropy_loss, np.vstack([points, points[:8]]))
    together = found[:30].copy()
    together[:8] += found[30:]
    np.testing.assert_allclose(together, gradient(persistent_entropy_loss, points), atol=1e-15)


def test_large_classes_have_the_same_bars(monkeypatch):
    points = np.vstack([G(10, 300, 20), G(10, 5, 20)])
    edges, bars = bars_of(points)
    monkeypatch.setattr("geoscope.regularizers.bars.DENSE", 10)
    swept, lengths = bars_of(points)
    np.testing.assert_allclose(bars, lengths, rtol=1e-13)
    one, other = ({frozenset(edge) for edge in (each % 300).tolist()} for each in (edges, swept))  # 300 on are copies
    assert one == other


def test_entropy_loss_sums_over_classes():
    points, labels = torch.tensor(G(11, 30, 4)), torch.tensor([3, -1, 7] * 10)
    apart = [persistent_entropy_loss(points[labels == each], selection="relative") for each in (3, -1, 7)]
    assert persistent_entropy_loss(points, labels, selection="relative").item() == pytest.approx(sum(apart).item())


def test_random_selection_draws_as_many_by_its_seed():
    points = torch.tensor(CLOUDS["D"][0])

    def loss(seed):
        return persistent_entropy_loss(points, selection="random", generator=torch.Generator().manual_seed(seed)).item()

    assert loss(0) == loss(0)
    drawn = {loss(seed) for seed in range(10)}
    assert len(drawn) == 10
    assert all(0 < -each <= np.log(4) for each in drawn)


@pytest.mark.parametrize("rows_of_a_block", [4, 4096])  # several blocks, and one, whose copy the gradient uses again
@pytest.mark.parametrize("shape", [(9, 4), (4, 6)])
def test_isotropy_gradient_agrees_with_differences(shape, rows_of_a_block, monkeypatch):
    monkeypatch.setattr("geoscope.regularizers.isotropy._BLOCK_ROWS", rows_of_a_block)
    n, d = shape
    x, half = leaf(G(12, n, d) + 2.0), G(13, d, d)
    reference = torch.tensor(half @ half.T)
    for settings in ({}, {"shrinkage": 0.3}, {"shrinkage": 0.3, "reference": reference}):
        assert torch.autograd.gradcheck(lambda each, s=settings: isotropy_loss(each, **s), (x,))


def test_cosine_gradient_agrees_with_differences():
    assert torch.autograd.gradcheck(cosine_loss, (leaf(G(14, 9, 4) + 0.5),))


@pytest.mark.parametrize("noise_weight", [0.0, 0.5])
@pytest.mark.parametrize("selection", SELECTIONS)
def test_entropy_gradient_agrees_with_differences(selection, noise_weight):
    labels = torch.tensor([0, 1] * 10)

    def loss(x):
        generator = torch.Generator().manual_seed(0)
        return persistent_entropy_loss(x, labels, selection=selection, noise_weight=noise_weight, generator=generator)

    assert torch.autograd.gradcheck(loss, (leaf(G(15, 20, 3)),))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 1e-3), (torch.bfloat16, 4e-3), (torch.float32, 1e-6)])
@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_is_computed_in_full(name, dtype, tolerance):
    x = leaf(G(16, 100, 64) + 4.0, dtype)
    loss = LOSSES[name](x)
    loss.backward()
    exact = x.detach().double().requires_grad_()
    LOSSES[name](exact).backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(LOSSES[name](exact).item(), rel=1e-6)
    assert x.grad.dtype == dtype
    wanted = exact.grad.to(dtype).double()
    assert (x.grad.double() - wanted).norm() <= tolerance * wanted.norm()


@pytest.mark.parametrize("name", LOSSES)
def test_autocast_and_distance_from_the_origin_change_nothing(name):
    x = leaf(G(17, 100, 64), torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = LOSSES[name](x)
    assert cast.item() == LOSSES[name](x).item()
    if name != "cosine":
        far = x.detach().double() + 1e4
        assert LOSSES[name](far).item() == pytest.approx(LOSSES[name](x.detach().double()).item(), abs=1e-10)


def test_a_choice_of_quick_products_is_set_aside_and_kept():
    x = leaf(G(17, 100, 64), torch.float32)
    exact = isotropy_loss(x).item()
    backends = {torch.backends.cuda.matmul: "tf32", torch.backends.mkldnn.matmul: "bf16"}
    before = {backend: backend.fp32_precision for backend in backends}
    try:
        for backend, chosen in backends.items():
            backend.fp32_precision = chosen
        loss = isotropy_loss(x)
        loss.backward()
        assert {backend: backend.fp32_precision for backend in backends} == backends
    finally:
        for backend, chosen in before.items():
            backend.fp32_precision = chosen
    assert loss.item() == exact


def test_a_far_cloud_in_float32_is_centred_in_double():
    far = torch.tensor(SCALED, dtype=torch.float32) + 1e5
    covariance = np.cov(far.double().numpy().T)
    isoscore = (np.trace(covariance) ** 2 / np.sum(covariance**2) - 1) / 4
    assert isoscore == pytest.approx(0.75604, abs=1e-5)
    assert isotropy_loss(far).item() == pytest.approx(1 - isoscore, abs=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_another_device_gives_the_same(name, elsewhere):
    here = leaf(G(18, 100, 64), torch.float32)
    there = here.detach().to(elsewhere).requires_grad_()
    LOSSES[name](here).backward()
    loss = LOSSES[name](there)
    loss.backward()
    assert loss.device == there.device
    assert loss.item() == pytest.approx(LOSSES[name](here).item(), abs=1e-6)
    torch.testing.assert_close(there.grad.cpu(), here.grad)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(
    "points", [np.empty((0, 5)), np.ones((1, 5)), np.full((6, 5), 0.1)], ids=["none", "one", "equal"]
)
def test_points_without_a_value_cost_nothing_and_warn_once(name, dtype, points):
    if name == "cosine" and len(points) > 1:
        points = np.zeros_like(points)  # equal points have a cosine, points without direction none
    x = leaf(points, dtype)
    with pytest.warns(UserWarning, match="the loss is 0"):
        loss = LOSSES[name](x)
    loss.backward()
    assert loss.item() == 0
    assert not x.grad.any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LOSSES[name](x).item() == 0


def test_one_dimension_has_no_isotropy():
    with pytest.warns(UserWarning, match="two dimensions"):
        assert isotropy_loss(torch.tensor(G(19, 10, 1))).item() == 0


@pytest.mark.parametrize(("selection", "skipped"), [("all", 1), ("relative", 1), ("strict", 3), ("random", 3)])
def test_classes_without_a_value_are_skipped_and_counted(selection, skipped):
    points = leaf(G(20, 27, 4))
    labels = torch.tensor([0] * 20 + [1] + [2] * 2 + [3] * 4)
    with pytest.warns(UserWarning, match="skipped"):
        found = class_entropies(points, labels, selection=selection, generator=torch.Generator().manual_seed(0))
    assert (found.classes, found.skipped) == (4, skipped)
    found.loss.backward()
    assert not points.grad[20].any()
    assert torch.isfinite(points.grad).all()
    assert points.grad[:20].any()


BAD = {
    "torch tensor": lambda x: isotropy_loss(x.numpy()),
    "floating type": lambda x: cosine_loss(x.long()),
    "shape": lambda x: persistent_entropy_loss(x[None]),
    "finite points, got NaN": lambda x: isotropy_loss(torch.where(x > 1, torch.nan, x)),
    "finite points": lambda x: cosine_loss(torch.where(x > 1, -torch.inf, x)),
    "shrinkage between 0 and 1": lambda x: isotropy_loss(x, shrinkage=1.2),
    "of shape": lambda x: isotropy_loss(x, shrinkage=0.2, reference=torch.eye(3)),
    "symmetric": lambda x: isotropy_loss(x, shrinkage=0.2, reference=torch.ones(4, 4).triu()),
    "semi-definite": lambda x: isotropy_loss(x, shrinkage=0.2, reference=torch.diag(torch.tensor([1.0, 1, 1, -1]))),
    "a selection of all": lambda x: persistent_entropy_loss(x, selection="most"),
    "noise weight": lambda x: persistent_entropy_loss(x, noise_weight=-1.0),
    "integer label": lambda x: persistent_entropy_loss(x, torch.zeros(len(x))),
    "label for each of 20": lambda x: persistent_entropy_loss(x, torch.zeros(3, dtype=torch.long)),
}


@pytest.mark.parametrize("message", BAD)
def test_a_mistake_is_one_sentence(message):
    with pytest.raises(GeoscopeError, match=message):
        BAD[message](torch.tensor(G(21, 20, 4)))


@pytest.mark.parametrize("weight", [1.0, -1.0])
@pytest.mark.parametrize("name", ["isotropy", "isotropy, shrunk", "cosine", "entropy", "entropy, strict"])
def test_a_plain_lstm_is_trained_by_the_losses(name, weight):
    torch.manual_seed(0)
    model = torch.nn.LSTM(6, 8, batch_first=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    inputs = torch.randn(4, 10, 6)
    values = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = LOSSES[name](model(inputs)[0].flatten(0, 1))
        (weight * loss).backward()
        optimizer.step()
        values.append(loss.item())
    assert weight * (values[-1] - values[0]) < 0


def test_a_reference_that_was_changed_in_place_is_checked_again() -> None:
    points, reference = torch.randn(50, 8, dtype=torch.float64), torch.eye(8, dtype=torch.float64)
    before = isotropy_loss(points, shrinkage=0.5, reference=reference)
    assert isotropy_loss(points, shrinkage=0.5, reference=reference) == before
    reference[0, 0] = -1.0
    with pytest.raises(GeoscopeError, match="negative eigenvalue"):
        isotropy_loss(points, shrinkage=0.5, reference=reference)


def test_a_factor_on_q_keeps_more_bars_and_bears_on_r2_alone():
    """Of bars that concentrate, Q of 1 lets 5 stay and Q of 2 nearly all; half of it lets 3."""
    bars = bars_of(G(0, 128, 384))[1]
    assert [published_count(bars, factor) for factor in (0.5, 1.0, 2.0)] == [3, 5, 119]
    assert strict_count(bars, 0.5) <= strict_count(bars) <= strict_count(bars, 2.0)
    x = torch.tensor(G(0, 128, 384))
    for selection in SELECTIONS:
        kept = [class_entropies(x, selection=selection, selection_factor=f).selected[0].kept for f in (1.0, 2.0)]
        assert (kept[0] == kept[1]) == (selection in ("all", "relative"))
    with pytest.raises(GeoscopeError, match="a selection factor above 0"):
        class_entropies(x, selection_factor=0.0)
