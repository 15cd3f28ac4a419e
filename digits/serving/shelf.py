"""The networks that the page, the API and MCP may be asked for: each opened once, on first use, and shared.

What opens them is handed in by the program on top, so nothing here knows a checkpoint or an engine.

    readers = Readers(["mnistnet"], open_predictor=MNISTPredictor, open_explainer=lambda name: Explainer(...))
    readers.predictor().predict("digit.png")
    readers.predictor(["mnistnet", "tinyvgg"])     # soft voting
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from digits.command import UserError


class Readers:
    """A shelf of predictors and explainers, filled on demand; safe to use from several threads."""

    def __init__(
        self,
        names: Sequence[str],
        open_predictor: Callable[[list[str]], Any],
        open_explainer: Callable[[str], Any] | None = None,
        n_bytes: Callable[[str], int] = lambda _name: 0,
    ) -> None:
        self.names, self.n_bytes = list(names), n_bytes
        self._open_predictor, self._open_explainer = open_predictor, open_explainer
        self._opened: dict[object, Any] = {}
        self._lock = threading.Lock()

    def predictor(self, names: Sequence[str] = ()) -> Any:
        """Return the predictor of one name, of several (soft voting), or of the first model if none is named."""
        chosen = self.check(names)
        return self._get(tuple(chosen), lambda: self._open_predictor(chosen))

    def explainer(self, name: str = "") -> Any:
        """Return the `Explainer` of one name (the first if empty); the first call imports torch."""
        if self._open_explainer is None:
            raise UserError("this server was started without networks to look inside")
        (chosen,) = self.check([name] if name else [])
        return self._get(chosen, lambda: self._open_explainer(chosen))

    def check(self, names: Sequence[str]) -> list[str]:
        """Return the wanted names in the shelf's order, without repeats; raises `UserError` for an unknown one."""
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise UserError(f"there is no model '{unknown[0][:40]}' here; choose from {', '.join(self.names)}")
        return [name for name in self.names if name in names] or self.names[:1]

    def _get(self, key: object, open_one: Callable[[], Any]) -> Any:
        with self._lock:
            if key not in self._opened:
                self._opened[key] = open_one()
            return self._opened[key]
