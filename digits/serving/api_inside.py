"""The API's routes into the network: where it looks, what its layers make of a picture, what changes its mind.

    add_inside(app, readers, queue)      # POST /api/explain, /api/think, /api/stress, /api/kernel

Each takes one model by name; a network's first question loads torch. Status and reason are those that /api/predict
gives. What the routes answer is in digits/serving/schemas.py.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, HTTPException, Query, UploadFile

from digits.finding.data_url import to_data_url
from digits.finding.limits import PictureError
from digits.finding.pages import page_of
from digits.measuring.attacks import Judge, StressKind
from digits.measuring.explain import Explainer
from digits.measuring.nearest import Nearest
from digits.reading.answer import Prediction, Predictor
from digits.reading.conclusion import is_by_ink_alone
from digits.reading.verdict import BLANK, NOT_A_DIGIT, OK, UNSURE, judge
from digits.serving.images import heat_on_ink, to_sheet, to_uint8
from digits.serving.readers import Readers
from digits.serving.schemas import Explanation, Kernel, PageNumber, Stress, Thoughts
from digits.serving.uploads import OnlyFile, read_file
from digits.serving.work_queue import WorkQueue

Name = Annotated[str, Query(description="one model's name; the first if empty")]
Digit = Annotated[int | None, Query(ge=0, le=9, description="the digit to ask about; the answer if left out")]
Kind = Annotated[StressKind, Query()]
N_SHOWN = 6  # of the maps of a layer, while somebody draws


def add_inside(app: FastAPI, readers: Readers, queue: WorkQueue) -> None:
    """Add the routes to `app`; the networks are those of `readers`, the work is done by `queue`."""

    async def prepare(file: UploadFile, model: str, page: int | None) -> tuple[Explainer, Predictor, Prediction]:
        names = [model] if model else []
        readers.check(names)
        data = await read_file(file, queue.limits)
        predictor = await queue.run(readers.predictor, names)
        prediction = await queue.run(_predict, predictor, data, page)
        return await queue.run(readers.explainer, model), predictor, prediction

    @app.post("/api/explain", tags=["inside"], response_model=Explanation)
    async def explain(file: OnlyFile, model: Name = "", digit: Digit = None, page: PageNumber = None) -> Any:
        """Show which strokes speak for a digit, and the feature maps of every convolution."""
        explainer, _predictor, prediction = await prepare(file, model, page)
        explanation = await queue.run(_explain, explainer, prediction, digit)
        return {"model": model or readers.names[0], **explanation}

    @app.post("/api/think", tags=["inside"], response_model=Thoughts)
    async def think(file: OnlyFile, model: Name = "", page: PageNumber = None) -> Any:
        """Show how ink becomes an answer: the most active maps of each layer, and what speaks for each digit."""
        explainer, _predictor, prediction = await prepare(file, model, page)
        return await queue.run(_think, explainer, prediction)

    @app.post("/api/stress", tags=["inside"], response_model=Stress)
    async def stress(file: OnlyFile, kind: Kind, model: Name = "", page: PageNumber = None) -> Any:
        """Damage the ink more and more and say how probabilities and verdict follow."""
        return await queue.run(_stress, *await prepare(file, model, page), kind)

    @app.post("/api/kernel", tags=["inside"], response_model=Kernel)
    async def kernel(file: OnlyFile, layer: str, index: int, model: Name = "", page: PageNumber = None) -> Any:
        """Show all numbers that make feature map `index` of a convolution from this picture."""
        explainer, _predictor, prediction = await prepare(file, model, page)
        convolution = explainer.convolutions.get(layer)
        if convolution is None or not 0 <= index < convolution.out_channels:
            raise HTTPException(404, "there is no such feature map in this network")
        return await queue.run(_kernel, explainer, _ink_of(prediction), layer, index)


def _predict(predictor: Predictor, data: bytes, page: int | None) -> Prediction:
    prediction = predictor.predict(page_of(data, page))
    if prediction.status == BLANK:
        raise PictureError("nothing is written in this picture")
    return prediction


def _ink_of(prediction: Prediction) -> np.ndarray:
    found = prediction.found
    assert found is not None, "an unreadable picture has raised before"
    return found.ink


def _explain(explainer: Explainer, prediction: Prediction, digit: int | None) -> dict[str, Any]:
    ink = _ink_of(prediction)
    answer = int(prediction.probs.argmax()) if prediction.digit is None else prediction.digit
    digit = answer if digit is None else digit
    thoughts = explainer.thoughts(ink)
    return {
        **_verdict(prediction),
        "answer": answer,
        "digit": digit,
        "ink": to_data_url(ink),
        "grad_cam": to_data_url(heat_on_ink(explainer.grad_cam(ink, digit), ink)),
        "occlusion": to_data_url(heat_on_ink(explainer.occlusion_map(ink, digit), ink)),
        "layers": [_layer(name, maps) for name, maps in thoughts.maps.items()],
        "nearest": _nearest(explainer.nearest, thoughts.hidden) if explainer.nearest else None,
    }


def _verdict(prediction: Prediction) -> dict[str, Any]:
    """Return status, reason and probabilities, as reading the picture tells them."""
    probabilities = prediction.probs.astype(float).round(6).tolist()
    return {"status": prediction.status, "reason": prediction.reason, "probabilities": probabilities}


def _think(explainer: Explainer, prediction: Prediction) -> dict[str, Any]:
    ink = _ink_of(prediction)
    thoughts = explainer.thoughts(ink)
    maps, speaks = thoughts.maps, thoughts.speaks
    shown = {name: _most_active(layer) for name, layer in maps.items()}
    *_others, name = maps
    last = shown[name] = np.sort(np.argsort(-np.abs(speaks).max(axis=0))[:N_SHOWN])  # of the last, who has most to say
    whole = np.maximum(np.abs(speaks).sum(axis=1) + np.abs(thoughts.rest), 1e-9)  # (10,)
    return {
        **_verdict(prediction),
        "ink": to_data_url(ink),
        "layers": [_active_maps(name, layer, shown[name]) for name, layer in maps.items()],
        "shares": (speaks[:, last] / whole[:, None]).astype(float).round(4).tolist(),
        "biases": (thoughts.rest / whole).astype(float).round(4).tolist(),
        "nearest": _nearest(explainer.nearest, thoughts.hidden) if explainer.nearest else None,
    }


def _nearest(nearest: Nearest, hidden: np.ndarray) -> dict[str, Any]:
    places = nearest.find(hidden)
    sheet = to_data_url(to_sheet(nearest.ink[places], len(places)))
    return {"sheet": sheet, "labels": nearest.labels[places].tolist(), "n": len(nearest.labels)}


def _most_active(maps: np.ndarray) -> np.ndarray:
    """Return the indices of the most active of (c, h, w) maps, in the network's order: so few change with a stroke."""
    return np.sort(np.argsort(-maps.mean(axis=(1, 2)))[:N_SHOWN])


