"""The rules of layout and names hold, as ADR 16 and CONTRIBUTING.md state them."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from tokenize import COMMENT, DEDENT, ENCODING, ENDMARKER, INDENT, NEWLINE, NL, STRING, tokenize

import pytest

ROOT = Path(__file__).parents[3]
PRODUCT = [*ROOT.glob("functions/**/*.py"), *ROOT.glob("src/**/*.py")]
ALL = [*PRODUCT, *ROOT.glob("benchmarks/**/*.py"), *ROOT.glob("tests/**/*.py")]
TREES = {path.relative_to(ROOT): ast.parse(path.read_text()) for path in ALL}
TESTS = [path for path in TREES if path.parts[0] in {"benchmarks", "tests"}]
VAGUE = {"held", "said", "told", "there_are"}
VAGUE_IN_TESTS = {"each", "world"}
MAX_TEST_NAME = 75
MAX_CODE_LINES = 12_000
NO_CODE = {COMMENT, DEDENT, ENCODING, ENDMARKER, INDENT, NL}
MIN_WORDS = 3
"""Words of a reason for a suppressed check."""

SUPPRESSION = re.compile(r"# (noqa|type: ignore)\b")
REASON = re.compile(r"# noqa: [A-Z0-9, ]+ - \S|# type: ignore\[[\w-]+\]\s+# (?!noqa)\S")
VAGUE_REASON = re.compile(r"^(as|of) |\b(above|below)\b")
SUPERLATIVE = re.compile(r"(MOST|LONGEST|LARGEST|FARTHEST|DEEPEST|HIGHEST|FEWEST)(_|$)")
INGEST_MODULES = {
    *("__init__", "arrow", "config", "errors", "events", "handler", "observability", "retry", "service"),
}
OPTIONAL = ("ingest.row_outputs.segmented_rows", "ingest.row_outputs.segmented_writer")
CATALOG = "ingest.row_outputs.glue_catalog"


def names_in(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                names.add(name)
            case ast.keyword(arg=str(name)) | ast.alias(asname=str(name)):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name.lower())
    return names


def imports_of(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_ingest_has_only_the_modules_of_its_layout_outside_folders() -> None:
    assert {path.stem for path in ROOT.glob("functions/ingest/*.py")} == INGEST_MODULES


def test_infra_contains_no_python() -> None:
    assert [*ROOT.glob("infra/**/*.py")] == []


@pytest.mark.parametrize("path", TREES, ids=str)
def test_names_are_neither_vague_nor_superlatives(path: Path) -> None:
    vague = VAGUE | VAGUE_IN_TESTS if path in TESTS else VAGUE
    assert {name for name in names_in(TREES[path]) if name in vague or SUPERLATIVE.match(name)} == set()


def test_names_of_tests_are_short() -> None:
    names = [
        node.name
        for path in TESTS
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert [name for name in names if len(name) > MAX_TEST_NAME] == []


def suppressions(path: Path) -> list[str]:
    with (ROOT / path).open("rb") as file:
        comments = [token.string for token in tokenize(file.readline) if token.type == COMMENT]
    return [comment for comment in comments if SUPPRESSION.search(comment)]


@pytest.mark.parametrize("path", TREES, ids=str)
def test_suppressed_checks_have_a_reason(path: Path) -> None:
    assert [comment for comment in suppressions(path) if not REASON.search(comment)] == []


@pytest.mark.parametrize("path", sorted(TREES.keys() - {*TESTS}), ids=str)
def test_reasons_in_product_code_can_be_understood_where_they_stand(path: Path) -> None:
    reasons = [comment.partition(" - ")[2] or comment.rpartition("# ")[2] for comment in suppressions(path)]
    assert [
        reason for reason in reasons if len(reason.split()) < MIN_WORDS or VAGUE_REASON.search(reason)
    ] == []


def test_at_most_a_quarter_of_the_functions_is_private() -> None:
    functions = [
        node.name
        for path in PRODUCT
        for node in ast.walk(TREES[path.relative_to(ROOT)])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("__")
    ]
    private = [name for name in functions if name.startswith("_")]
    assert len(private) <= len(functions) / 4


def code_lines(path: Path) -> set[int]:
    """Return the lines of a module that hold code, and not only comments or docstrings."""
    with path.open("rb") as file:
        tokens = [token for token in tokenize(file.readline) if token.type not in NO_CODE]
    starts = [*tokens[:1], *(token for last, token in pairwise(tokens) if last.type == NEWLINE)]
    texts = {token.start for token in starts if token.type == STRING}
    code = [token for token in tokens if token.type != NEWLINE and token.start not in texts]
    return {line for token in code for line in range(token.start[0], token.end[0] + 1)}


def test_the_product_has_at_most_12_000_lines_of_code() -> None:
    assert sum(len(code_lines(path)) for path in PRODUCT) <= MAX_CODE_LINES


def test_segmented_rows_are_imported_only_where_they_are_wired() -> None:
    importers = {
        str(path)
        for path, tree in TREES.items()
        if path.parts[0] in {"functions", "src"}
        and path.parts[:3] != ("functions", "ingest", "row_outputs")
        and imports_of(tree) & {*OPTIONAL, CATALOG}
    }
    assert importers <= {
        "functions/ingest/handler.py",
        "src/voucher_selector/operations/recount.py",
        "src/voucher_selector/operations/verify.py",
        "src/voucher_selector/stack.py",
    }
    rejected = imports_of(TREES[Path("functions/ingest/row_outputs/rejected_rows.py")])
    assert not rejected & {*OPTIONAL, CATALOG}
