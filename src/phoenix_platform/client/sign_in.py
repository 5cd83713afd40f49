"""Signing in and out over the API, and who one is there."""

from phoenix_platform.client.connections import Connection, Request
from phoenix_platform.wire.v1.users import MeView, RefreshToken, SetUp, SignedInView, SignIn


class Doors:
    """What stands open to those who are not signed in yet. None of it is sent twice: secrets are not stored."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sign_in(self, by: SignIn) -> SignedInView:
        request = Request(method="POST", path="/api/v1/sign-in", body=by, takes_key=False)
        return self._connection.change(request, SignedInView)

    def set_up(self, by: SetUp) -> SignedInView:
        """Choose a password by a one-time token, and be signed in."""
        request = Request(method="POST", path="/api/v1/setup", body=by, takes_key=False)
        return self._connection.change(request, SignedInView)

    def refresh(self, refresh_token: str) -> SignedInView:
        """The next tokens of a session."""
        body = RefreshToken(refresh_token=refresh_token)
        request = Request(method="POST", path="/api/v1/refresh", body=body, takes_key=False)
        return self._connection.change(request, SignedInView)

    def sign_out(self, refresh_token: str) -> None:
        """End the session."""
        body = RefreshToken(refresh_token=refresh_token)
        self._connection.send(
            Request(method="POST", path="/api/v1/sign-out", body=body, takes_key=False)
        )

    def me(self) -> MeView:
        """Who asks, and what they may."""
        return self._connection.get("/api/v1/me", MeView)