def _active_maps(name: str, maps: np.ndarray, shown: np.ndarray) -> dict[str, Any]:
    """Return the `shown` of (c, h, w) maps as one sheet, brightest where the most active of them is."""
    level = max(float(maps[shown].max()), 1e-6)
    sheet = to_data_url(to_sheet(to_uint8(maps[shown] / level), 1))
    return {"name": name, "n_maps": len(maps), "side": maps.shape[-1], "shown": shown.tolist(), "sheet": sheet}


def _layer(name: str, maps: np.ndarray) -> dict[str, Any]:
    """Return the maps, float32 (c, h, w), as one sheet; each layer has its own scale from 0 to its highest value."""
    columns = 8 if len(maps) <= 32 else 16
    level = max(float(np.quantile(maps, 0.999)), 1e-6)
    sheet = to_data_url(to_sheet(to_uint8(maps / level), columns))
    return {"name": name, "n_maps": len(maps), "side": maps.shape[-1], "columns": columns, "sheet": sheet}


def _kernel(explainer: Explainer, ink: np.ndarray, layer: str, index: int) -> dict[str, Any]:
    kernel = explainer.kernel(ink, layer, index)
    arrays = {name: getattr(kernel, name) for name in ("inputs", "weights", "values")}
    facts = {name: value for name, value in vars(kernel).items() if name not in arrays}
    return facts | {name: {"shape": a.shape, "data": _packed(a)} for name, a in arrays.items()}


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(array.astype("<f4").tobytes()).decode()


def _stress(explainer: Explainer, predictor: Predictor, prediction: Prediction, kind: str) -> dict[str, Any]:
    curve = explainer.stress(_ink_of(prediction), kind, judge=_judge_like(predictor, prediction))
    return {
        "kind": curve.kind,
        "unit": curve.unit,
        "answer": curve.answer,
        "strengths": [round(float(value), 5) for value in curve.strengths],
        "probabilities": curve.probabilities.round(5).tolist(),
        "statuses": list(curve.statuses),
        "sheet": to_data_url(to_sheet(curve.ink, len(curve.ink))),
        "flips": [vars(flip) for flip in curve.flips],
    }


def _judge_like(predictor: Predictor, prediction: Prediction) -> Judge:
    """Return what judges ink as the picture it comes from was judged; what another rule refused stays refused."""
    found, limits = prediction.found, predictor.thresholds
    left_out, looked_again = (found.left_out, is_by_ink_alone(found)) if found else (0.0, False)

    def tell(ink: np.ndarray) -> tuple[np.ndarray, list[str]]:
        probabilities, scores = predictor.predict_scores(ink)
        pairs = zip(probabilities, scores, strict=True)
        statuses = [judge(p, float(score), limits, left_out)[0] for p, score in pairs]
        if looked_again:
            alike = zip(statuses, predictor.are_digits(ink), strict=True)
            statuses = [UNSURE if status == OK and not is_digit else status for status, is_digit in alike]
        return probabilities, statuses

    by_ink = tell(_ink_of(prediction)[None])[1][0]
    if prediction.status == NOT_A_DIGIT and by_ink != NOT_A_DIGIT:
        return lambda ink: (tell(ink)[0], [NOT_A_DIGIT] * len(ink))
    return tell
