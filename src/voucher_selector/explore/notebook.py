"""The notebook, run for one file and rendered as one self-contained HTML page."""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import nbformat
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat.v4 import new_output
from traitlets.config import Config

from ingest.errors import OUT_OF_MEMORY
from voucher_selector.errors import CommandError, Exit
from voucher_selector.explore.sources import ROOT, ExploreError

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOK = ROOT / "notebooks" / "exploration.ipynb"
MAX_START_SECONDS = 300
"""A busy machine may take minutes to start the notebook's process."""

COUNT_CELL = "count"
"""The id of the cell that counts the file. The cells above it need no count."""

TEMPLATES = Path(__file__).parent


def run_notebook(**variables: str) -> NotebookNode:
    """Run the notebook in its own process; return it with its outputs.

    Args:
        variables: FILE, KEY, AS_OF and COLUMN_NAMES, which ``sources.select_file`` reads.

    Returns:
        The notebook; if the file cannot be counted, it ends with the reason.

    Raises:
        ExploreError: if there is no file to explore, or it is not Parquet.
        CommandError: if the process ended, for example by a lack of memory.
        nbclient.exceptions.CellExecutionError: if a cell fails for another reason.
    """
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)
    path = os.pathsep.join((str(ROOT / "functions"), str(ROOT / "src")))
    environment = {
        **os.environ,
        "FILE": "",
        "KEY": "",
        "AS_OF": "",
        "COLUMN_NAMES": "",
        **variables,
        "PYTHONPATH": path,
    }
    try:
        _execute(notebook, environment)
    except CellExecutionError as error:
        if error.ename != ExploreError.__name__:
            raise
        place = next(i for i, cell in enumerate(notebook.cells) if cell.id == COUNT_CELL)
        if not notebook.cells[place].outputs:
            raise ExploreError(error.evalue) from None
        reason = new_output("display_data", {"text/html": f"<p>{escape(error.evalue)}</p>"})
        notebook.cells[place].outputs = [reason]
        notebook.cells = notebook.cells[: place + 1]
    except DeadKernelError:
        message = f"The notebook's process ended. Most often exploring the file {OUT_OF_MEMORY}"
        raise CommandError(message, Exit.NO) from None
    return notebook


def render_html(notebook: NotebookNode, title: str) -> str:
    """Return a notebook's prose and outputs as a page without code, scripts or external resources."""
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


def _execute(notebook: NotebookNode, environment: dict[str, str]) -> None:
    """Run a notebook in a thread; in the main thread the client takes Ctrl-C for a dead process."""
    with TemporaryDirectory(prefix="notebook-") as directory, ThreadPoolExecutor(1) as thread:
        # The sockets to the process are in a directory that no other user can read.
        sockets = Config({"KernelManager": {"transport": "ipc", "ip": f"{directory}/socket"}})
        client = NotebookClient(
            notebook,
            timeout=None,
            startup_timeout=MAX_START_SECONDS,
            config=sockets,
            resources={"metadata": {"path": str(ROOT)}},
        )
        running = thread.submit(client.execute, env=environment)
        try:
            running.result()
        except KeyboardInterrupt:
            if client.km:
                # The thread's client sees that the process is dead. It alone may use and close the sockets.
                asyncio.run(ensure_async(client.km.signal_kernel(signal.SIGKILL)))
            raise
