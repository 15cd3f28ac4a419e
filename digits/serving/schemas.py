"""What the API sends, as types: they check nothing twice, but they document, and make /docs and clients possible.

rows = Rows.model_validate(httpx.post(url, files={"files": file}).json()).rows     # of POST /api/predict
rows[0].status, rows[0].digit
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from digits.finding.limits import MAX_PAGES
from digits.reading.verdict import Status
from digits.serving.trainer import State

Model = Annotated[list[str], Query(description="a model's name; several (model=a&model=b) vote")]
Digit = Annotated[int, Field(ge=0, le=9)]
PageNumber = Annotated[int | None, Query(ge=1, le=MAX_PAGES, description="for a multi-page PDF or TIFF")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Signs = Annotated[str, Field(max_length=20_000, pattern=r"^[\d\s.,\-+/:]*$")]
PngUrl = Annotated[str, Field(max_length=4096, pattern=r"^data:image/png;base64,[A-Za-z0-9+/=]*$")]


class Step(BaseModel):
    """One picture of the way from the file to the ink."""

    name: Literal["picture", "contrast", "mask", "ink"]
    image: str = Field(description="data URL of a PNG or JPEG")


class Row(BaseModel):
    """The answer for one file: the columns of a batch report, and on request more."""

    path: str = Field(description="the file's name as it was sent")
    status: Status
    digit: int | None = Field(description="0-9; null if the status says that there is no digit")
    confidence: float | None = Field(description="the highest of p0 ... p9")
    runner_up: int | None
    runner_up_confidence: float | None
    p0: float | None
    p1: float | None
    p2: float | None
    p3: float | None
    p4: float | None
    p5: float | None
    p6: float | None
    p7: float | None
    p8: float | None
    p9: float | None
    error: str | None = Field(description="one sentence, if the file could not be read")
    file: int | None = Field(None, description="for files with pages: the file's number in the request, from 0")
    page: int | None = Field(None, description="for a multi-page PDF or TIFF: the page, from 1")
    pages: list[int] | None = Field(None, description="the numbers of all pages of that file")
    reason: str | None = Field(None, description="with details: why the status is not ok")
    box: list[float] | None = Field(
        None, description="with details: left, top, right, bottom, as fractions of the picture"
    )
    ink: str | None = Field(None, description="with details: the 28x28 pixels the network saw, a PNG as data URL")
    steps: list[Step] | None = Field(None, description="with details=steps: the preprocessing as pictures")


class Rows(BaseModel):
    """The answers of one request, in the order of its files."""

    model: list[str] = Field(description="the networks used; several vote")
    rows: list[Row]


class NumberDigit(BaseModel):
    """One digit of a number."""

    digit: int
    confidence: float
    status: Literal["ok", "unsure"]
    line: int = Field(description="counts from 0")
    box: list[int] = Field(description="left, top, right, bottom in pixels of the upright picture")
    probs: list[float] = Field(description="the ten probabilities")


class NumberReportRow(BaseModel):
    """A number's row as it goes into a report."""

    path: str = Field(max_length=1024)
    status: Status
    text: Signs
    confidence: Share | None = None
    lines: list[str] | None = None
    digits: list[NumberDigit] | None = None
    number: int | float | None = None
    reason: str | None = Field(None, max_length=1024)
    label: Signs | None = Field(None, description="what it really says, if a person said so; - if nothing")
    error: str | None = Field(None, max_length=1024)


class ReportRow(BaseModel):
    """A row as it goes into a report: the columns of the answer, and the truth where it was given."""

    path: str = Field(max_length=1024)
    status: Status
    digit: Digit | None = None
    confidence: Share | None = None
    runner_up: Digit | None = None
    runner_up_confidence: Share | None = None
    p0: Share | None = None
    p1: Share | None = None
    p2: Share | None = None
    p3: Share | None = None
    p4: Share | None = None
    p5: Share | None = None
    p6: Share | None = None
    p7: Share | None = None
    p8: Share | None = None
    p9: Share | None = None
    label: Digit | None = Field(None, description="the true digit, if a person gave it")
    error: str | None = Field(None, max_length=1024)
    ink: PngUrl | None = Field(None, description="the 28x28 pixels the network saw, for the review page")


