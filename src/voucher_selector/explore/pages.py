"""The notebook, run for one file, as one HTML page that needs nothing else."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import nbformat
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert import HTMLExporter
from traitlets.config import Config

from voucher_selector.errors import CommandError, Exit
from voucher_selector.explore.sources import ROOT, ExploreError

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOK = ROOT / "notebooks" / "exploration.ipynb"
SECONDS_TO_START = 300
"""So long may a busy machine take to start the notebook's process."""

READING = "read"
"""The cell that reads the file: what goes wrong there is the file's fault."""

TEMPLATES = Path(__file__).parent


def executed(**variables: str) -> NotebookNode:
    """Return the notebook with its outputs, run in a process of its own.

    Args:
        variables: FILE, KEY and AS_OF, as ``sources.chosen`` reads them.

    Raises:
        ExploreError: if there is nothing to explore.
        CommandError: if pandas cannot read the file, or the process came to an end, as it does without enough
            memory.
        nbclient.exceptions.CellExecutionError: if a cell fails otherwise.
    """
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)
    try:
        with TemporaryDirectory(prefix="notebook-") as directory:
            _execute(_client(notebook, directory), _environment(variables))
    except CellExecutionError as error:
        if error.ename == ExploreError.__name__:
            raise ExploreError(error.evalue) from None
        if _failed(notebook) == READING:
            said = f"pandas cannot read the file, though it can be counted: {error.evalue}"
            raise CommandError(said, Exit.NO) from None
        raise
    except DeadKernelError:
        said = "The notebook's process came to an end; most often there is too little memory for such a file"
        raise CommandError(said, Exit.NO) from None
    return notebook


def html(notebook: NotebookNode, title: str) -> str:
    """Return a notebook's prose and outputs as a page without code, scripts or anything to be fetched."""
    notebook.metadata["title"] = title
    exporter = HTMLExporter(
        template_name="profile",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    page: str = exporter.from_notebook_node(notebook)[0]
    return page


def _client(notebook: NotebookNode, directory: str) -> NotebookClient:
    """Return what runs a notebook; it speaks to the process by sockets in a directory that is ours alone."""
    sockets = Config({"KernelManager": {"transport": "ipc", "ip": f"{directory}/socket"}})
    place = {"metadata": {"path": str(ROOT)}}
    return NotebookClient(
        notebook, timeout=None, startup_timeout=SECONDS_TO_START, config=sockets, resources=place
    )


def _execute(client: NotebookClient, environment: dict[str, str]) -> None:
    """Run a notebook in a thread: in the main one the client would take Ctrl-C for a process that died."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(client.execute, env=environment)
        try:
            running.result()
        except KeyboardInterrupt:
            if client.km:
                asyncio.run(ensure_async(client.km.shutdown_kernel(now=True)))
            raise


def _failed(notebook: NotebookNode) -> str:
    """Return the id of the cell that failed."""
    outputs = ((cell.id, output) for cell in notebook.cells for output in cell.get("outputs", ()))
    return next((name for name, output in outputs if output.output_type == "error"), "")


def _environment(variables: dict[str, str]) -> dict[str, str]:
    path = os.pathsep.join((str(ROOT / "functions"), str(ROOT)))
    return {**os.environ, "FILE": "", "KEY": "", "AS_OF": "", **variables, "PYTHONPATH": path}
