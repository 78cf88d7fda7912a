"""Every link in a document leads to a file, and to a heading in it."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

import pytest
import yaml

from tests.support.documents import DOCUMENTS, NAMES, ROOT, headings, links, text


def _on_github(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def _on_the_site(heading: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only).strip().lower())


def test_links_are_found() -> None:
    assert len([link for name in NAMES for link in links(text(name))]) > 100


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_to_a_file_and_a_heading(name: str) -> None:
    broken = []
    for link in links(text(name)):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (ROOT / name).parent / unquote(path) if path else ROOT / name
        if not target.exists():
            broken.append(link)
        elif anchor:
            found = headings(target.read_text())
            if not {anchor} <= set(map(_on_github, found)) & set(map(_on_the_site, found)):
                broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("docs/")])
def test_no_link_of_the_site_leaves_its_folder(name: str) -> None:
    outside = [
        link
        for link in links(text(name))
        if not re.match(r"[a-z]+:|#", link)
        and not ((ROOT / name).parent / link).resolve().is_relative_to(ROOT / "docs")
    ]
    assert outside == []


def test_every_document_of_the_site_is_in_its_navigation() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    there = {str(path.relative_to(ROOT / "docs")) for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")}
    assert set(_leaves(navigation)) == there


def _leaves(item: object) -> list[str]:
    match item:
        case str():
            return [item]
        case dict():
            return [leaf for value in item.values() for leaf in _leaves(value)]
        case list():
            return [leaf for value in item for leaf in _leaves(value)]
    raise TypeError(item)
