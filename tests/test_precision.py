"""No product that a measure depends on is of TF32 or bfloat16, whatever the process has chosen."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import geoscope
from geoscope import measures
from geoscope.passes.pairs import Cloud, LongerLists, lengths_within, skeleton_of, sweep
from geoscope.regularizers import learn_codebooks
from geoscope.torch_state import full_precision

_NAMES = (
    "mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot", "convolution", "_cdist_forward", "linalg_vecdot", "linear",
    "matmul", "einsum", "conv1d", "scaled_dot_product_attention", "_scaled_dot_product_flash_attention_for_cpu",
)  # fmt: skip
PRODUCTS = {getattr(torch.ops.aten, name) for name in _NAMES}
"""Of these the last are seen in inference mode, which doesn't take them apart."""
BACKENDS = torch.backends
PLACES = {
    "everything": BACKENDS,
    "CUDA's products": BACKENDS.cuda.matmul,
    "CUDA's convolutions": BACKENDS.cudnn.conv,
    "CUDA's recurrent layers": BACKENDS.cudnn.rnn,
    "CUDA": BACKENDS.cudnn,
    "the CPU's products": BACKENDS.mkldnn.matmul,
    "the CPU's convolutions": BACKENDS.mkldnn.conv,
    "the CPU's recurrent layers": BACKENDS.mkldnn.rnn,
}
CHOICES = [
    (place, precision)
    for place in PLACES
    for precision in ("tf32", "bf16")
    if precision == "tf32" or not place.startswith("CUDA")
]


def settings() -> dict[tuple[str, str], str]:
    operations = [(backend, of) for backend in ("cuda", "mkldnn") for of in ("all", "matmul", "conv", "rnn")]
    return {each: torch._C._get_fp32_precision_getter(*each) for each in [("generic", "all"), *operations]}


@contextmanager
def chosen(place: str, precision: str) -> Iterator[None]:
    before = PLACES[place].fp32_precision
    PLACES[place].fp32_precision = precision
    try:
        yield
    finally:
        PLACES[place].fp32_precision = before


@contextmanager
def all_chosen() -> Iterator[None]:
    """What torch offers, all at once, by the older call too, and autocast."""
    before = settings()
    torch.set_float32_matmul_precision("medium")
    BACKENDS.cudnn.conv.fp32_precision = BACKENDS.cudnn.rnn.fp32_precision = "tf32"
    BACKENDS.mkldnn.conv.fp32_precision = BACKENDS.mkldnn.rnn.fp32_precision = BACKENDS.fp32_precision = "bf16"
    held = settings()
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            yield
            assert torch.is_autocast_enabled("cpu")
        assert settings() == held
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
        for each, precision in before.items():
            torch._C._set_fp32_precision_setter(*each, precision)


