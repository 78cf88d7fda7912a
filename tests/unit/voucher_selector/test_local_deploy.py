from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from voucher_selector.local_stack.deploy import FUNCTIONS, pack

if TYPE_CHECKING:
    from pathlib import Path


def test_all_packages_are_packed_and_nothing_beside_them(tmp_path: Path) -> None:
    for name in ("Makefile", "api/handler.py", "api/static/page.html", "api/__pycache__/handler.pyc"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    with zipfile.ZipFile(io.BytesIO(pack(tmp_path))) as packed:
        assert packed.namelist() == ["api/handler.py", "api/static/page.html"]
        assert packed.read("api/handler.py") == b"api/handler.py"


def test_the_same_sources_give_the_same_archive() -> None:
    assert pack(FUNCTIONS) == pack(FUNCTIONS)
