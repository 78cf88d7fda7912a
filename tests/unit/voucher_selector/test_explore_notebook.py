"""The committed notebook is short and without outputs, also after JupyterLab saves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from traitlets.config.loader import JSONFileConfigLoader
from traitlets.utils.importstring import import_item

ROOT = Path(__file__).parents[3]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("**/*.ipynb"))
MAX_CELL = 10
CONFIG = "src/voucher_selector/explore/jupyter.json"


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def test_there_is_a_notebook() -> None:
    assert ROOT / "notebooks" / "exploration.ipynb" in NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid(path: Path) -> None:
    nbformat.validate(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_neither_outputs_nor_execution_counts(path: Path) -> None:
    assert [cell["id"] for cell in code_cells(path) if cell["outputs"] or cell["execution_count"]] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_are_short_enough_to_be_read_at_a_glance(path: Path) -> None:
    assert [cell["id"] for cell in code_cells(path) if len(cell["source"]) > MAX_CELL] == []


def test_jupyterlab_listens_on_loopback_and_asks_nothing_of_the_internet() -> None:
    config = jupyter_config()

    assert config.ServerApp.ip == "127.0.0.1"
    assert config.LabApp.news_url is None
    assert config.LabApp.check_for_updates_class == "jupyterlab.NeverCheckForUpdate"


def test_a_notebook_is_saved_without_what_its_cells_put_out() -> None:
    code = {"cell_type": "code", "source": "1", "outputs": [{"output_type": "stream"}], "execution_count": 3}
    prose = {"cell_type": "markdown", "source": "# One"}
    model = {
        "type": "notebook",
        "content": {"cells": [code, prose], "metadata": {"language_info": {"version": "3.11"}}},
    }

    import_item(jupyter_config().FileContentsManager.pre_save_hook)(
        model=model, path="a.ipynb", contents_manager=None
    )

    assert model["content"] == {
        "cells": [{**code, "outputs": [], "execution_count": None}, prose],
        "metadata": {"language_info": {"name": "python"}},
    }


def test_files_of_other_kinds_are_saved_as_they_are() -> None:
    model = {"type": "file", "content": "outputs"}

    import_item(jupyter_config().FileContentsManager.pre_save_hook)(model=model, path="a.txt")

    assert model == {"type": "file", "content": "outputs"}


def jupyter_config() -> Any:
    """Return JupyterLab's configuration in `make notebook`."""
    assert f"--config={CONFIG} " in (ROOT / "Makefile").read_text()
    return JSONFileConfigLoader(Path(CONFIG).name, path=str((ROOT / CONFIG).parent)).load_config()
