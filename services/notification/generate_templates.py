"""Turns templates/<language>/<kind>.mustache into the C++ rows of api/messages.cpp: generate_templates.py FOLDER OUT.

A file has three parts, with a line `---` between them: subject, text, HTML. Every language must have every kind.
"""

import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
rows = []
kinds: dict[str, set[str]] = {}
for path in sorted(folder.glob("*/*.mustache")):
    parts = path.read_text(encoding="utf-8").split("\n---\n")
    if len(parts) != 3:
        sys.exit(f"{path}: must have three parts: subject, text, HTML")
    if "\n" in parts[0]:
        sys.exit(f"{path}: the subject must be one line")
    kinds.setdefault(path.parent.name, set()).add(path.stem)
    values = ", ".join(f'R"~({part})~"' for part in (path.parent.name, path.stem, *parts))
    rows.append(f"    {{{values}}},")
if not rows:
    sys.exit(f"{folder}: there are no templates")
for language, has in kinds.items():
    if missing := set().union(*kinds.values()) - has:
        sys.exit(f"{folder}/{language}: there is no {', '.join(sorted(missing))}")
out = pathlib.Path(sys.argv[2])
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(
    f"constexpr std::array<Template, {len(rows)}> kTemplates{{{{\n" + "\n".join(rows) + "\n}};\n", encoding="utf-8"
)
