"""The API's routes into the network: where it looks, what its layers make of a picture, what changes its mind.

    add_inside(app, readers, desk)      # POST /api/explain, /api/stress; GET /api/kernels

Each takes one model by name; a network's first question loads torch. What they answer is in digits/serving/schemas.py.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, File, HTTPException, Query, UploadFile

from digits.finding.digit import to_ink
from digits.finding.limits import PictureError
from digits.measuring.explain import StressKind
from digits.serving.images import heat_on_ink, signed_sheet, to_data_url, to_sheet
from digits.serving.schemas import Explanation, Kernels, Stress, Thoughts
from digits.serving.shelf import Readers
from digits.serving.work_queue import Desk, unknown_is_404

Upload = Annotated[UploadFile, File(description="one picture of one digit")]
Name = Annotated[str, Query(description="one model's name; the first if empty")]
Digit = Annotated[int | None, Query(ge=0, le=9, description="the digit to ask about; the answer if left out")]
Kind = Annotated[StressKind, Query()]
N_SHOWN = 6  # of the maps of a layer, while somebody draws


def add_inside(app: FastAPI, readers: Readers, desk: Desk) -> None:
    """Add the three routes to `app`; the networks are those of `readers`, the work is done by `desk`."""

    async def prepare(file: UploadFile, model: str) -> tuple[Any, np.ndarray]:
        with unknown_is_404():
            readers.check([model] if model else [])
        (data,) = await desk.read([file])
        ink = await desk.work(_ink_of, data)
        return await desk.work(readers.explainer, model), ink

    @app.post("/api/explain", tags=["inside"], response_model=Explanation)
    async def explain(file: Upload, model: Name = "", digit: Digit = None) -> Any:
        """Show which strokes speak for a digit, and the feature maps of every convolution."""
        return await desk.work(_explain, *await prepare(file, model), digit)

    @app.post("/api/think", tags=["inside"], response_model=Thoughts)
    async def think(file: Upload, model: Name = "") -> Any:
        """Show how ink becomes an answer: the most active maps of each layer, and what speaks for each digit."""
        return await desk.work(_think, *await prepare(file, model))

    @app.post("/api/stress", tags=["inside"], response_model=Stress)
    async def stress(file: Upload, kind: Kind, model: Name = "") -> Any:
        """Damage the ink more and more and say how the ten probabilities follow."""
        return await desk.work(_stress, *await prepare(file, model), kind)

    @app.get("/api/kernels", tags=["inside"], response_model=Kernels)
    async def kernels(layer: str, index: int, model: Name = "") -> Any:
        """Show the weights that make feature map `index` of a convolution."""
        with unknown_is_404():
            explainer = await desk.work(readers.explainer, model)
        convolution = explainer.convolutions.get(layer)
        if convolution is None or not 0 <= index < convolution.out_channels:
            raise HTTPException(404, "there is no such feature map in this network")
        weights = convolution.weight[index].detach().cpu().numpy()  # (n_in, 3, 3)
        columns = min(16, len(weights))
        sheet = to_data_url(signed_sheet(weights, columns))
        return {"n_kernels": len(weights), "columns": columns, "side": weights.shape[-1], "sheet": sheet}


def _ink_of(data: bytes | PictureError) -> np.ndarray:
    if isinstance(data, PictureError):
        raise data
    ink = to_ink(data)
    if not ink.any():
        raise PictureError("nothing is written in this picture")
    return ink


def _explain(explainer: Any, ink: np.ndarray, digit: int | None) -> dict[str, Any]:
    probabilities = explainer.probabilities(ink)[0]
    answer = int(probabilities.argmax())
    digit = answer if digit is None else digit
    return {
        "answer": answer,
        "digit": digit,
        "probabilities": [round(float(p), 6) for p in probabilities],
        "ink": to_data_url(ink),
        "grad_cam": to_data_url(heat_on_ink(explainer.grad_cam(ink, digit), ink)),
        "occlusion": to_data_url(heat_on_ink(explainer.occlusion_map(ink, digit), ink)),
        "layers": [_layer(name, maps) for name, maps in explainer.feature_maps(ink).items()],
    }


def _think(explainer: Any, ink: np.ndarray) -> dict[str, Any]:
    probabilities, maps, speaks = explainer.thoughts(ink)
    shown = {name: _most_active(layer) for name, layer in maps.items()}
    *_others, name = maps
    last = shown[name] = np.sort(np.argsort(-np.abs(speaks).max(axis=0))[:N_SHOWN])  # of the last, who has most to say
    shares = speaks / np.maximum(np.abs(speaks).sum(axis=1, keepdims=True), 1e-9)  # (10, c)
    return {
        "ink": to_data_url(ink),
        "probabilities": probabilities.astype(float).round(6).tolist(),
        "layers": [_row(name, layer, shown[name]) for name, layer in maps.items()],
        "shares": shares[:, last].astype(float).round(4).tolist(),
    }


def _most_active(maps: np.ndarray) -> np.ndarray:
    """Return the indices of the most active of (c, h, w) maps, in the network's order: so few change with a stroke."""
    return np.sort(np.argsort(-maps.mean(axis=(1, 2)))[:N_SHOWN])


def _row(name: str, maps: np.ndarray, shown: np.ndarray) -> dict[str, Any]:
    level = max(float(maps[shown].max()), 1e-6)
    sheet = to_data_url(to_sheet((maps[shown] / level * 255).astype(np.uint8), 1))
    return {"name": name, "n_maps": len(maps), "side": maps.shape[-1], "shown": shown.tolist(), "sheet": sheet}


def _layer(name: str, maps: np.ndarray) -> dict[str, Any]:
    """Return the maps, float32 (c, h, w), as one sheet; each layer has its own scale from 0 to its highest value."""
    columns = 8 if len(maps) <= 32 else 16
    shown = np.clip(maps / max(float(np.quantile(maps, 0.999)), 1e-6), 0, 1)
    sheet = to_data_url(to_sheet((shown * 255).astype(np.uint8), columns))
    return {"name": name, "n_maps": len(maps), "side": maps.shape[-1], "columns": columns, "sheet": sheet}


def _stress(explainer: Any, ink: np.ndarray, kind: str) -> dict[str, Any]:
    curve = explainer.stress(ink, kind)
    return {
        "kind": curve.kind,
        "unit": curve.unit,
        "answer": curve.answer,
        "strengths": [round(float(value), 5) for value in curve.strengths],
        "probabilities": curve.probabilities.round(5).tolist(),
        "sheet": to_data_url(to_sheet(curve.ink, len(curve.ink))),
        "flips_at": curve.flips_at,
        "flips_to": curve.flips_to,
    }
