"""Every event that is emitted in any test, whoever emits it, is what contracts/events says. Process tests ask every_event_fits_its_schema() of all
databases that they leave; unit tests write theirs to a file, and `emitted.py FILE` compares it."""

import json
import pathlib
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.contract import DATA_OF, TOPIC_OF  # noqa: E402


def fits(topic, type, data):
    assert TOPIC_OF.get(type) == topic, (topic, type)
    DATA_OF[type].validate(data)


def every_event_fits_its_schema(folder):
    """Of order's databases below the folder."""
    for path in pathlib.Path(folder).rglob("order.db"):
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            for topic, type, data in connection.execute("SELECT topic, type, data FROM outbox"):
                fits(topic, type, json.loads(data))
        except sqlite3.DatabaseError:
            # No database, or a damaged one: there is no event to be read in it.
            continue
        finally:
            connection.close()


if __name__ == "__main__":
    events = [json.loads(line) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
    for event in events:
        fits(**event)
    types = {event["type"] for event in events}
    never = {name for name in DATA_OF if TOPIC_OF[name] in ("agora.orders", "agora.order_groups", "agora.stock")} - types
    assert not never, f"never emitted: {never}"
    print(f"{len(events)} events of {len(types)} types fit")
