"""Arrays that take long to make, kept in outputs/cache/ under a name that says what they were made of and how.

made = cached("written-styles-3000-0-5f3a2c", lambda: {"ink": ink, "labels": labels})
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from digits.files import OUTPUTS_DIR, atomic_path


def cached(name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays kept as `name`.npz; if there is no such file, `make` them and write it, never half a file."""
    path = OUTPUTS_DIR / "cache" / f"{name}.npz"
    if not path.exists():
        arrays = make()
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's types take them for allow_pickle
    with np.load(path) as stored:
        return dict(stored)
