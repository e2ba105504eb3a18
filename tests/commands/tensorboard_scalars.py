"""Compares the scalars of a run's event files with the lines of its metrics.jsonl.

usage: tensorboard_scalars.py RUN
"""
import json
import math
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def main():
    run = pathlib.Path(sys.argv[1])
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    expected = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        figures = json.loads(line)
        step, split = figures.pop("step"), figures.pop("split")
        for name, value in figures.items():
            expected.setdefault(f"{name}/{split}", []).append((step, value))
    assert set(events.Tags()["scalars"]) == set(expected), (events.Tags()["scalars"], set(expected))
    for tag, lines in expected.items():
        found = events.Scalars(tag)
        assert [event.step for event in found] == [step for step, _ in lines], tag
        assert all(math.isclose(event.value, value, rel_tol=1e-6) for event, (_, value) in zip(found, lines)), tag
        times = [event.wall_time for event in found]
        assert times == sorted(times), f"{tag}: times go back"
    print(f"{sum(map(len, expected.values()))} figures of {len(expected)} tags")


if __name__ == "__main__":
    main()
