"""What a training step would take with several ranks: a model on paper, not a measurement.

usage: ranks_model.py [--point IMAGE_MS UPDATE_MS PARAMETERS BATCH CHUNKS RANKS THREADS GB_S ADD_GB_S LATENCY_US]

Without arguments it prints the table of runtime/README.md, whose formula this is; --point gives one figure, for
comparing with what was measured.
"""

import math
import sys

BYTES = 4  # of a gradient
BACKWARD = 2 / 3  # of a chunk's time, in which its gradients come one after the other
BUCKET = 2 << 20  # bytes; the last one is ready when nothing is left to hide it


def step(image, update, parameters, batch, chunks, ranks, threads, bandwidth, adding, latency):
    """Seconds: of a step, of it waiting for the sum. Bandwidths in bytes a second, times in seconds."""
    compute = image * batch / ranks
    if ranks == 1:
        return compute + update, 0
    own = chunks // ranks
    workers = threads if own >= threads else 1  # each on a chunk of its own, or all on one
    window = BACKWARD * image * (batch / chunks) * workers
    share = 1 - 1 / ranks
    size = BYTES * parameters
    nodes = workers  # that the local sum reads
    levels = math.log2(ranks)
    wire = 2 * share * size / bandwidth + 2 * levels * latency
    memory = (nodes + 3 + 3 * share) * size / adding  # read the nodes, write, add what comes, copy to its place
    last = 2 * share * min(BUCKET, size) / bandwidth + 2 * levels * latency
    waits = max(0, wire + memory - window) + last
    return compute + update + waits, waits


# Two cores (README.md): the step of one image, less an update that reads and writes 28 bytes a parameter at 22 GB/s.
# L has 16.24 times the operations of S (scanline check).
SMALL, LARGE, READ = 76_571_648, 1_362_250_752, 22e9
UPDATE = {SMALL: 28 * SMALL / READ, LARGE: 28 * LARGE / READ}
IMAGE = {
    ("S", "fp32"): (SMALL, 1.271 - UPDATE[SMALL]),
    ("S", "bf16"): (SMALL, 0.650 - UPDATE[SMALL]),
    ("L", "fp32"): (LARGE, (1.271 - UPDATE[SMALL]) * 16.24),
    ("L", "bf16"): (LARGE, (0.650 - UPDATE[SMALL]) * 16.24),
}
NETWORKS = [("10 GbE", 1.15e9, 30e-6), ("InfiniBand", 12e9, 2e-6)]
MACHINES = [("2 cores", 1, 2, 10e9), ("64 cores", 32, 64, 10e9)]


def table():
    print("| machine | model | network | 1 | 2 | 4 | 8 | 16 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for machine, faster, threads, adding in MACHINES:
        for (name, precision), (parameters, image) in IMAGE.items():
            update = UPDATE[parameters] / min(faster, 8)  # memory, not cores
            for network, bandwidth, latency in NETWORKS:
                cells = []
                alone = 0
                for ranks in (1, 2, 4, 8, 16):
                    seconds, waits = step(image / faster, update, parameters, 128, 16, ranks, threads, bandwidth,
                                          adding, latency)
                    alone = alone or seconds
                    cells.append(f"{seconds:.3g} s" if ranks == 1 else
                                 f"{seconds:.3g} s, {100 * alone / ranks / seconds:.0f} %"
                                 + (f" ({waits:.2g} s)" if waits > 0.01 * seconds else ""))
                print(f"| {machine} | {name} {precision} | {network} | " + " | ".join(cells) + " |")


def main():
    if len(sys.argv) == 1:
        return table()
    if len(sys.argv) != 12 or sys.argv[1] != "--point":
        sys.exit(__doc__)
    image, update, parameters, batch, chunks, ranks, threads, bandwidth, adding, latency = map(float, sys.argv[2:])
    seconds, waits = step(image / 1e3, update / 1e3, parameters, batch, int(chunks), int(ranks), int(threads),
                          bandwidth * 1e9, adding * 1e9, latency / 1e6)
    print(f"{1e3 * seconds:.1f} ms, of these {1e3 * waits:.1f} ms waiting for the sum")


if __name__ == "__main__":
    main()
