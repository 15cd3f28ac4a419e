"""What MkDocs asks while it builds the site: which files there are, and what the reference describes.

The pages lie in the site as they lie in the repository, so every link that works on a code host works there too. A link
to a source file leads to a copy of that file.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/*.md", "models/README.md", "benchmarks/README.md")
PICTURES = ("docs/*.png", "docs/*.webp", "docs/pictures/*.png")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
REFERENCE = (
    "predict.MNISTPredictor", "batch_processor.BatchProcessor", "digits.reading.answer", "digits.reading.form",
    "digits.reading.template", "digits.finding.digit", "digits.measuring.attacks",
    "digits.measuring.explain",
)  # fmt: skip


def on_files(files: Files, config) -> Files:
    """Return the documents, their pictures, the files that they link to and the reference."""
    pages = [path for pattern in PAGES for path in ROOT.glob(pattern) if ".template" not in path.name]
    pictures = {path for pattern in PICTURES for path in ROOT.glob(pattern)}
    for page in pages:
        targets = (page.parent / link for link in LINK.findall(page.read_text(encoding="utf-8")))
        pictures |= {target.resolve() for target in targets if target.is_file()} - set(pages)
    names = sorted(path.relative_to(ROOT).as_posix() for path in [*pages, *pictures])
    theme = [file for file in files if file.src_dir != config.docs_dir]
    own = [File(name, str(ROOT), config.site_dir, config.use_directory_urls) for name in names]
    text = "# Python reference\n\n" + "\n".join(f"::: {name}\n" for name in REFERENCE)
    return Files([*theme, *own, File.generated(config, "docs/reference.md", content=text)])
