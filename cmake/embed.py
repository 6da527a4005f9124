"""Turns a file into a C++ constant: embed.py NAME FILE OUT_DIR. Used by agora_embed()."""

import pathlib
import sys

name, source, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
data = source.read_bytes()
out.mkdir(parents=True, exist_ok=True)

# Octal escapes of fixed width survive any following character; short pieces stay below every compiler's literal limit.
pieces = []
for start in range(0, len(data), 80):
    piece = "".join(
        chr(b) if 32 <= b < 127 and b not in (34, 63, 92) else f"\\{b:03o}" for b in data[start : start + 80]
    )
    pieces.append(f'    "{piece}"')
literal = "\n".join(pieces) or '    ""'

(out / f"{name}.hpp").write_text(
    "#pragma once\n#include <string_view>\n\n"
    f"namespace agora::embedded {{\n/// The bytes of {source.name}, as of the build.\nextern const std::string_view {name};\n}}\n"
)
(out / f"{name}.cpp").write_text(
    f'#include "embedded/{name}.hpp"\n\nnamespace agora::embedded {{\nconst std::string_view {name}{{\n{literal},\n    {len(data)}}};\n}}\n'
)
