"""Renders OpenAPI documents for serving: render_contract.py CONTRACT.yaml… OUT_DIR writes openapi.json and docs.html, of several
contracts as one.

The page is static: no script, nothing loaded from elsewhere.
"""

import html
import json
import pathlib
import re
import sys

import yaml

STYLE = """
body{font:16px/1.55 system-ui,sans-serif;max-width:58em;margin:2em auto;padding:0 1em;color:#222}
h2{margin-top:2.2em;border-bottom:1px solid #ddd} h3{margin:1.6em 0 .3em}
code,pre{font:14px/1.5 ui-monospace,monospace} pre{background:#f5f5f5;padding:.8em 1em;overflow:auto}
table{border-collapse:collapse;width:100%} td,th{border-bottom:1px solid #eee;padding:.35em .6em;text-align:left;vertical-align:top}
.method{display:inline-block;min-width:4em;font-weight:600} .post{color:#0a6} .get{color:#06c}
.note{color:#666;font-size:14px}
@media(prefers-color-scheme:dark){body{background:#1b1b1b;color:#ddd}pre{background:#262626}td,th,h2{border-color:#383838}}
"""


class Loader(yaml.SafeLoader):
    """Keeps numbers with a point as they were written: amounts are `0.00`, not `0.0`."""


Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: f"\0{node.value}")


def to_json(value, **options):
    return re.sub(r'"\\u0000([^"]*)"', r"\1", json.dumps(value, **options))


