"""The API's description, for programs and for people; the same bytes for everybody."""

from typing import TypeAlias

from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.types import ControllerRouterHandler

from phoenix_platform.server.admission import PUBLIC
from phoenix_platform.server.openapi_description import ApiDescription
from phoenix_platform.server.openapi_page import CONTENT_SECURITY_POLICY

DescriptionDep: TypeAlias = NamedDependency[SkipValidation[ApiDescription]]


@get("/api/v1/openapi.json", operation_id="getOpenapi", permission=PUBLIC)
async def read_document(api_description: DescriptionDep) -> Response[bytes]:
    """The OpenAPI 3.1 document of this API."""
    return Response(api_description.document, media_type=MediaType.JSON)


@get("/api/v1/docs", operation_id="showApi", permission=PUBLIC)
async def show_page(api_description: DescriptionDep) -> Response[bytes]:
    """A page that lists the operations of this API."""
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return Response(api_description.page, media_type=MediaType.HTML, headers=headers)


ROUTES: list[ControllerRouterHandler] = [read_document, show_page]
