"""The keys of access tokens: published for whoever verifies them, rotated by the admins of the installation."""

import msgspec
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from phoenix_platform.application.signing_keys import rotate_signing_keys
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.signing_keys import SigningKey
from phoenix_platform.server.admission import PUBLIC
from phoenix_platform.server.authentication import IdentityDep
from phoenix_platform.server.dependencies import ActorDep
from phoenix_platform.wire.v1.signing_keys import JsonWebKeySet, SigningKeyList, SigningKeyView


@get("/.well-known/jwks.json", operation_id="getJwks", permission=PUBLIC)
async def jwks(identity: IdentityDep) -> Response[JsonWebKeySet]:
    """Public keys (RFC 7517); the next one stands here before it signs."""
    keys = msgspec.convert(identity.access_tokens.jwks(), JsonWebKeySet)
    return Response(keys, headers={"Cache-Control": "public, max-age=300"})


@post(
    "/api/v1/signing-keys/rotate",
    operation_id="rotateSigningKeys",
    permission=Permission.TENANTS_MANAGE,
    takes_idempotency_key=False,
    status_code=200,
)
async def rotate_route(actor: ActorDep, identity: IdentityDep) -> SigningKeyList:
    """Let the waiting key take over now; tokens of the one before are good until they expire."""
    keys = await rotate_signing_keys(
        identity.keeping, all_tenants=identity.all_tenants, actor=actor
    )
    identity.access_tokens.load(keys)
    return SigningKeyList(items=[view_of(key) for key in keys])


def view_of(key: SigningKey) -> SigningKeyView:
    return SigningKeyView(
        kid=key.kid,
        created_at=key.created_at,
        signs_from=key.signs_from,
        retired_at=key.retired_at,
    )


ROUTES: list[ControllerRouterHandler] = [jwks, rotate_route]
