"""The quantizer at every number of rows: as good as FAISS's where few rows are fitted one by one, and said to be so."""

from __future__ import annotations

import json

import numpy as np
import pytest

import geoscope
from geoscope.cli import app as cli
from geoscope.passes.quantizers.codebooks import QuantizerSettings, quantize, quantize_heldout


def power_spectrum(n, d, seed=0):
    scales = (1 + np.arange(d)) ** -0.5
    return (np.random.default_rng(seed).standard_normal((n, d)) * scales).astype(np.float32)


def centred(codes):
    return codes.error / codes.centered_energy


@pytest.mark.parametrize("n", [150, 300, 600])
def test_few_rows_are_described_as_well_as_by_faiss(n):
    """4 x 64 vectors: below, at and above as many rows. A search from other codes than training's ends far above."""
    rows = power_spectrum(n, 64)
    ours = [centred(quantize(rows, QuantizerSettings(bits=6, seed=seed))) for seed in range(3)]
    theirs = [
        centred(quantize(rows, QuantizerSettings(bits=6, seed=seed, implementation="faiss"))) for seed in range(3)
    ]
    assert np.mean(ours) <= 1.05 * np.mean(theirs) + 0.002
    assert max(ours) < 1


def test_a_thousand_rows_by_the_default_quantizer():
    rows = power_spectrum(1000, 384)
    found = geoscope.measure(rows, measures=["reconstruction"], errors=False, null="none")
    assert found.value("reconstruction_error_centered") == pytest.approx(0.025, abs=0.005)
    assert found.value("reconstruction_error_heldout") > 10 * found.value("reconstruction_error")


@pytest.mark.parametrize("n", [300, 600])
def test_unseen_rows_are_described_worse_than_those_trained_on(n):
    rows, groups = power_spectrum(n, 64), np.arange(n) // 5
    seen = [centred(quantize(rows, QuantizerSettings(bits=6, seed=seed))) for seed in range(3)]
    unseen = [centred(quantize_heldout(rows, groups, QuantizerSettings(bits=6, seed=seed))) for seed in range(3)]
    assert np.mean(unseen) > np.mean(seen)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e5])
@pytest.mark.parametrize("quantizer", ["lsq", "pq", "kmeans"])
def test_reconstruction_about_the_mean_does_not_hang_on_the_origin(offset, quantizer):
    rows = power_spectrum(400, 32) + np.float32(offset)
    of = {"quantizer": quantizer, "bits": 4, "errors": False, "null": "none"}
    found = geoscope.measure(rows, measures=["reconstruction_error_centered"], **of)
    assert 0 < found.value("reconstruction_error_centered") < 1


def test_few_rows_carry_a_caution_in_every_form(tmp_path, capfd):
    few, many = tmp_path / "few.npy", tmp_path / "more.npy"
    np.save(few, power_spectrum(300, 16))
    np.save(many, power_spectrum(1200, 16))
    line = ["--measures", "patchiness,isoscore", "--bits", "5", "--no-errors", "--null", "none", "-q"]
    assert cli.main(["measure", str(few), *line, "--format", "json"]) == 0
    found = {row["measure"]: row for row in json.loads(capfd.readouterr().out)["measurements"]}
    assert "300 rows trained the 32 cells of each codebook, 9.4 a cell" in found["patchiness"]["caution"]
    assert "--bits" in found["patchiness"]["caution"]
    assert "150 rows trained" in found["patchiness_heldout"]["caution"]
    assert "caution" not in found["isoscore"]
    for form in ("table", "markdown", "csv", "html"):
        assert cli.main(["measure", str(few), *line, "--format", form]) == 0
        assert "9.4 a cell" in capfd.readouterr().out
    assert cli.main(["measure", str(many), *line, "--format", "json"]) == 0
    assert '"caution"' not in capfd.readouterr().out


