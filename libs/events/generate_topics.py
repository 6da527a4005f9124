"""Turns the channels of contracts/events/*.yaml into the C++ rows of libs/events' table: generate_topics.py FOLDER OUT."""

import json
import pathlib
import sys

import yaml

rows = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.yaml")):
    for channel in yaml.safe_load(path.read_text(encoding="utf-8"))["channels"].values():
        name = channel["address"]
        if name in rows:
            sys.exit(f"{path.name}: {name} is declared twice")
        if channel["x-kind"] not in ("state", "fact"):
            sys.exit(f"{path.name}: {name} must be of kind state or fact")
        rows[name] = (path.stem, channel["x-kind"], channel["x-consumers"])
if not rows:
    sys.exit(f"{sys.argv[1]}: no contract declares a topic")
lines = []
for number, (name, (publisher, kind, consumers)) in enumerate(sorted(rows.items())):
    names = ", ".join(json.dumps(consumer) for consumer in consumers)
    lines.append(f"constexpr std::array<std::string_view, {len(consumers)}> kConsumers{number}{{{names}}};")
lines.append(f"constexpr std::array<Topic, {len(rows)}> kTopics{{{{")
for number, (name, (publisher, kind, consumers)) in enumerate(sorted(rows.items())):
    lines.append(f"    {{{json.dumps(name)}, {json.dumps(publisher)}, Kind::{kind}, kConsumers{number}}},")
lines.append("}};")
out = pathlib.Path(sys.argv[2])
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text("\n".join(lines) + "\n", encoding="utf-8")
