"""The agent's log: one JSON object per line on stderr, a constant message and its facts as fields."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final

from phoenix_platform.core.tokens import FIND_TOKENS
from phoenix_platform.pipelines.secrets import MASK

_SECRET: Final = re.compile(FIND_TOKENS)
_PLAIN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_NOISY: Final = ("httpx", "httpcore", "websockets", "uvicorn", "asyncio")
"""Their lines per request or message are no changes of state."""


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **{key: value for key, value in record.__dict__.items() if key not in _PLAIN},
        }
        if record.exc_info and record.exc_info[0] is not None:
            fields["exception"] = self.formatException(record.exc_info)
        return _SECRET.sub(MASK, json.dumps(fields, default=str))


def log_to_stderr() -> None:
    """From now on; called once by the program."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
