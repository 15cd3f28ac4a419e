/* The notebook's pad: after each stroke, the drawing goes to Python as a PNG. Loaded by anywidget. */

const SIDE = 224; // pixels: eight for each of the ink's 28
const PEN = 18;

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.width = SIDE;
  canvas.height = SIDE;
  canvas.style.cssText = "display: block; border: 1px solid #767676; cursor: crosshair; touch-action: none";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Pad: draw a digit");
  const button = document.createElement("button");
  button.textContent = "Clear";
  button.style.cssText = "margin-top: 6px";
  el.append(canvas, button);

  const pen = canvas.getContext("2d");
  pen.lineWidth = PEN;
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.strokeStyle = "black";
  pen.fillStyle = "white";

  const send = (drawing) => {
    model.set("drawing", drawing);
    model.save_changes();
  };
  const line = (event) => {
    pen.lineTo(event.offsetX, event.offsetY);
    pen.stroke();
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    pen.beginPath();
    line(event); // a dot, where nothing follows
  };
  canvas.onpointermove = (event) => canvas.hasPointerCapture(event.pointerId) && line(event);
  canvas.onpointerup = () => send(canvas.toDataURL("image/png"));
  const clear = () => {
    pen.fillRect(0, 0, SIDE, SIDE);
    send("");
  };
  button.onclick = clear;
  clear();
}

export default { render };
