"""More published and independently computed values, to all printed digits; measure_rows.py has one of every measure."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

from geoscope import measures
from geoscope.measures.quantization import lloyd_index, paper_index
from geoscope.measures.topology import persistent_entropy, persistent_entropy_normalized, prominent_bars
from geoscope.passes.quantizers.codebooks import Codes


def rng(seed):
    return np.random.default_rng(seed)


def gaussian(seed, n, d):
    return rng(seed).standard_normal((n, d))


def cross(variances):
    """Rows of mean exactly 0 whose covariance is diagonal with these proportions."""
    root = np.diag(np.sqrt(np.asarray(variances, dtype=float)))
    return np.vstack([root, -root])


def near(value):
    """Equal to 1e-9, or to the last of ten printed decimals."""
    return pytest.approx(value, rel=1e-9, abs=5.1e-11)


SCALED = gaussian(0, 1000, 5) * np.sqrt([5, 4, 3, 2, 1])

ISOSCORES = [
    ("one of four", cross([1, 0, 0, 0]), 0),
    ("two of four", cross([1, 1, 0, 0]), 1 / 3),
    ("three of four", cross([1, 1, 1, 0]), 2 / 3),
    ("four of four", cross([1] * 4), 1),
    ("three of five", cross([1] * 3 + [0] * 2), 0.5),
    ("five of ten", cross([1] * 5 + [0] * 5), 4 / 9),
    ("100 of 768", cross([1] * 100 + [0] * 668), 99 / 767),
    ("1 2 3 4", cross([1, 2, 3, 4]), 7 / 9),
    ("10 1 1", cross([10, 1, 1]), 7 / 34),
    ("1/i", cross(1 / np.arange(1, 11)), 0.5039527437),
    (".9^i", cross(0.9 ** np.arange(64)), 0.2850039692),
    ("one of 1000", cross([1000] + [1] * 767), 0.0027638801),
    ("four points", np.array([[0.0, 0], [1, 0], [0, 2], [3, 1]]), 0.7575322812),
    ("scaled Gaussian", SCALED, 0.7560005184),
    ("scaled Gaussian + 1000", SCALED + 1000.0, 0.7560005184),
    ("Gaussian", gaussian(0, 200, 10), 0.9314033446),
    (
        "correlated",
        gaussian(2, 500, 8) @ np.linalg.cholesky(0.9 ** np.abs(np.subtract.outer(np.arange(8), np.arange(8)))).T,
        0.0814013990,
    ),
    ("few rows", gaussian(1, 20, 16), 0.4685430448),
    ("rank one", np.outer(gaussian(0, 100, 1)[:, 0], [1, 2, 3]), 0),
    ("two rows", gaussian(3, 2, 6), 0),
    ("n < d", gaussian(0, 50, 768), 0.0586491529),
    ("n < d, more rows", gaussian(0, 700, 768), 0.4745346024),
]


@pytest.mark.parametrize(("rows", "value"), [case[1:] for case in ISOSCORES], ids=[c[0] for c in ISOSCORES])
def test_isoscore(rows, value):
    d = rows.shape[1]
    assert measures.isoscore(rows) == near(value)
    assert measures.isoscore_star(rows) == near(value)
    assert measures.participation_ratio(rows) == pytest.approx(1 + value * (d - 1), rel=1e-9, abs=1e-7)


STAR = {
    0.1: (0.5331705303, 0.7513811059, 0.5345931080, 0.9999993700),
    0.2: (0.6019575297, 0.8005829303, 0.6048034718, 0.9999998754),
    0.4: (0.7448979235, 0.7947805433, 0.7495197098, 0.9999999825),
    0.5: (0.8136791299, 0.7863740871, 0.8179198781, 0.9999999922),
    0.6: (0.8761239295, 0.7787272543, 0.8786319973, 0.9999999965),
    0.75: (0.9501001622, 0.7692017436, 0.9470099339, 0.9999999991),
    0.8: (0.9679771895, 0.7665009963, 0.9622373088, 0.9999999995),
    1.0: (1, 25 / 33, 0.9810045322, 1),
}


@pytest.mark.parametrize("zeta", STAR)
def test_isoscore_star_with_a_reference_covariance(zeta):
    rows = gaussian(1, 20, 16)
    identity = np.eye(16)
    sampled = np.cov(gaussian(4, 1000, 16), rowvar=False)
    given = [
        (rows, identity),
        (rows, np.diag(np.arange(1.0, 17))),
        (rows, sampled),
        (rows * 0.01, identity),
    ]
    for (points, reference), value in zip(given, STAR[zeta], strict=True):
        found = measures.isoscore_star(points, isoscore_zeta=zeta, isoscore_reference=reference)
        assert found == near(value)


COSINES = [
    (SCALED, 0.0007797597),
    (SCALED + 1000.0, 0.9999975932),
    (gaussian(0, 200, 10), 0.0018982553),
    (gaussian(1, 20, 16), -0.0052403359),
    (np.outer(gaussian(0, 100, 1)[:, 0], [1, 2, 3]), -0.0064646465),
]


@pytest.mark.parametrize(("rows", "value"), COSINES)
def test_average_cosine_similarity(rows, value):
    assert measures.average_cosine_similarity(rows) == near(value)


def low_rank():
    g = rng(0)
    return g.standard_normal((1000, 5)) @ g.standard_normal((5, 64))


TWO_NN = [
    (gaussian(0, 1000, 3), 2.8910021888, 2.9092115653),
    (rng(0).random((2000, 2)), 1.9910394627, 1.9797794543),
    (low_rank(), 5.2235047603, 5.0961711190),
    (gaussian(0, 1000, 768), 152.0974576728, 153.5019208753),
    (gaussian(0, 500, 10), 9.5321738754, 9.6768855380),
]


@pytest.mark.parametrize(("rows", "linear", "uncensored"), TWO_NN)
def test_two_nn(rows, linear, uncensored):
    assert measures.two_nn(rows) == near(linear)
    assert measures.two_nn_mle(rows, two_nn_discard=0.0) == near(uncensored)


@pytest.mark.parametrize(("discard", "value"), [(0.05, 9.7134078734), (0.2, 9.1980980858), (0.5, 8.8582848585)])
def test_two_nn_discarding_more_or_less(discard, value):
    assert measures.two_nn(gaussian(0, 500, 10), two_nn_discard=discard) == near(value)


def test_two_nn_with_fewer_rows_than_dimensions():
    assert measures.two_nn(gaussian(0, 500, 10).T) == near(98.1953596289)


def clouds():
    a = gaussian(0, 200, 16)
    g1, g3, g4 = rng(1), rng(3), rng(4)
    centres = np.repeat(g1.standard_normal((4, 16)) * 10, 50, axis=0)
    angle = 2 * np.pi * np.arange(64) / 64
    far = g4.standard_normal((256, 64))
    far[:, 0] = far[:, 0] * 50 + 200
    grid = np.stack(np.meshgrid(np.arange(10.0), np.arange(10.0), indexing="ij"), -1).reshape(-1, 2)
    cone = np.ones(32) * 3 + g3.standard_normal((300, 32))
    return {
        "A": a,
        "B": a + 5,
        "C": a * np.linspace(1, 10, 16),
        "D": centres + 0.5 * g1.standard_normal((200, 16)),
        "E": np.stack([np.cos(angle), np.sin(angle)], 1),
        "F": (2.0 ** np.arange(10))[:, None],
        "G": np.vstack([a, a[:20]]),
        "H": grid,
        "I": gaussian(2, 500, 768),
        "J": cone * np.exp(0.5 * g3.standard_normal((300, 1))),
        "K": a * 1000,
        "L": far,
    }


CLOUDS = clouds()

# bars, sum, shortest, longest, entropy, normalised, deficit, prominent bars (None: all of one length)
BARS = {
    "A": (199, 670.7123339046, 2.2242443097, 4.6633160957, 5.2851947779, 0.998467867024, 8.1100468736e-03, 3),
    "B": (199, 670.7123339046, 2.2242443097, 4.6633160957, 5.2851947779, 0.998467867024, 8.1100468736e-03, 3),
    "C": (199, 3650.7271408818, 12.6531502554, 30.4249831566, 5.2834789182, 0.998143710431, 9.8259065324e-03, 5),
    "D": (199, 480.1471953420, 1.1761024021, 44.2376102478, 4.8020496073, 0.907193098893, 4.9125521740e-01, 3),
    "E": (63, 6.1825269653, 0.0981353487, 0.0981353487, np.log(63), 1.0, 0.0, None),
    "F": (9, 511, 1, 256, 1.3721312546, 0.624483846014, 8.2509332273e-01, 1),
    "G": (199, 670.7123339046, 2.2242443097, 4.6633160957, 5.2851947779, 0.998467867024, 8.1100468736e-03, 3),
    "H": (99, 99, 1, 1, np.log(99), 1.0, 0.0, None),
    "I": (499, 18225.2977209516, 34.5615715113, 38.2031304217, 6.2124796334, 0.999979644238, 1.2646233062e-04, 5),
    "J": (299, 1987.9806466663, 2.1231212462, 39.3133727753, 5.5571369362, 0.974860441060, 1.4330663720e-01, 6),
    "K": (199, 670712.3339046, 2224.2443097, 4663.3160957, 5.2851947779, 0.998467867024, 8.1100468736e-03, 3),
    "L": (255, 2715.8927818116, 8.5758308288, 73.1386998910, 5.5044028326, 0.993347958954, 3.6860712548e-02, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", BARS)
def test_bars_and_their_entropy(name):
    from geoscope.passes.passes import Passes

    count, total, shortest, longest, entropy, normalised, deficit, prominent = BARS[name]
    rows = CLOUDS[name]
    bars = Passes.over(rows).get("bars")
    assert len(bars) == count
    printed = 2e-7 if name == "K" else 1e-9
    assert [bars.sum(), bars.min(), bars.max()] == pytest.approx(
        [total, shortest, longest], rel=printed / 10, abs=printed
    )
    assert measures.persistent_entropy(rows) == near(entropy)
    assert measures.persistent_entropy_normalized(rows) == near(normalised)
    assert measures.persistent_entropy_deficit(rows) == near(deficit)
    if prominent is not None:
        assert measures.prominent_bars(rows) == prominent


# uncentred a1, centred a1, cosine uncentred, cosine centred (None: printed as undefined)
ANISOTROPY = {
    "A": (0.1015613318, 0.1007847775, 0.0010309009, -0.0048658253),
    "B": (0.9637261867, 0.1007847775, 0.9632775403, -0.0048658253),
    "C": (0.2048354866, 0.2042596717, 0.0010911630, -0.0048827714),
    "D": (0.5136617278, 0.6016331787, 0.2277239552, 0.0034101745),
    "E": (0.5, 0.5, -0.0158730159, -0.0158730159),
    "F": (1, 1, 1, 0.0666666667),
    "G": (0.1017005193, 0.1002137185, 0.0015137847, -0.0044380712),
    "H": (0.8552631579, 0.5, None, -0.0101010101),
    "I": (0.0065130779, 0.0065141812, 0.0000799917, -0.0020025669),
    "J": (0.9071404609, 0.7089855411, 0.9019995123, 0.0471981093),
    "L": (0.9985108597, 0.9721079200, 0.9913650749, -0.0036859101),
}


@pytest.mark.parametrize("name", ANISOTROPY)
def test_anisotropy_and_cosines(name):
    raw, centred, cosine, cosine_centred = ANISOTROPY[name]
    rows = CLOUDS[name]
    assert measures.anisotropy_uncentered(rows) == near(raw)
    assert measures.anisotropy(rows) == near(centred)
    if cosine is not None:
        assert measures.average_cosine_similarity(rows) == near(cosine)
    assert measures.average_cosine_similarity(rows - rows.mean(axis=0)) == near(cosine_centred)


LENGTHS = {
    "V2": (np.array([0.1, 0.1, 0.1, 3.7]), 0.3487803849, 0.2515918658, 1),
    "V3": (np.r_[np.linspace(0.1, 0.3, 20), 1, 1.2, 1.5], 2.7452507072, 0.8755400323, 3),
    "V4": (1 / np.arange(1, 51), 3.1971263139, 0.8172565216, 3),
    "V5": (np.exp(gaussian(0, 1, 100)[0]), 4.2032417794, 0.9127223555, 3),
    "V6": (2.0 ** np.arange(9), 1.3721312546, 0.6244838460, 1),
    "V7": (np.r_[rng(3).uniform(1, 1.2, 40), 5, 6], 3.5873378041, 0.9597792664, 2),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_entropy_and_selection_of_given_lengths(name):
    bars, entropy, normalised, prominent = LENGTHS[name]
    assert persistent_entropy.formula(bars) == near(entropy)
    assert persistent_entropy_normalized.formula(bars) == near(normalised)
    assert prominent_bars.formula(bars) == prominent


def test_equal_lengths_have_full_entropy():
    assert persistent_entropy.formula(np.ones(4)) == near(np.log(4))
    assert persistent_entropy_normalized.formula(np.ones(4)) == near(1)


# counts, Lloyd with the population variance, Lloyd with the sample variance
COUNTS = {
    "A": (np.full(256, 100), 0.99, 0.99),
    "B": (np.r_[25600, np.zeros(255)], 255.99, 256.99),
    "C": (np.r_[np.full(128, 200), np.zeros(128)], 1.99, 1.99392157),
    "D": (np.arange(256), 1.32810458, 1.32942202),
    "E": (np.array([1, 2, 3, 4]), 0.8, 0.86666667),
    "F": (poisson.ppf((np.arange(256) + 0.5) / 256, 100), 0.99994295, 0.99998195),
    "G": (10000 // np.arange(1, 257), 11.23608312, 11.27624105),
    "H": (np.r_[np.ones(64), np.zeros(192)], 0, 0.01176471),
    "I": (np.floor(4096 * 0.97 ** np.arange(256)), 3.90477162, 3.91617025),
    "J": (nbinom.ppf((np.arange(256) + 0.5) / 256, 2, 2 / 102), 1.49459298, 1.49657181),
    "K": (np.array([5, 0, 0, 0]), 3.2, 4.2),
    "L": (np.array([3, 3, 3, 3]), 2 / 3, 2 / 3),
}


@pytest.mark.parametrize("name", COUNTS)
def test_lloyd_index(name):
    counts, population, sample = COUNTS[name]
    assert lloyd_index(counts, ddof=0) == pytest.approx(population, abs=5.1e-9)
    assert lloyd_index(counts) == pytest.approx(sample, abs=5.1e-9)


def coded(*counts):
    table = np.array(counts, dtype=np.int64)
    return Codes(table, 0.0, 1.0, 1.0, np.zeros((int(table[0].sum()), len(table)), dtype=np.uint8))


A, B, C = (COUNTS[name][0].astype(int) for name in "ABC")
MIXED = np.r_[np.full(128, 150), np.full(128, 50)]


@pytest.mark.parametrize(
    ("codes", "paper"),
    [
        (coded(A, A, A, A), 0.9975),
        (coded(B, B, B, B), 16.935),
        (coded(C, C, C, C), 1.06),
        (coded(A, C, MIXED, A), 1.01703125),
    ],
)
def test_patchiness_of_four_codebooks(codes, paper):
    assert measures.patchiness_paper.formula(codes) == near(paper)
    assert paper_index(codes.counts) == near(paper)
    m, books = codes.counts[0].mean(), len(codes.counts)
    pooled = np.mean([lloyd_index(counts, ddof=0) for counts in codes.counts])
    assert pooled == near(1 + books**2 * (paper - 1) + (books - 1) / m)


def test_patchiness_of_linear_codes():
    pairs = [(1, 0), (3, 5), (2, 1), (16, 7)]
    codes = np.stack([(np.arange(4096) * a + b) % 256 for a, b in pairs], 1)
    counts = np.stack([np.bincount(column, minlength=256) for column in codes.T])
    assert (counts > 0).sum(axis=1).tolist() == [256, 256, 128, 16]
    population = [lloyd_index(row, ddof=0) for row in counts]
    assert population == pytest.approx([0.9375, 0.9375, 1.9375, 15.9375], rel=1e-12)
    assert measures.patchiness_paper.formula(coded(*counts)) == near(1.234375)


SPECTRA = [
    (np.ones(10), 0, 1),
    (np.eye(10)[0], 0.81, 0),
    (np.eye(768)[0], (1 - 1 / 768) ** 2, 0),
    ([4, 3, 2, 1], 0.2125, 0.77777778),
    (1 / np.arange(1, 11), 0.39302398, 0.50395274),
    (0.9 ** np.arange(100), 0.80915310, 0.18180799),
    ([1] * 5 + [0] * 5, 0.49, 0.44444444),
    ([1, 0], 0.25, 0),
]


@pytest.mark.parametrize(("variances", "enrichment", "isoscore"), SPECTRA)
def test_early_enrichment_of_spectra(variances, enrichment, isoscore):
    rows = cross(variances)
    assert measures.eigenvalue_early_enrichment(rows) == pytest.approx(enrichment, abs=5.1e-9)
    assert measures.isoscore(rows) == pytest.approx(isoscore, abs=5.1e-9)


def test_early_enrichment_of_two_points_in_space():
    assert measures.eigenvalue_early_enrichment(gaussian(0, 2, 3)) == near(0.25)


@pytest.mark.parametrize(
    ("n", "enrichment", "vrm", "isoscore"),
    [(60, 0.0248531364, 0.1069996047, 0.9959559471), (1200, 0.0194378223, 0.0967607003, 0.9954748280)],
)
def test_spread_of_waves(n, enrichment, vrm, isoscore):
    i, j = np.arange(n)[:, None], np.arange(4)
    rows = np.sin(0.7 * i * (j + 1) + 0.3 * j) + 0.1 * j * np.cos(0.05 * i)
    assert measures.eigenvalue_early_enrichment(rows) == near(enrichment)
    assert measures.vasicek_ratio_mse(rows) == near(vrm)
    assert measures.isoscore(rows) == near(isoscore)


@pytest.mark.parametrize(
    ("rows", "decoded", "value"),
    [
        (
            np.array([[3.0, 4], [0, 2], [1, 0], [-2, 1]]),
            np.array([[3.0, 3], [0, 2], [0, 0], [-2, 0]]),
            3 / 35,
        ),
        (np.arange(24.0).reshape(8, 3), 4 * np.floor(np.arange(24.0).reshape(8, 3) / 4), 0.0194264570),
    ],
)
def test_reconstruction_error(rows, decoded, value):
    error, energy = float(np.sum((rows - decoded) ** 2)), float(np.sum(rows**2))
    codes = Codes(np.ones((1, len(rows)), dtype=np.int64), error, energy, energy, np.zeros((len(rows), 1), np.uint8))
    assert measures.reconstruction_error.formula(codes) == near(value)
