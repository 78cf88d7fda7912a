from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from api.routes import static_page
from tests.support.api_gateway import call, rest_event

if TYPE_CHECKING:
    from pathlib import Path

NAMES = sorted(static_page.FILES)
SOURCES = {f"{module}.js" for module in static_page.MODULES} | {"index.html", "page.css", "mark.svg"}
MAX_BYTES = 100_000
REFERENCES = re.compile(r'(?:src|href)="([^"]+)"')


def test_the_page_refers_to_its_files_by_their_version() -> None:
    answer = call(rest_event(path="/"))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    references = {found for found in REFERENCES.findall(answer.body) if found.startswith("static/")}
    assert references == {f"static/{name}?v={static_page.version()}" for name in NAMES}
    assert answer.headers["Cache-Control"] == "private, no-cache"
    others = {*REFERENCES.findall(answer.body)} - references
    assert others == {"docs", "v1/choices?format=csv", "#content", "#"}


def test_exactly_the_listed_files_are_served() -> None:
    assert {path.name for path in static_page.STATIC.iterdir()} == SOURCES
    for name in ("nothing.js", "main.js", "../handler.py", "..%2Fhandler.py", "/etc/passwd", "page.css/"):
        answer = call(rest_event(path=f"/static/{name}"))
        assert answer.status == 404
        assert "use one of: /static/page.css" in answer.message


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_its_media_type_and_an_etag(name: str) -> None:
    answer = call(rest_event(path=f"/static/{name}"))
    assert (answer.status, answer.headers["Content-Type"]) == (200, static_page.FILES[name])
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = call(rest_event(path=f"/static/{name}", If_None_Match=answer.headers["ETag"]))
    assert (again.status, again.body) == (304, "")


@pytest.mark.parametrize("name", NAMES)
def test_a_browser_keeps_a_file_of_this_version_and_of_no_other(name: str) -> None:
    kept = call(rest_event(path=f"/static/{name}", query={"v": static_page.version()}))
    assert kept.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    other = call(rest_event(path=f"/static/{name}", query={"v": "0123456789ab"}))
    assert other.headers["Cache-Control"] == "private, no-cache"
    assert other.body == kept.body


def test_the_version_changes_with_any_file(monkeypatch: pytest.MonkeyPatch) -> None:
    before, contents = static_page.version(), {name: static_page.content(name) for name in NAMES}
    for name in NAMES:
        with monkeypatch.context() as patched:
            patched.setattr(static_page, "content", (contents | {name: "changed"}).get)
            assert static_page.version.__wrapped__() != before


def test_the_policy_allows_only_the_pages_own_files() -> None:
    policy = call(rest_event(path="/")).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_the_page_is_small() -> None:
    assert 10_000 < sum(len(static_page.content(name)) for name in NAMES) < MAX_BYTES


def test_every_module_is_after_those_that_it_imports() -> None:
    for number, module in enumerate(static_page.MODULES):
        text = (static_page.STATIC / f"{module}.js").read_text()
        imported = {found[2] for found in static_page.IMPORT.findall(text)}
        assert imported <= {*static_page.MODULES[:number]}
        assert len(static_page.IMPORT.findall(text)) == len(re.findall(r"^import\b", text, re.MULTILINE))
        assert len(static_page.EXPORT.findall(text)) == len(re.findall(r"^export\b", text, re.MULTILINE))
        used = dict.fromkeys(re.findall(r"^import .*", text, re.MULTILINE))
        assert all(line.endswith(";") for line in used)


def test_every_imported_name_is_exported() -> None:
    texts = {module: (static_page.STATIC / f"{module}.js").read_text() for module in static_page.MODULES}
    for text in texts.values():
        for names, whole, module in static_page.IMPORT.findall(text):
            wanted = {*names.split(", ")} - {""}
            wanted |= {*re.findall(rf"\b{whole}\.(\w+)", text)} if whole else set()
            wanted -= {"js"}
            assert wanted <= {*static_page.EXPORT.findall(texts[module])}


@pytest.mark.skipif(not shutil.which("node"), reason="Node is not installed")
def test_the_script_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "page.mjs"
    file.write_text(static_page.content("page.js"))
    subprocess.run(["node", "--check", file], check=True)  # noqa: S603, S607 - Node of the PATH


def test_no_text_of_the_api_can_become_markup() -> None:
    script = static_page.content("page.js")
    assert "textContent" in script
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