def test_faiss_s_own_quantizer_can_be_chosen_and_is_named(tmp_path, capfd):
    np.save(tmp_path / "rows.npy", power_spectrum(300, 16))
    line = ["--measures", "reconstruction_error_centered", "--bits", "4", "--no-errors", "-q", "--format", "json"]
    assert cli.main(["measure", str(tmp_path / "rows.npy"), *line, "--quantizer", "lsq-faiss"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["settings"]["quantizer"]["kind"] == "lsq-faiss"
    assert found["settings"]["quantizer"]["implementation"] == "faiss"
    assert found["environment"]["lsq_encoder"] == "FAISS, CPU"
    import faiss

    rows = power_spectrum(300, 16)
    theirs = faiss.LocalSearchQuantizer(16, 4, 4)
    theirs.train(rows)
    rebuilt = theirs.decode(theirs.compute_codes(rows)).astype(np.float64)
    expected = np.sum((rows - rebuilt) ** 2) / np.sum((rows - rows.mean(axis=0, dtype=np.float64)) ** 2)
    assert found["measurements"][0]["value"] == pytest.approx(expected, rel=1e-5)


def test_a_grid_and_the_measures_take_it_too():
    rows = power_spectrum(300, 16)
    from geoscope.estimates.quantizer_grid import grid_of
    from geoscope.measures import reconstruction_error

    assert {each.kind for each in grid_of(quantizer_grid="2,4x4", quantizer="lsq-faiss")} == {"lsq-faiss"}
    whole = quantize(rows, QuantizerSettings("lsq-faiss", bits=4))
    assert reconstruction_error(rows, quantizer="lsq-faiss", bits=4) == pytest.approx(whole.error / whole.energy)


def test_a_gpu_searches_where_faiss_has_one(monkeypatch):
    """FAISS built for GPUs hands its quantizer another encoder; here a fake one counts and does nothing else."""
    import faiss

    from geoscope.passes.quantizers import faiss_package

    asked = []

    class Quantizer(faiss.LocalSearchQuantizer):
        def __setattr__(self, name, value):
            if name == "icm_encoder_factory":
                asked.append(value)
            else:
                super().__setattr__(name, value)

    monkeypatch.setattr(faiss, "LocalSearchQuantizer", Quantizer)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 2, raising=False)
    monkeypatch.setattr(faiss, "GpuIcmEncoderFactory", lambda gpus: f"on {gpus}", raising=False)
    rows = power_spectrum(100, 32)
    found = geoscope.measure(rows, measures=["patchiness_paper"], quantizer="lsq-faiss", bits=5, errors=False)
    assert asked == ["on 2"]
    assert found.environment["lsq_encoder"] == "FAISS, 2 GPUs"
    asked.clear()
    for n, d, bits in ((100, 40, 5), (100, 32, 4), (40, 1056, 5)):  # whose kernels do not work
        found = geoscope.measure(
            power_spectrum(n, d), measures=["patchiness_paper"], quantizer="lsq-faiss", bits=bits, errors=False
        )
        assert asked == []
        assert found.environment["lsq_encoder"] == "FAISS, CPU"
    assert faiss_package.gpu_encoders() == 2
    assert faiss_package.gpu_encoders(2048, 32) == 0
    quantize(rows, QuantizerSettings(bits=5))
    assert asked == []
    monkeypatch.undo()
    assert faiss_package.gpu_encoders() == 0


def test_faiss_far_off_the_origin_carries_a_caution():
    rows = power_spectrum(400, 16) + np.float32(1e4)
    of = {"measures": ["reconstruction_error_centered"], "bits": 4, "errors": False, "null": "none"}
    found = geoscope.measure(rows, quantizer="lsq-faiss", **of).measurement("reconstruction_error_centered")
    assert "radii from the origin" in found.caution
    assert geoscope.measure(rows, **of).measurement("reconstruction_error_centered").caution is None
    near = geoscope.measure(power_spectrum(400, 16), quantizer="lsq-faiss", **of)
    assert near.measurement("reconstruction_error_centered").caution is None


@pytest.mark.parametrize("offset", [1e6, 1e9, 1e12])
def test_float64_rows_keep_their_digits_wherever_they_lie(offset):
    rows = power_spectrum(400, 16).astype(np.float64)
    of = {"measures": ["reconstruction_error_centered", "patchiness"], "bits": 4, "errors": False, "null": "none"}
    near, far = geoscope.measure(rows, **of), geoscope.measure(rows + offset, **of)
    for key in of["measures"][:1]:
        assert far.value(key) == pytest.approx(near.value(key), abs=0.05)
    assert far.value("patchiness") == pytest.approx(near.value("patchiness"), rel=0.1)
