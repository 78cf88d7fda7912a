"""Every path that a document or the code names exists."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import NAMES, ROOT, commands, spans, text

FOLDERS = (
    "benchmarks",
    "docs",
    "functions",
    "infra",
    "notebooks",
    "requirements",
    "scripts",
    "src",
    "tests",
    ".github",
    ".ci",
)
PATH = re.compile(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*{{}},-]*")
FILE = re.compile(r"[\w.-]+\.(?:py|toml|ya?ml|cfg|ipynb|in|txt)")
MODULE = re.compile(r"[\w-]+(?:/[\w-]+)+\.py")
NOT_OURS = {"make_chile.py", "pylock.toml"}
"""Files that are not in the repository: the quickstart's, and one that a decision record rejects."""

FILES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
BASENAMES = {path.name for path in [*FILES, *ROOT.iterdir()]}
MODULES = [path.as_posix() for path in FILES if path.suffix == ".py"]


@pytest.mark.parametrize("name", NAMES)
def test_every_path_in_a_document_exists(name: str) -> None:
    words = {word.rstrip(".,;:") for span in spans(text(name)) for word in span.split()}
    words |= {word for command in commands(text(name)) for word in command.words}
    paths = {word for word in words if PATH.fullmatch(word)}
    modules = {word for word in words if MODULE.fullmatch(word)}
    files = {word for word in words if FILE.fullmatch(word)} - NOT_OURS
    assert [path for path in paths if not list(ROOT.glob(path.rstrip("/")))] == []
    assert [module for module in modules if not any(path.endswith(f"/{module}") for path in MODULES)] == []
    assert [file for file in files if file not in BASENAMES] == []


def test_every_document_that_the_code_names_exists() -> None:
    sources = [ROOT / "Makefile", ROOT / "template.yaml", ROOT / "pyproject.toml"]
    for folder in ("benchmarks", "functions", "infra", "scripts", "src", "tests"):
        sources += [
            path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".toml", ".yaml", ".js", ""}
        ]
    named = {
        document
        for path in sources
        if path.is_file()
        for document in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text())
    }
    assert len(named) > 5
    assert [document for document in named if not (ROOT / document).exists()] == []


def test_the_folders_in_the_readme_exist() -> None:
    readme = text("README.md")
    tree = readme[readme.index("template.yaml ") :]
    inside = ""
    for line in tree[: tree.index("```")].splitlines():
        path = line.split()[0]
        inside = "" if not line.startswith(" ") else inside
        assert (ROOT / inside / path).exists()
        inside = path if not line.startswith(" ") else inside
