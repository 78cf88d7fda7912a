"""The documents build as a site, which asks no other host for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.documents import DOCUMENTS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

LOADED = re.compile(r'<(?:script|img|iframe)[^>]* src="?(https?:[^"> ]+)|<link[^>]* href="?(https?:[^"> ]+)')


def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - this Python
    assert built.returncode == 0, built.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len([path for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")])
    assert [found for page in pages for found in LOADED.findall(page.read_text())] == []
