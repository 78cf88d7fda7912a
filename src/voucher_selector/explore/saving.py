"""JupyterLab's hook before it saves a notebook."""

from typing import Any


def remove_outputs(model: dict[str, Any], **_: object) -> None:
    """Remove outputs, execution counts and the version of Python, which differ from run to run.

    The model is a file, in the form of Jupyter's contents service.
    """
    if model["type"] != "notebook":
        return
    for cell in model["content"]["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    model["content"]["metadata"]["language_info"] = {"name": "python"}
