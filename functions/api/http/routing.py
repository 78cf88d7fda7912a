"""Routes with HTTP's manners: HEAD and OPTIONS, 405 for other methods of a path, 404 for other paths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Response

from api.http.errors import MethodError, UnknownRouteError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from aws_lambda_powertools.event_handler.api_gateway import APIGatewayRestResolver

    Views = Mapping[str, Callable[..., object]]
    """What answers a path, by method."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PARAMETER = re.compile(r"\{\w+\}")
ANYTHING = r"([\s\S]+)"
"""What a path's parameter matches: slashes and line ends too, which powertools' own parameters do not."""


def serve(app: APIGatewayRestResolver, routes: Mapping[str, Views]) -> None:
    """Make ``app`` answer ``routes``: views by path and method; HEAD is answered where GET is.

    A path may end in a parameter in braces, which stands for all the rest of the request's path.
    """
    for path, views in routes.items():
        _serve_path(app, path, views)

    @app.not_found
    def unknown(_: Exception) -> NoReturn:
        raise UnknownRouteError(app.current_event.path, routes)


def route_of(app: APIGatewayRestResolver) -> str:
    """Return the route that answers the request, its parameter as ``{}``."""
    path: str = app.context["_route"].path
    return path.replace(ANYTHING, "{}")


def _serve_path(app: APIGatewayRestResolver, path: str, views: Views) -> None:
    taken = {**views, "HEAD": views["GET"]} if "GET" in views else views
    allowed = ", ".join(method for method in METHODS if method in taken or method == "OPTIONS")

    def options(**_: str) -> Response[str]:
        return Response(204, body="", headers={"Allow": allowed})

    def refuse(**_: str) -> NoReturn:
        raise MethodError(app.current_event.http_method, allowed)

    rule = PARAMETER.sub(lambda _: ANYTHING, path)
    for method in METHODS:
        otherwise = options if method == "OPTIONS" else refuse
        app.route(rule, method=method)(taken.get(method, otherwise))