class Number(BaseModel):
    """A number, or several lines of them, read from one picture."""

    model: list[str]
    path: str
    status: Literal["ok", "unsure", "not_a_digit"]
    text: str = Field(
        description="digits and signs in reading order, lines separated by line breaks; empty if there are none"
    )
    number: int | float | None = Field(description="the plain value, if the text has only one possible meaning")
    confidence: float | None = Field(description="the lowest of the digits'")
    reason: str = Field(description="why it is not ok; empty if it is")
    lines: list[str]
    digits: list[NumberDigit]
    width: int = Field(description="of the upright picture, in pixels")
    height: int
    pages: list[int] | None = Field(None, description="for a multi-page PDF or TIFF: the numbers of its pages")
    picture: str | None = Field(None, description="with details=steps: a small copy of the picture as a data URL")


class EmptyForm(BaseModel):
    """The picture of an empty form as a template holds it."""

    picture: str = Field(description="upright and grey, at most 2000 pixels, a data URL: the template's `picture`")
    width: int
    height: int
    pages: list[int] | None = Field(None, description="of a PDF or TIFF of several: the numbers of its pages")


class FormField(BaseModel):
    """What one field of a form says."""

    text: str
    status: Literal["ok", "unsure", "blank", "not_a_digit"]
    reason: str = Field(description="why it is not ok; empty if it is")
    confidence: float | None
    corners: list[list[int]] = Field(description="[x, y] in the page's pixels, from the top left on")
    picture: str | None = Field(None, description="with pictures: the field cut out of the page, a data URL")


class FormRow(BaseModel):
    """What a page says, by the names of its fields; the row of a batch with --fields."""

    path: str = Field(description="the file's name as it was sent, with #1, #2, … where it has pages")
    status: Status = Field(description="ok if every field is, or is empty and may be")
    reason: str | None = Field(description="what keeps the page from being ok")
    confidence: float | None = Field(description="the lowest of the fields'")
    fields: dict[str, FormField] = Field(description="none where the page could not be read")
    error: str | None = Field(description="one sentence, if the page could not be read, or is of another form")
    file: int = Field(description="which file of the request, from 0")


class FormRows(BaseModel):
    """The filled forms of one request, a row a page, in the order of its files."""

    model: list[str]
    names: list[str] = Field(description="the fields, in the template's order")
    rows: list[FormRow]


class Kept(BaseModel):
    """What became of a correction."""

    key: str | None = Field(description="DELETE /api/feedback/{key} deletes the correction")
    count: int = Field(description="corrections kept now")


class Compared(BaseModel):
    """The new network and the served one on pictures that neither has learnt."""

    name: str = Field(description="corrections, written (drawn by the project for this), mnist, or together")
    n: int = Field(description="how many pictures")
    served: int = Field(description="of these read right before")
    new: int = Field(description="of these read right by the new network")


class TrainingProgress(BaseModel):
    """How far the training of the corrections is, or what came of the last one."""

    count: int = Field(description="corrections kept now")
    least: int = Field(description="so many are needed")
    state: State
    why: str = Field(description="why the new weights are used or not, or what went wrong")
    can_go_back: bool = Field(description="whether POST /api/training/back serves the earlier weights again")
    losses: list[float] = Field(description="of each step, or the mean of some, in order")
    round: int = Field(description="rounds through the pictures so far")
    rounds: int = Field(description="rounds there will be; 0 until that is known")
    seconds_left: int | None = Field(description="null before the first round is over, and when nothing runs")
    sets: list[Compared]


