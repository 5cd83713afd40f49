"""A page that lists the operations of an OpenAPI document: plain HTML, nothing loaded, no program. For people who look around."""

import hashlib
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "code,summary b{font-family:ui-monospace,monospace}details{border-top:1px solid #8886;padding:.4rem 0}"
    "summary{cursor:pointer}table{border-collapse:collapse;margin:.5rem 0}td,th{text-align:left;padding:.15rem 1rem .15rem 0;"
    "vertical-align:top}small{opacity:.75}"
)
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)


def page_of(document: Mapping[str, Any]) -> str:
    """The page; operations by the noun of their path, each with parameters, permission and answers."""
    return "".join(_parts(document))


def _parts(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body><main>"
    yield f"<h1>{escape(info['title'])} API</h1><p>{escape(info.get('description') or '')}</p>"
    yield "<p>Version "
    yield f'{escape(info["version"])}; the whole document: <a href="openapi.json">openapi.json</a>.</p>'
    by_noun: defaultdict[str, list[str]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_noun[_noun(path)].append("".join(_operation(path, method, operation)))
    for noun, operations in sorted(by_noun.items()):
        yield f"<h2>{escape(noun)}</h2>"
        yield from operations
    yield "</main></body></html>"


def _noun(path: str) -> str:
    return path.removeprefix("/api/v1").strip("/").partition("/")[0] or "root"


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<details id="{escape(operation["operationId"])}"><summary><b>{method.upper()}</b> <code>{escape(path)}</code> '
    yield f"{escape(operation.get('summary') or '')}</summary>"
    yield f"<p>{escape(operation.get('description') or '')}</p><table>"
    yield f"<tr><th>operation</th><td><code>{escape(operation['operationId'])}</code></td></tr>"
    yield f"<tr><th>permission</th><td><code>{escape(operation['x-permission'])}</code></td></tr>"
    parameters: Sequence[Mapping[str, Any]] = operation.get("parameters") or ()
    for one in parameters:
        required = ", required" if one.get("required") else ""
        yield f"<tr><th>{escape(one['in'])}</th><td><code>{escape(one['name'])}</code>{required} "
        yield f"{escape(one.get('description') or '')}</td></tr>"
    body: Mapping[str, Any] = operation.get("requestBody") or {}
    contents: Mapping[str, Mapping[str, Any]] = body.get("content") or {}
    for media_type, content in contents.items():
        yield f"<tr><th>body</th><td>{escape(media_type)} <code>{escape(_schema(content))}</code></td></tr>"
    for status, answer in operation["responses"].items():
        answers: Mapping[str, Mapping[str, Any]] = answer.get("content") or {}
        schemas = ", ".join(filter(None, map(_schema, answers.values())))
        yield f"<tr><th>{escape(status)}</th><td>{escape(answer.get('description') or '')} <code>{escape(schemas)}</code></td></tr>"
    yield "</table></details>"


def _schema(content: Mapping[str, Any]) -> str:
    schema: Mapping[str, Any] = content.get("schema") or {}
    items: Mapping[str, Any] = schema.get("items") or {}
    reference: str = schema.get("$ref") or items.get("$ref") or ""
    name = reference.rpartition("/")[2]
    return f"[{name}]" if items and name else name or str(schema.get("type") or "")
