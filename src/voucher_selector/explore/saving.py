"""What JupyterLab does before it saves a notebook: it leaves out what the cells put out."""

from __future__ import annotations

from typing import Any


def without_outputs(model: dict[str, Any], **_: object) -> None:
    """Take out of a notebook that is to be saved what differs from run to run, so that git has none of it.

    That is outputs, execution counts, and the version of Python.

    Args:
        model: as Jupyter's contents service describes what is saved.
    """
    if model["type"] != "notebook":
        return
    for cell in model["content"]["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    model["content"]["metadata"]["language_info"] = {"name": "python"}
