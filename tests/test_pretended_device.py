"""What a device other than the CPU gives, tried on one that is not there: equal measures, and what came back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pretended_device import DEVICE, pretended

from geoscope.passes.pairs import sweep


def test_the_pretended_device_refuses_what_a_real_one_does() -> None:
    with pretended() as traffic:
        there = torch.arange(12.0, device=DEVICE).view(3, 4)
        assert there.device == DEVICE
        with pytest.raises(RuntimeError, match="on one device"):
            there + torch.ones(3, 4)
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
        there[0] += 1
        assert there.cpu().numpy()[0].tolist() == [1.0, 2.0, 3.0, 4.0]
        assert traffic.back == [48]
        assert float(there.sum()) == 70.0
        assert traffic.waited == 1


def test_a_sweep_there_is_the_sweep_here(elsewhere: str) -> None:
    rows = np.random.default_rng(0).standard_normal((600, 24)) + 100.0
    here = sweep(rows)
    there = sweep(rows, device=elsewhere)
    assert here.tree is not None
    assert there.tree is not None
    np.testing.assert_allclose(there.tree.lengths, here.tree.lengths, rtol=1e-9)
    np.testing.assert_array_equal(there.neighbours.indices, here.neighbours.indices)
    np.testing.assert_allclose(there.neighbours.distances, here.neighbours.distances, rtol=1e-9)
