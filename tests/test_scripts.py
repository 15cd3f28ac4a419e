"""The page's scripts: what is pure runs in node, all are served as files, all texts they ask for are there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import httpx
import pytest

from digits.files import ASSETS_DIR, ROOT
from tests.serving import serving

NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="no node: install Node 20 or later")
def test_what_is_pure_does_in_node_what_it_says() -> None:
    tests = sorted(map(str, (ROOT / "tests" / "scripts").glob("*.test.js")))
    done = subprocess.run([NODE, "--test", *tests], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_scripts_are_files_that_a_browser_may_keep(tmp_path) -> None:
    with serving(tmp_path) as address:
        config = httpx.get(f"{address}/config").text
        door = re.search(r"scripts/\w{12}/tabs\.js", config)[0]
        folder = door.rsplit("/", 1)[0]
        for path in (ASSETS_DIR / "scripts").glob("*.js"):
            answer = httpx.get(f"{address}/{folder}/{path.name}")
            assert answer.text == path.read_text(encoding="utf-8"), path.name
            assert answer.headers["content-type"].startswith("text/javascript")
            assert "immutable" in answer.headers["cache-control"]
        known = httpx.get(f"{address}/{folder}/known.js").text
        assert ".tiff" in json.loads(known.removeprefix("export default ").rstrip(";\n"))["extensions"]
        for nothing in (f"{folder}/nothing.js", "scripts/other/tabs.js", f"{folder}/../page.css"):
            assert httpx.get(f"{address}/{nothing}").status_code == 404, nothing


def test_every_text_that_scripts_ask_for_is_there_and_none_is_idle() -> None:
    from digits.serving.page.texts import SCRIPT

    code = "".join(path.read_text(encoding="utf-8") for path in (ASSETS_DIR / "scripts").glob("*.js"))
    templates = "".join(path.read_text(encoding="utf-8") for path in ASSETS_DIR.glob("*.html"))
    asked = set(re.findall(r"texts\.(\w+)", code + templates)) - {"py"}
    assert asked <= set(SCRIPT)
    by_name = {"ok", "unsure", "blank", "not_a_digit", "cam", "occlusion", "one", "number"}  # texts[name]
    assert set(SCRIPT) - asked <= by_name
