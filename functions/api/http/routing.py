"""A router made from a table of routes: HEAD and OPTIONS, 405 for other methods, 404 for other paths."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NoReturn
from urllib.parse import unquote

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import APIGatewayRestResolver, Response

from api.http.errors import MethodError, UnknownRouteError
from vouchers.text import truncate

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PARAMETER = re.compile(r"\{\w+\}")
REST_OF_PATH = r"([\s\S]+)"
"""Matches slashes and line ends too, unlike the parameters of powertools."""


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One method of one path: the view that answers it, and its description for OpenAPI.

    The docstring of the view is a part of the description. Types are named as the module of the view has
    them, so that a table of routes imports no view.

    Attributes:
        method: the HTTP method; GET includes HEAD.
        path: may end in a parameter in braces, which matches the rest of the request's path.
        view: "module:function"; the function takes the router and returns the answer.
        operation_id: the name of the operation in generated clients; None leaves it out of the description.
        tag: the group of the operation in the description.
        query: name of the type of the query string.
        body: name of the type of the JSON body.
        answer: name of the type of the JSON answer, if there is one.
        errors: HTTP statuses of errors.
        cacheable: whether answers have an ETag.
    """

    method: str
    path: str
    view: str
    operation_id: str | None = None
    tag: str | None = None
    query: str | None = None
    body: str | None = None
    answer: str | None = None
    errors: tuple[int, ...] = (500,)
    cacheable: bool = True

    def load(self, name: str | None = None) -> Any:  # noqa: ANN401 - a view or one of its types
        """Import the view's module; return the object called ``name`` in it, or the view."""
        module, _, view = self.view.partition(":")
        return getattr(import_module(module), name or view)


BASE_PATH = re.compile(r"(/[^/]+)*")


def remove_base_path(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of API Gateway without the base path of a custom domain.

    The base path is a part of the event's path, and neither of its resource nor of the path parameters.
    """
    resource, path = event["resource"], event["path"]
    route = unquote(resource.replace("{proxy+}", (event.get("pathParameters") or {}).get("proxy", "")))
    for slash in re.finditer("/", path):
        base, rest = path[: slash.start()], path[slash.start() :]
        if unquote(rest) == route and BASE_PATH.fullmatch(base):
            return event | {"path": rest}
    return event if "{" in resource else event | {"path": resource}


class Router(APIGatewayRestResolver):
    """Answers the requests to a table of routes."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        super().__init__(serializer=lambda body: msgspec.json.encode(body).decode(), debug=False)
        self.routes = routes
        paths: dict[str, dict[str, Callable[..., object]]] = {}
        for route in routes:
            paths.setdefault(route.path, {})[route.method] = lambda route=route, **_: route.load()(self)
        for path, views in paths.items():
            self._add_path(path, views)

        @self.not_found
        def not_found(_: Exception) -> NoReturn:
            raise UnknownRouteError(self.current_event.path, paths)

    def _add_path(self, path: str, views: dict[str, Callable[..., object]]) -> None:
        if "GET" in views:
            views["HEAD"] = views["GET"]
        allowed = ", ".join(method for method in METHODS if method in views or method == "OPTIONS")

        def options(**_: str) -> Response[str]:
            return Response(204, body="", headers={"Allow": allowed})

        def refuse(**_: str) -> NoReturn:
            method = truncate(self.current_event.http_method)
            raise MethodError(f"this route does not accept {method}; use {allowed}", Allow=allowed)

        rule = PARAMETER.sub(lambda _: REST_OF_PATH, path)
        for method in METHODS:
            default = options if method == "OPTIONS" else refuse
            self.route(rule, method=method)(views.get(method, default))

    @property
    def route_name(self) -> str:
        """The path of the route that answers the current request, its parameter as ``{}``."""
        path: str = self.context["_route"].path
        return path.replace(REST_OF_PATH, "{}")
