"""The networks that the page, the API and MCP may be asked for: each opened once, on first use, and shared.

What opens them is handed in by the program on top, so nothing here knows a checkpoint or an engine.

    readers = Readers(["mnistnet"], open_predictor=MNISTPredictor, open_explainer=lambda name: Explainer(...))
    readers.predictor().predict("digit.png")
    readers.predictor(["mnistnet", "tinyvgg"])     # soft voting
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from digits.command import UserError
from digits.measuring.explain import Explainer
from digits.reading.answer import Predictor

Opened = TypeVar("Opened")


class NoModel(UserError):
    """A model that was asked for is not offered here, or cannot be opened."""


class Readers:
    """Predictors and explainers by the names of their models, opened on demand; safe to use from several threads."""

    def __init__(
        self,
        names: Sequence[str],
        open_predictor: Callable[[list[str]], Predictor],
        open_explainer: Callable[[str], Explainer] | None = None,
        n_bytes: Callable[[str], int] = lambda _name: 0,
    ) -> None:
        self.names, self.n_bytes = list(names), n_bytes
        self._open_predictor, self._open_explainer = open_predictor, open_explainer
        self._opened: dict[object, Any] = {}
        self._lock = threading.Lock()

    def predictor(self, names: Sequence[str] = ()) -> Predictor:
        """Return the predictor of one name, of several (soft voting), or of the first model if none is named.

        Raises `NoModel`, as `explainer` does.
        """
        chosen = self.check(names)
        return self._get(tuple(chosen), lambda: self._open_predictor(chosen))

    def explainer(self, name: str = "") -> Explainer:
        """Return the `Explainer` of one name (the first if empty); the first call imports torch."""
        open_explainer = self._open_explainer
        if open_explainer is None:
            raise UserError("this server was started without networks to look inside")
        (chosen,) = self.check([name] if name else [])
        return self._get(chosen, lambda: open_explainer(chosen))

    def check(self, names: Sequence[str]) -> list[str]:
        """Return the wanted names in the order offered, without repeats; raises `NoModel` for an unknown one."""
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise NoModel(f"there is no model '{unknown[0][:40]}' here; choose from {', '.join(self.names)}")
        return [name for name in self.names if name in names] or self.names[:1]

    def reopen(self) -> None:
        """Open the weights as they lie there now; what is being read goes on with those of before."""
        with self._lock:
            self._opened.clear()
        self.predictor()

    def _get(self, key: object, open_one: Callable[[], Opened]) -> Opened:
        with self._lock:
            if key not in self._opened:
                try:
                    self._opened[key] = open_one()
                except UserError as error:
                    raise NoModel(str(error)) from None
            opened: Opened = self._opened[key]
            return opened
