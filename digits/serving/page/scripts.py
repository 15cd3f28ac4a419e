"""The page's scripts as files: ES modules out of assets/scripts, and known.js, what the server tells them.

    scripts = Scripts({"texts": SCRIPT, "models": ["mnistnet"]})
    scripts.serve(api)                      # GET /scripts/<version>/<name>
    scripts.address("tabs.js")              # below the page's own address, so it works behind any root path

The version is a hash of all of them, so a browser keeps a file for good and never mixes two versions.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response

from digits.files import ASSETS_DIR


class Scripts:
    """All scripts by name; `known` is what they may import from known.js."""

    def __init__(self, known: dict[str, Any]) -> None:
        self._files = {path.name: path.read_text(encoding="utf-8") for path in (ASSETS_DIR / "scripts").glob("*.js")}
        self._files["known.js"] = f"export default {json.dumps(known)};\n"
        everything = "\0".join(f"{name}\0{text}" for name, text in sorted(self._files.items()))
        self._version = hashlib.sha256(everything.encode()).hexdigest()[:12]

    def address(self, name: str) -> str:
        """Return the address of a script, relative to the page."""
        return f"scripts/{self._version}/{name}"

    def serve(self, api: FastAPI) -> None:
        """Add the route that answers with a script."""
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}

        @api.get("/scripts/{version}/{name}", include_in_schema=False)
        async def script(version: str, name: str) -> Response:
            if version != self._version or name not in self._files:
                raise HTTPException(404, "there is no such script; load the page again")
            return Response(self._files[name], media_type="text/javascript", headers=headers)