class Watched(TorchDispatchMode):
    """Looks at what is chosen at each product of float32; of a pool's threads too, whose work it is given in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.rounded = 0, []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kinds = {each.dtype for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)}
        if func.overloadpacket in PRODUCTS and kinds & {torch.float32, torch.bfloat16}:
            self.seen += 1
            if torch.bfloat16 in kinds or set(settings().values()) != {"ieee"}:
                self.rounded.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.fixture
def watched(monkeypatch) -> Watched:
    def at_once(self, call, *args, **kwargs):
        done = Future()
        done.set_result(call(*args, **kwargs))
        return done

    monkeypatch.setattr(ThreadPoolExecutor, "submit", at_once)
    return Watched()


def rows_of(n: int, d: int, seed: int = 0) -> Any:
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((n, d)) * np.linspace(0.1, 3.0, d) + 2.0).astype(np.float32)


@pytest.mark.parametrize(("place", "precision"), CHOICES)
def test_every_choice_is_overruled_and_afterwards_as_before(place, precision):
    with chosen(place, precision):
        before = settings()
        with full_precision(), full_precision():
            assert set(settings().values()) == {"ieee"}
        assert settings() == before


@pytest.mark.parametrize("older", ["medium", "high", "highest"])
def test_the_older_call_reads_what_it_set(older):
    before = settings()
    torch.set_float32_matmul_precision(older)
    try:
        held = settings()
        with full_precision():
            assert set(settings().values()) == {"ieee"}
            assert torch.get_float32_matmul_precision() == "highest"
        assert settings() == held
        assert torch.get_float32_matmul_precision() == older
    finally:
        torch.set_float32_matmul_precision("highest")
        for each, precision in before.items():
            torch._C._set_fp32_precision_setter(*each, precision)


def test_what_follows_a_general_choice_still_follows_it():
    with full_precision():
        pass
    with chosen("everything", "bf16"):
        assert {settings()["mkldnn", of] for of in ("all", "matmul", "conv", "rnn")} == {"bf16"}


def test_the_first_thread_to_leave_takes_nothing_from_the_other():
    both, left, seen = Barrier(2), Barrier(2), []

    def short() -> None:
        with full_precision():
            both.wait()
        left.wait()

    def long() -> None:
        with full_precision():
            both.wait()
            left.wait()
            seen.append(set(settings().values()))

    with chosen("the CPU's products", "bf16"):
        before = settings()
        threads = [Thread(target=each) for each in (short, long)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert settings() == before
    assert seen == [{"ieee"}]


def test_a_report_is_the_same_to_the_bit(watched):
    rows, groups = rows_of(330, 24), np.arange(330) // 11
    asked = {"groups": groups, "measures": "default,field", "codebooks": 2, "bits": 4}
    here = geoscope.measure(rows, **asked)
    with all_chosen(), watched:
        there = geoscope.measure(rows, **asked)
    assert watched.seen > 100
    assert not watched.rounded
    assert there.to_json() == here.to_json()


def test_what_a_model_makes_of_text_is_the_same_to_the_bit(watched, checkpoint_folder, corpus_file):
    asked = {"corpora": [str(corpus_file)], "layers": "all", "device": "cpu"}
    folder = str(checkpoint_folder("bert"))
    here = geoscope.extract(folder, **asked)
    with all_chosen(), watched:
        there = geoscope.extract(folder, **asked)
    assert watched.seen > 10
    assert not watched.rounded
    for layer in here.layers:
        np.testing.assert_array_equal(there.rows(layer), here.rows(layer))


@pytest.mark.parametrize("key", ["vasicek_ratio_mse", "two_nn", "patchiness", "isoscore", "persistent_entropy"])
def test_a_measure_called_on_rows_is_the_same_to_the_bit(watched, key):
    rows, called = rows_of(400, 24), getattr(measures, key)
    here = called(rows)
    with all_chosen(), watched:
        there = called(rows)
    assert not watched.rounded
    assert there == here


def test_what_is_searched_after_the_sweep_holds_by_itself(watched):
    rows = rows_of(600, 16)
    found = sweep(rows)
    cloud = Cloud(rows, double=False)
    skeleton = skeleton_of(found.neighbours, found.tree.edges, found.tree.lengths)
    kept = np.arange(600) % 2 == 0
    here = lengths_within(cloud, skeleton, kept)
    with all_chosen(), watched:
        there = lengths_within(cloud, skeleton, kept)
        LongerLists(cloud).search_by_index(np.arange(40), 3, kept)
    assert watched.seen
    assert not watched.rounded
    np.testing.assert_array_equal(np.sort(there), np.sort(here))


def test_codebooks_are_learnt_the_same(watched):
    points = torch.tensor(rows_of(300, 8))
    here = learn_codebooks(points, codebooks=2, bits=3)
    with all_chosen(), watched:
        there = learn_codebooks(points, codebooks=2, bits=3)
    assert not watched.rounded
    assert torch.equal(there.tables, here.tables)


def test_the_older_names_can_be_read_while_float32_is_float32() -> None:
    before = torch.backends.cudnn.allow_tf32
    with full_precision():
        assert torch.backends.cudnn.allow_tf32 is False
        with torch.backends.cudnn.flags(enabled=False):
            assert torch.get_float32_matmul_precision() == "highest"
    assert torch.backends.cudnn.allow_tf32 == before
