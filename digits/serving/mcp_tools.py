"""The same reading as tools for assistants (Model Context Protocol, streamable HTTP at /mcp).

Pictures come as base64 text; a URL or a path is never followed. Folders are read only below the one named at start.

    add_mcp(app, readers, folder=Path("scans"))
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any

import anyio
import anyio.to_thread
from fastapi import FastAPI
from pydantic import Field

from digits.batch.rows import find_in
from digits.batch.sources import find_entries
from digits.command import UserError
from digits.finding.limits import MAX_BYTES, PictureError
from digits.finding.pages import SeveralPages
from digits.serving.readers import Readers
from digits.serving.work_queue import Limits

MAX_FILES = 500  # of one classify_folder call: an answer that an assistant can still read
INSTRUCTIONS = """Reads handwritten digits 0-9 with a small neural network trained on MNIST.
A status other than "ok" means that the digit should be checked: "unsure" (digit given, but doubtful), "blank",
"not_a_digit", "error" (the file cannot be read; `error` says why). Report doubtful answers as doubtful."""

Image = Annotated[str, Field(description="the picture (PNG, JPEG, ...) as base64, or as a data: URL; no path, no link")]
Folder = Annotated[str, Field(description='path below the folder named at start, with "/"; "" is that folder itself')]
Limit = Annotated[int, Field(ge=1, le=MAX_FILES, description="how many files to read at most, in order of name")]


def add_mcp(app: FastAPI, readers: Readers, folder: Path | None = None) -> None:
    """Serve the tools at /mcp of `app`; `classify_folder` is there only if a folder is named."""
    from mcp.server import MCPServer
    from mcp.server.transport_security import TransportSecuritySettings

    server = MCPServer("digits", instructions=INSTRUCTIONS, log_level="WARNING")
    for tool in make_tools(readers, folder):
        server.tool()(tool)
    # The guard has looked at Host and Origin already, and knows the names that were allowed.
    trusting = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    routes = server.streamable_http_app(stateless_http=True, json_response=True, transport_security=trusting).routes
    app.router.routes.extend(routes)
    _run_with(app, server.session_manager.run)


def make_tools(readers: Readers, folder: Path | None) -> list[Callable[..., Any]]:
    """Return the tools as functions; their docstrings are what an assistant reads."""
    threads = anyio.CapacityLimiter(Limits.n_working)

    async def work(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await anyio.to_thread.run_sync(function, *arguments, limiter=threads)
        except SeveralPages as error:
            raise _tool_error(f"the file has {error.n_pages} pages; send one of them") from None
        except (PictureError, UserError) as error:
            raise _tool_error(str(error)) from None

    async def predict_digit(image: Image) -> dict[str, Any]:
        """Read the one handwritten digit in a picture: photo, scan or drawing, dark on light or light on dark.

        Returns status, reason (why it is not ok), digit (null if there is none), confidence, runner_up, and the
        probabilities p0 to p9.
        """
        return await work(read_digit, readers, image)

    async def read_number(image: Image) -> dict[str, Any]:
        """Read all handwritten digits in a picture, line by line.

        Returns status, reason (why it is not ok), text ("407\\n18"; empty if there are none), number (its value, if it
        has only one meaning), lines, and digits, each with confidence and box in pixels.
        """
        return await work(lambda: readers.predictor().read_number(to_bytes(image)).row())

    async def classify_folder(folder_path: Folder = "", limit: Limit = 100) -> dict[str, Any]:
        """Read one digit from each picture in a folder and its subfolders.

        Returns n_files (found), statuses and digits (counts over the files read), and rows: path, status, digit,
        confidence, runner_up, p0 to p9, error. Files beyond `limit` are counted but not read.
        """
        return await work(read_folder, readers, folder, folder_path, limit)

    return [predict_digit, read_number] + ([classify_folder] if folder else [])


def to_bytes(image: str) -> bytes:
    """Return the bytes of base64 text or of a data URL; raises `PictureError` for anything else."""
    text = image.partition(",")[2] if image.startswith("data:") else image
    if len(text) > MAX_BYTES * 4 // 3:
        raise PictureError(f"the picture is larger than {MAX_BYTES // 2**20} MB")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise PictureError("this is not base64; send the picture's bytes as base64, not a path or a link") from None


def read_digit(readers: Readers, image: str) -> dict[str, Any]:
    """Return the row of one picture with the reason for its status; raises `PictureError`."""
    prediction = readers.predictor().predict(to_bytes(image))
    return prediction.row() | {"reason": prediction.reason}


def read_folder(readers: Readers, root: Path, inside: str, limit: int) -> dict[str, Any]:
    """Return counts and rows of the pictures below `root`/`inside`; raises `UserError` if that leads elsewhere."""
    root = root.resolve()
    folder = (root / inside).resolve()
    if not folder.is_relative_to(root) or not folder.is_dir():
        raise UserError(f"there is no folder '{inside[:100]}' below the one that was named at start")
    entries = [entry for entry in find_entries([folder]) if Path(entry.name).resolve().is_relative_to(root)]
    predictions = readers.predictor().predict_found([find_in(entry) for entry in entries[:limit]])
    names = [Path(entry.name).relative_to(root).as_posix() for entry in entries]
    rows = [prediction.row(name) for name, prediction in zip(names, predictions, strict=False)]
    digits = Counter(str(row["digit"]) for row in rows if row["digit"] is not None)
    return {
        "n_files": len(entries),
        "statuses": dict(Counter(row["status"] for row in rows)),
        "digits": dict(sorted(digits.items())),
        "rows": rows,
    }


def _tool_error(sentence: str) -> Exception:
    from mcp.server.mcpserver.exceptions import ToolError

    return ToolError(sentence)


def _run_with(app: FastAPI, run: Callable[[], contextlib.AbstractAsyncContextManager[Any]]) -> None:
    """Let `run` surround the application's life, outside whatever surrounds it already."""
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def both(scope: Any) -> AsyncIterator[Any]:
        async with run(), inner(scope) as state:
            yield state

    app.router.lifespan_context = both
