"""What the server says: structlog, one JSON object a line on stderr, with request and trace ids and without secrets.

`server.running` configures it once; modules take `structlog.get_logger("phoenix.<part>")`. A message is constant, facts
are fields. Lines of libraries (uvicorn, alembic) pass through the same processors.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from phoenix_platform.core.tokens import FIND_TOKENS

_Loggable: TypeAlias = (
    "Mapping[str, _Loggable] | Sequence[_Loggable] | BaseException | str | bytes | float | None"
)
"""What stands in a line; what is none of these is told by its `str`."""

HIDDEN: Final = "[hidden]"
_SECRET_NAMES: Final = re.compile(
    r"authorization|cookie|password|passwd|secret|credential|private_key|api_key|token(?!s?_(?:kind|hash|id|hint)$)",
    re.IGNORECASE,
)
_SECRET_TEXTS: Final = re.compile(
    rf"(?P<token>{FIND_TOKENS})"
    r"|(?P<jwt>eyJ[\w-]+\.[\w-]+\.[\w-]+)"
    r"|(?<=://)(?P<userinfo>[^\s/@:]*:[^\s/@]+)(?=@)"
    r"|(?i:(?P<header>(?:bearer|basic)\s+)[\w.~+/=-]{8,})"
)


def configure_logs(level: str, form: Literal["json", "text"]) -> None:
    """Set up structlog and the standard library's logging, to stderr."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    last: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # A line per request or statement is a metric's business, not the log's.
    for name in (
        "httpx",
        "httpcore",
        "uvicorn.error",
        "uvicorn.access",
        "sqlalchemy.engine",
        "aiosqlite",
        "alembic",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_is_worth_a_line)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Uvicorn takes a WebSocket that was refused with a response for one that was forgotten."""
    return record.msg != "ASGI callable returned without completing handshake."


def add_trace(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The ids of the span around, where there is one."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def hide_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Put a word in place of secrets: fields by their name, everything else by its form."""
    return {key: _hidden(key, value) for key, value in event.items()}


def hidden_text(text: str) -> str:
    """The text without tokens, JWTs, passwords in URLs and Authorization values."""
    return _SECRET_TEXTS.sub(lambda match: f"{match['header'] or ''}{HIDDEN}", text)


def _hidden(key: str, value: _Loggable) -> _Loggable:
    if _SECRET_NAMES.search(key):
        return HIDDEN
    match value:
        case str():
            return hidden_text(value)
        case bytes():
            return hidden_text(value.decode("utf-8", "replace"))
        case Mapping():
            return {str(inner): _hidden(str(inner), one) for inner, one in value.items()}
        case list() | tuple():
            return [_hidden("", one) for one in value]
        case None | bool() | int() | float():
            return value
        case _:
            return hidden_text(str(value))
