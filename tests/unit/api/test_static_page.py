from __future__ import annotations

import re

import pytest

from api.routes import static_page
from tests.support.api_gateway import call, rest_event

NAMES = sorted(static_page.FILES)
MAX_BYTES = 100_000
REFERENCES = re.compile(r"""(?:src|href)="([^"]+)"|from "([^"]+)";""")


def test_the_page_is_at_the_root() -> None:
    answer = call(rest_event(path="/"))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.body == (static_page.STATIC / "index.html").read_text()


def test_exactly_the_listed_files_are_served() -> None:
    assert sorted(path.name for path in static_page.STATIC.iterdir()) == NAMES
    for name in ("nothing.js", "../handler.py", "..%2Fhandler.py", "/etc/passwd", "page.css/"):
        answer = call(rest_event(path=f"/static/{name}"))
        assert answer.status == 404
        assert "use one of: /static/index.html" in answer.message


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_its_media_type_and_an_etag(name: str) -> None:
    answer = call(rest_event(path=f"/static/{name}"))
    assert (answer.status, answer.headers["Content-Type"]) == (200, static_page.FILES[name])
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = call(rest_event(path=f"/static/{name}", If_None_Match=answer.headers["ETag"]))
    assert (again.status, again.body) == (304, "")


def test_the_policy_allows_only_the_pages_own_files() -> None:
    policy = call(rest_event(path="/")).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_the_page_is_small() -> None:
    assert 10_000 < sum((static_page.STATIC / name).stat().st_size for name in NAMES) < MAX_BYTES


def test_every_reference_is_relative_and_resolves() -> None:
    for name in NAMES:
        for quoted in REFERENCES.findall((static_page.STATIC / name).read_text()):
            reference = "".join(quoted)
            if name == "index.html" and reference.startswith("static/"):
                assert reference.removeprefix("static/") in NAMES
            elif reference not in {"docs", "v1/choices?format=csv", "#content", "#"}:
                assert reference.removeprefix("./") in NAMES


def test_no_text_of_the_api_can_become_markup() -> None:
    scripts = "".join((static_page.STATIC / name).read_text() for name in NAMES if name.endswith(".js"))
    assert "textContent" in scripts
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", scripts)
