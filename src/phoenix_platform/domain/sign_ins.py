"""Why somebody is not let in; one error for all reasons, so that it tells a stranger nothing."""

from phoenix_platform.core.errors import PhoenixError


class UnauthenticatedError(PhoenixError):
    """Nobody we know, or nobody any more."""

    code = "not-signed-in"


class TooManyAttemptsError(PhoenixError):
    """Wrong passwords came too often; says when to try again."""

    code = "too-many-attempts"

    def __init__(self, *, retry_after_seconds: float) -> None:
        seconds = max(1, round(retry_after_seconds))
        super().__init__(
            f"too many attempts to sign in; try again in {seconds} s",
            retry_after_seconds=retry_after_seconds,
        )
        self.retry_after_seconds = retry_after_seconds