def text(value):
    """Escapes, and turns `code` into code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(str(value or ""), quote=False))


def ref_name(node):
    return node["$ref"].rsplit("/", 1)[1]


def resolve(document, node):
    while "$ref" in node:
        found = document
        for part in node["$ref"].lstrip("#/").split("/"):
            found = found[part]
        node = {**found, **{k: v for k, v in node.items() if k != "$ref"}}
    return node


def type_of(node):
    if "$ref" in node:
        name = ref_name(node)
        return f'<a href="#schema-{name}">{name}</a>'
    if "const" in node:
        return text(f"`{node['const']}`")
    if "anyOf" in node:
        return " or ".join(map(type_of, node["anyOf"]))
    if "enum" in node:
        return ", ".join(f"<code>{html.escape(json.dumps(v) if v is None else str(v))}</code>" for v in node["enum"])
    kind = node.get("type", "object")
    if kind == "array":
        return f"array of {type_of(node['items'])}"
    return " or ".join(kind) if isinstance(kind, list) else kind


def limits_of(node):
    names = ("minimum", "maximum", "exclusiveMaximum", "minItems", "maxItems", "minLength", "maxLength", "pattern", "default")
    return " ".join(f"<code>{name} {html.escape(str(node[name]))}</code>" for name in names if name in node)


def rows(document, schema):
    required = set(schema.get("required", ()))
    for name, node in schema.get("properties", {}).items():
        mark = "" if name in required else ' <span class="note">optional</span>'
        note = " ".join(filter(None, (text(resolve(document, node).get("description")), limits_of(node))))
        yield f"<tr><td><code>{name}</code>{mark}</td><td>{type_of(node)}</td><td>{note}</td></tr>"


def examples(document, content):
    values = [resolve(document, example)["value"] for example in content.get("examples", {}).values()]
    for value in [*values, content["example"]] if "example" in content else values:
        # Long ones in lines of their own.
        short = to_json(value)
        yield f"<pre>{html.escape(short if len(short) <= 100 else to_json(value, indent=2))}</pre>"


def codes(answer):
    return "".join(f'<br><a href="/errors/{code}"><code>{code}</code></a>' for code in answer.get("x-codes", ()))


def operation(document, path, method, node):
    yield f'<h3 id="{node["operationId"]}"><span class="method {method}">{method.upper()}</span> <code>{path}</code></h3>'
    yield f"<p>{text(node['summary'])}. {text(node.get('description'))}</p>"
    who = {"anonymous": "anybody", "guest": "whoever has a token"}.get(node["x-auth"], node["x-auth"])
    guests = "; demo users without one where demo guests are let in" if node.get("x-demo-guests") else ""
    yield f'<p class="note">{node["operationId"]} · for {who}{guests}</p>'
    parameters = [resolve(document, p) for p in node.get("parameters", ())]
    if parameters:
        yield "<table>"
        for p in parameters:
            yield f"<tr><td><code>{p['name']}</code></td><td>{p['in']}</td><td>{text(p.get('description'))} {limits_of(p['schema'])}</td></tr>"
        yield "</table>"
    for kind, body in node.get("requestBody", {}).get("content", {}).items():
        if "$ref" in body["schema"]:
            yield f"<p>Body <code>{kind}</code>: {type_of(body['schema'])}</p>"
        yield from examples(document, body)
    yield "<table>"
    for status, answer in node["responses"].items():
        answer = resolve(document, answer)
        shape = ", ".join(type_of(c["schema"]) for c in answer.get("content", {}).values())
        yield f"<tr><td>{status}</td><td>{text(answer['description'])}{codes(answer)}</td><td>{shape}</td></tr>"
    yield "</table>"
    for status, answer in node["responses"].items():
        shown = [line for c in resolve(document, answer).get("content", {}).values() for line in examples(document, c)]
        if shown:
            yield f"<p>Answer <code>{status}</code>, for example:</p>"
            yield from shown


def page(document):
    info = document["info"]
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    yield f"<title>{html.escape(info['title'])}</title><style>{STYLE}</style></head><body>"
    yield f"<h1>{html.escape(info['title'])}</h1><p>{text(info['description'])}</p>"
    servers = ", ".join(f"<code>{s['url']}</code>" for s in document["servers"])
    yield f'<p>Served under {servers} where a path says nothing else. The same <a href="/openapi.json">for machines</a>. Every error code leads to its page.</p>'
    for tag in document["tags"]:
        yield f"<h2>{text(tag['description'])}</h2>"
        for path, methods in document["paths"].items():
            own = "".join(server["url"] for server in methods.get("servers", ()))
            for method, node in methods.items():
                if method != "servers" and tag["name"] in node["tags"]:
                    yield from operation(document, own + path, method, node)
    yield "<h2>Schemas</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield f'<h3 id="schema-{name}">{name}</h3><p>{text(schema.get("description"))} {limits_of(schema)}</p>'
        if "properties" in schema:
            yield "<table>" + "".join(rows(document, schema)) + "</table>"
    yield "</body></html>"


def bundle(documents):
    """One document. What has one name in two contracts and is not the same gets its service's; schemas must be the same."""
    first, *others = documents
    for document in others:
        service = document["info"]["title"].split()[1]
        text = json.dumps(document)
        names = {}
        for kind, members in document["components"].items():
            for key, value in members.items():
                names[kind, key] = key
                if first["components"].get(kind, {}).get(key, value) == value:
                    continue
                if kind == "schemas":
                    sys.exit(f"{service}: the schema {key} is another's too, and not the same")
                names[kind, key] = service.title() + key
                text = text.replace(f'"#/components/{kind}/{key}"', f'"#/components/{kind}/{service.title()}{key}"')
        document = json.loads(text)
        for (kind, key), name in names.items():
            first["components"].setdefault(kind, {})[name] = document["components"][kind][key]
        for path, methods in document["paths"].items():
            # Each has a /health of its own.
            first["paths"][path if path not in first["paths"] else f"/{service}{path}"] = methods
        known = {tag["name"] for tag in first["tags"]}
        first["tags"] += [tag for tag in document["tags"] if tag["name"] not in known]
    return first


def secured(document):
    """Who may ask stands in x-auth, once; here it is said in OpenAPI's own terms too."""
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token of the issuer whose keys the services know"}}
    for methods in document["paths"].values():
        for method, node in methods.items():
            if method == "servers":
                continue
            demo = [{}] if node.get("x-demo-guests") else []
            node["security"] = [] if node["x-auth"] == "anonymous" else [{"bearer": []}, *demo]
    return document


def main():
    *contracts, out = map(pathlib.Path, sys.argv[1:])
    document = secured(bundle([yaml.load(path.read_text(encoding="utf-8"), Loader) for path in contracts]))
    out.mkdir(parents=True, exist_ok=True)
    (out / "openapi.json").write_text(to_json(document, indent=1) + "\n", encoding="utf-8")
    (out / "docs.html").write_text("\n".join(page(document)) + "\n", encoding="utf-8")


main()
