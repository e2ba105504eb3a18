"""The rungs of the benchmark: the sizes of the image GPTs that both sides train. rungs/NAME.scan says the same."""
from typing import NamedTuple


class Rung(NamedTuple):
    layers: int
    d: int
    heads: int
    n: int
    v: int
    batch: int
    steps: int  # timed at a time, between two turns of the other side
    warm: int  # before them, not timed: after the other side's turn the caches hold its data
    turns: int  # at least

    def flops(self):
        """Of one step: contractions forward, twice that backward; of attention the causal half."""
        forward = 2 * self.n * (self.layers * 12 * self.d**2 + self.d * self.v) + self.layers * 2 * self.n**2 * self.d
        return 3 * self.batch * forward

    def drawing_bytes(self, images, positions, size):
        """That whoever draws so many images side by side reads, if weights of products, keys and values are kept in `size` bytes."""
        weights = self.layers * 12 * self.d**2 + self.d * self.v
        known = positions * (positions + 1) / 2
        return size * (positions * weights + images * self.layers * 2 * self.d * known)

    def tokens(self):
        return self.batch * self.n


RUNGS = {
    "digits": Rung(4, 64, 4, 64, 16, 64, steps=20, warm=2, turns=10),
    "tiny": Rung(6, 128, 4, 256, 512, 16, steps=4, warm=1, turns=10),
    "small": Rung(8, 256, 8, 256, 512, 8, steps=3, warm=1, turns=10),
    "S": Rung(24, 512, 8, 1024, 512, 1, steps=1, warm=0, turns=4),
}
