"""Makes events.tfevents: records as the package tensorboard writes them, of the events in tests/unit/runtime_events.c.

usage: events.py [FILE]
"""
import pathlib
import sys

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).with_suffix(".tfevents")
    values = [summary_pb2.Summary.Value(tag="loss/validation", simple_value=1.5),
              summary_pb2.Summary.Value(tag="accuracy/validation", simple_value=0.25)]
    events = [
        event_pb2.Event(wall_time=1700000000.5, file_version="brain.Event:2"),
        event_pb2.Event(wall_time=1700000000.5, step=0,
                        session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)),
        event_pb2.Event(wall_time=1700000001.25, step=300, summary=summary_pb2.Summary(value=values)),
    ]
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString(deterministic=True))
        writer.flush()


if __name__ == "__main__":
    main()