class ModelCard(BaseModel):
    """What a network says about itself."""

    name: str
    architecture: str | None
    metrics: dict[str, Any] = Field(description="on validation data")
    config: dict[str, Any] = Field(description="settings of its training")
    git_commit: str | None = Field(description="of the code that trained it")
    engine: str = Field(description="onnx or torch")
    n_bytes: int = Field(description="of its weights file")
    weights_sha256: str | None = Field(description="of its checkpoint, which tells it from others of the same name")
    temperature: float | None
    thresholds: dict[str, float]


class Problem(BaseModel):
    """Every error's body."""

    error: str = Field(description="one sentence that says what to do")


class Layer(BaseModel):
    """What one convolution makes of the ink."""

    name: str
    n_maps: int
    side: int = Field(description="of one map, in pixels")
    columns: int = Field(description="of the sheet")
    sheet: str = Field(description="all maps side by side, a PNG as data URL")


class NearestPictures(BaseModel):
    """The training pictures that the last layer takes for most alike."""

    sheet: str = Field(description="the pictures side by side, the nearest first, a PNG as data URL")
    labels: list[int]
    n: int = Field(description="how many training pictures were compared")


class Explanation(BaseModel):
    """Where the network looked, for one digit."""

    model: str
    status: Status = Field(description="as /api/predict has it")
    reason: str
    answer: int = Field(description="the most probable digit, even if it is rejected")
    digit: int = Field(description="the digit that was asked about")
    probabilities: list[float]
    ink: str
    grad_cam: str = Field(description="the ink with the evidence for the digit in colour, a PNG as data URL")
    occlusion: str = Field(description="the ink with what the answer rests on in colour, a PNG as data URL")
    layers: list[Layer]
    nearest: NearestPictures | None = Field(description="null if no index was made of these weights")


class ActiveMaps(BaseModel):
    """The most active maps of one convolution."""

    name: str
    n_maps: int
    side: int = Field(description="of one map, in pixels")
    shown: list[int] = Field(description="which maps these are")
    sheet: str = Field(description="the maps below each other, a PNG as data URL")


class Thoughts(BaseModel):
    """How ink becomes an answer."""

    ink: str
    status: Status
    reason: str
    probabilities: list[float]
    layers: list[ActiveMaps]
    shares: list[list[float]] = Field(
        description="ten rows: how much each shown map of the last layer counts for the digit, or against it where "
        "negative; the shares of all maps and of the biases, without their signs, add up to 1"
    )
    biases: list[float] = Field(description="ten: the share of the biases of the layers that follow the maps")
    nearest: NearestPictures | None = Field(description="null if no index was made of these weights")


class Numbers(BaseModel):
    """An array of float32."""

    shape: list[int]
    data: str = Field(description="little-endian, base64")


class Kernel(BaseModel):
    """All that makes one feature map: relu((inputs in the window x weights, summed, + bias) x scale + shift)."""

    inputs: Numbers = Field(description="(n_in, height, width); outside of them are zeros, `padding` wide")
    weights: Numbers = Field(description="(n_in, k, k)")
    values: Numbers = Field(description="(h, w), as the network has them")
    bias: float
    scale: float = Field(description="of the batch norm that follows; 1 without")
    shift: float
    has_relu: bool
    stride: int
    padding: int


class Flip(BaseModel):
    """Where the verdict becomes another one."""

    strength: float
    digit: int | None = Field(description="null if it is rejected as not a digit")


class Stress(BaseModel):
    """The ten probabilities while one kind of damage grows."""

    kind: str
    unit: str
    answer: int = Field(description="of the network without damage")
    strengths: list[float]
    probabilities: list[list[float]] = Field(description="ten for each strength")
    sheet: str = Field(description="what the network saw at each strength, side by side, a PNG as data URL")
    statuses: list[Status] = Field(description="one for each strength")
    flips: list[Flip] = Field(description="every change of the verdict, the gentlest first")
