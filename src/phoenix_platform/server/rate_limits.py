"""How often somebody may ask: a token bucket per actor or address, in this process (coarse; `server.admission` asks).

Bounded: beyond `max_tracked` keys the one that asked least recently is forgotten, which at worst gives it a full bucket.
Source of the headers: draft-ietf-httpapi-ratelimit-headers-10 (`RateLimit`, `RateLimit-Policy`).
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from phoenix_platform.core.clock import Clock
from phoenix_platform.server.errors import TooManyRequestsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a key has left after a request."""

    policy: str
    burst: int
    window_seconds: int
    """How long an empty bucket takes to fill."""
    remaining: int
    reset_seconds: int
    """Until the bucket is full again, when nobody asks."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        policy = f'"{self.policy}";q={self.burst};w={self.window_seconds}'
        left = f'"{self.policy}";r={self.remaining};t={self.reset_seconds}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True, kw_only=True)
class RateLimiter:
    policy: str
    """The name in the headers: `actor`, `address`."""
    per_second: float
    burst: int
    max_tracked: int
    clock: Clock
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict[str, _Bucket])

    def take(self, key: str) -> Allowance:
        """Count one request of this key.

        Raises:
            TooManyRequestsError: If its bucket is empty; says when the next one is allowed.
        """
        now = self.clock.monotonic()
        bucket = self._buckets.setdefault(key, _Bucket(self.burst, now))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self.max_tracked:
            self._buckets.popitem(last=False)
        elapsed = max(0.0, now - bucket.at)
        bucket.tokens = min(self.burst, bucket.tokens + elapsed * self.per_second)
        bucket.at = now
        if bucket.tokens < 1:
            wait = (1 - bucket.tokens) / self.per_second
            raise TooManyRequestsError(
                f"more than {self.per_second:g} requests a second; try again in {wait:.2g} s",
                retry_after_seconds=wait,
            )
        bucket.tokens -= 1
        return self._allowance(bucket.tokens)

    def exhausted(self) -> Allowance:
        """What the headers of a refusal say."""
        return self._allowance(0.0)

    def __len__(self) -> int:
        return len(self._buckets)

    def _allowance(self, tokens: float) -> Allowance:
        return Allowance(
            policy=self.policy,
            burst=self.burst,
            window_seconds=max(1, round(self.burst / self.per_second)),
            remaining=int(tokens),
            reset_seconds=round((self.burst - tokens) / self.per_second),
        )
