"""Turns contracts/http/errors.yaml into the C++ rows of libs/http's table: generate_errors.py IN OUT."""

import json
import pathlib
import sys

import yaml

rows = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
for row in rows:
    # A comma in an unquoted text would begin another member.
    if set(row) != {"code", "status", "title", "meaning"}:
        sys.exit(f"errors.yaml: a row has other members than code, status, title, meaning: {row}")
codes = [row["code"] for row in rows]
if len(codes) != len(set(codes)):
    sys.exit("errors.yaml has a code twice")
# A JSON string of ASCII is a C++ string literal too.
lines = [
    f'{{{json.dumps(r["code"])}, {r["status"]}, {json.dumps(r["title"])}, {json.dumps(r["meaning"])}}},'
    for r in sorted(rows, key=lambda r: r["code"])
]
out = pathlib.Path(sys.argv[2])
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text("\n".join(lines) + "\n", encoding="utf-8")
