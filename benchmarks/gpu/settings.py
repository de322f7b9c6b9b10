"""What a run on a device is told: which device, how large everything is, where its work is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How large everything is that is timed.

    product: of the square matrices whose product is the device's own rate. swept, quantized: rows. width: of all of
    them. summed: rows in sequences of shortest to longest. bits: of the quantizer's codebooks. spectra: (d, matrices
    on the device, matrices on the CPU). tokens: that the whole job reads, `points` of which are sampled; on the CPU
    one in `cpu_share` of both. few: tokens of a job that only warms up, or on which the device and the CPU must agree.
    hidden, layers, heads: of the model. cloud: rows and width on which the device and the CPU must agree. demo:
    whether they must on the demo checkpoint. repeats: of what is timed more than once.
    """

    product: int = 8192
    swept: int = 50_000
    width: int = 768
    offset: float = 100.0
    summed: int = 250_000
    shortest: int = 20
    longest: int = 40
    quantized: int = 10_000
    bits: int = 8
    spectra: tuple[tuple[int, int, int], ...] = ((768, 21, 21), (4096, 21, 1))
    tokens: int = 250_000
    points: int = 10_000
    few: int = 5000
    cpu_share: int = 10
    hidden: int = 768
    layers: int = 12
    heads: int = 12
    cloud: tuple[int, int] = (4000, 96)
    demo: bool = True
    repeats: int = 3


SMALL = Sizes(
    product=64, swept=300, width=16, summed=600, shortest=3, longest=6, quantized=120, bits=3,
    spectra=((8, 3, 3), (12, 3, 1)), tokens=1200, points=120, few=300, cpu_share=2, hidden=16, layers=1, heads=2,
    cloud=(200, 8), demo=False, repeats=1,
)  # fmt: skip
"""Of a dry run, which proves that every line runs."""


@dataclass(frozen=True)
class Run:
    """dry: small, so that nothing is measured by it. work: a folder for what is made once."""

    device: str
    dry: bool
    work: str

    @property
    def sizes(self) -> Sizes:
        return SMALL if self.dry else Sizes()
