from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from voucher_selector.errors import StackError
from voucher_selector.local_stack.stack import running

if TYPE_CHECKING:
    from pathlib import Path


def test_a_stack_does_not_start_with_definitions_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "vouchers").mkdir()
    (tmp_path / "vouchers" / "segments.toml").write_text('[a]\nattribute = "total_orders"\nranges = []\n')
    message = "Invalid segment definitions: a: 'ranges' must be a list of [min, max]"
    with pytest.raises(StackError, match=f"^{re.escape(message)}"), running(1, 2, functions=tmp_path):
        pass
