"""Every English text of the page, in one place; the scripts get them as JSON."""

from __future__ import annotations

TITLE = "Digits"
SUBTITLE = "A small neural network that reads handwriting — and says so when it cannot."

FOOT = "<span>Everything is read on this machine; nothing is sent anywhere else.</span> <a href='docs'>API for programs</a>"

TABS = {"draw": "Draw", "upload": "Upload", "inside": "Look inside", "batch": "Batch", "models": "Models"}

SCRIPT = {
    # answer card
    "ask": "Draw a digit",
    "askDetail": "The answer changes while you draw.",
    "askUpload": "No picture yet",
    "askUploadDetail": "The answer appears here.",
    "ok": "This is a {digit}.",
    "unsure": "Perhaps a {digit}.",
    "blank": "Nothing is written here.",
    "not_a_digit": "This does not look like a digit.",
    "error": "This did not work.",
    "sure": "{percent} sure",
    "runnerUp": "second guess: {digit} ({percent})",
    "closest": "closest: {digit} ({percent})",
    "bars": "Probability of each digit",
    "bar": "{digit}: {percent}",
    "sees": "What the network sees",
    "seesEmpty": "28 × 28 pixels, centred",
    "model": "Model",
    "vote": "all, voting",
    "compare": "side by side",
    "offline": "The server does not answer; trying again.",
    "busy": "The server is busy; trying again.",
    # corrections
    "wrong": "Not right? Click what it really is:",
    "right": "It is a {digit}",
    "saved": "Kept as a {digit}, for the next training.",
    "undo": "Undo",
    "undone": "Removed again.",
    "count": "{n} corrections kept",
    "countOne": "1 correction kept",
    "countNone": "Nothing is kept unless you click.",
    "export": "Download them",
    # pad
    "paper": "Drawing area. Draw one digit with mouse, pen or finger.",
    "hint": "Draw a digit here",
    "tools": "Drawing tools",
    "pen": "Pen",
    "eraser": "Eraser",
    "width": "Pen width",
    "undoStroke": "Undo",
    "clear": "Clear",
    "keys": "Ctrl-Z takes back a stroke, Esc clears.",
    # upload
    "drop": "Drop a picture here, paste one, or",
    "choose": "Choose a file",
    "camera": "Use the camera",
    "another": "Choose another",
    "shoot": "Take the picture",
    "stop": "Stop the camera",
    "noCamera": "The camera cannot be used here; it needs permission and a secure page (https or this machine).",
    "kept": "Pictures are read in memory and not kept.",
    "one": "One digit",
    "number": "A number",
    "mode": "What is in the picture",
    "examples": "Or try one of these",
    "example": "Example drawing {name}",
    "steps": "How the picture became 28 × 28",
    "stepPicture": "The picture, upright",
    "stepContrast": "Difference from the paper",
    "stepMask": "The strokes that are kept",
    "stepInk": "Fitted into 20 × 20, centred",
    "readsNumber": "It reads",
    "noNumber": "No digit was found in this picture.",
    "numberBox": "{digit}, {percent} sure",
    "working": "Reading …",
    "inside": "Look inside",
}
