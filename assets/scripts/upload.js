/* The upload tab: a picture from a file, the clipboard or the camera; one digit with its steps, or a number with boxes.
   Pictures go straight to the API of this server, which reads them in memory and keeps none. */

import { Card } from "./card.js";
import { make } from "./dom.js";
import { showExamples } from "./examples.js";
import known from "./known.js";
import { isSeveral, NumberCard, offer, readNumber, showChoice } from "./number.js";
import { read } from "./server.js";
import { receive, shared } from "./shared.js";
import { fill } from "./text.js";

const { texts } = known;
const STEP_TEXTS = {
  picture: texts.stepPicture,
  contrast: texts.stepContrast,
  mask: texts.stepMask,
  ink: texts.stepInk,
};

export class Upload {
  constructor(root) {
    this.root = root;
    this.card = new Card(root.querySelector(".answer-host"), texts.askUpload, texts.askUploadDetail);
    this.card.source = () => this.picture;
    this.number = new NumberCard(root.querySelector(".number"));
    this.offer = root.querySelector(".offer");
    this.input = root.querySelector("input[type=file]");
    [this.page, this.pages] = [1, []]; // of a PDF or TIFF; no pages of what is one picture
    this.turn = 0; // of several pictures in quick succession only the last one is shown
    this.#bind();
    this.#showExamples();
  }

  #bind() {
    const each = (name, act) =>
      this.root.querySelectorAll(name).forEach((button) => button.addEventListener("click", act));
    each(".choose", () => this.input.click());
    each(".camera", () => this.#film());
    each(".shoot", () => this.#shoot());
    each(".stop", () => this.#stopFilming());
    this.input.addEventListener("change", () => this.#take(this.input.files[0]));
    each(".before", () => this.#turnPage(-1));
    each(".after", () => this.#turnPage(1));
    showChoice(this.root.querySelector(".mode"), () => this.#read());
    receive("upload", (file) => this.#take(file));
    new IntersectionObserver(() => this.stream && this.root.offsetParent === null && this.#stopFilming()).observe(
      this.root,
    );
  }

  #showExamples() {
    this.root.querySelector(".examples-ask").hidden = !known.examples.length;
    showExamples(this.root.querySelector(".examples"), (file) => this.#take(file));
  }

  // ------------------------------------------------------------ camera

  async #film() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      return this.#say(texts.noCamera);
    }
    this.#say("");
    this.#letGo();
    this.stream = stream;
    if (this.root.offsetParent === null) return this.#letGo(); // the tab was left before permission came
    const video = this.root.querySelector("video");
    video.srcObject = stream;
    this.#show("filming");
    await video.play();
  }

  #say(sentence) {
    this.root.querySelector(".upload-says").textContent = sentence;
  }

  /** Switch the camera off; also when the tab is left. */
  #letGo() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
  }

  #shoot() {
    const video = this.root.querySelector("video");
    const canvas = Object.assign(document.createElement("canvas"), {
      width: video.videoWidth,
      height: video.videoHeight,
    });
    canvas.getContext("2d").drawImage(video, 0, 0);
    this.#stopFilming();
    canvas.toBlob((blob) => this.#take(new File([blob], "camera.jpg")), "image/jpeg", 0.95);
  }

  #stopFilming() {
    this.#letGo();
    this.#show(this.blob ? "shown" : "drop-ask");
  }

  #show(part) {
    for (const name of ["drop-ask", "shown", "filming"]) this.root.querySelector(`.${name}`).hidden = name !== part;
    this.root.querySelector(".filming-buttons").hidden = part !== "filming";
    this.root.querySelector(".again").hidden = part !== "shown";
    this.root.querySelector(".pages").hidden = part !== "shown" || !this.pages.length;
  }

  // ------------------------------------------------------------ reading

  #take(file) {
    this.input.value = "";
    if (!file) return;
    this.#letGo();
    this.#say("");
    this.blob = file;
    [this.page, this.pages] = [1, []];
    this.#show("drop-ask");
    this.#begin();
  }

  /** Read another picture: nothing said of the last one stays. */
  #begin() {
    this.card.clear();
    this.number.forget();
    this.#read();
  }

  /** What is shown, as others are told of it. */
  get picture() {
    return { blob: this.blob, page: this.page, model: "" };
  }

  async #read() {
    if (!this.blob) return;
    const turn = ++this.turn;
    const number = shared.mode === "number";
    const waiting = () => turn === this.turn && this.#wait(number, texts.offline);
    offer(this.offer, null);
    this.root.dataset.state = "reading";
    this.#wait(number, texts.working);
    try {
      const answer = await (number ? this.#askNumber(waiting) : this.#askDigit(waiting));
      if (turn !== this.turn) return;
      this.#showPages(answer);
      shared.current = this.picture;
      number ? this.#showNumber(answer) : this.#showDigit(answer);
      this.#reveal();
      this.#offerOther(number ? answer : await this.#askNumber().catch(() => ({ digits: [] })), turn);
    } catch (error) {
      if (turn === this.turn) this.#fail(error);
      this.#reveal();
    }
    if (turn === this.turn) this.root.dataset.state = "done";
  }

  /** On a phone the answer is below the picture: bring its first words into view. */
  async #reveal() {
    const image = this.root.querySelector(".shown img");
    await image.decode().catch(() => {}); // until then its height is not known
    const heads = [...this.root.querySelectorAll(".answer-top, .number-text")];
    heads.find((one) => one.offsetParent)?.scrollIntoView({ block: "nearest" });
  }

  #askDigit(waiting) {
    return read(this.blob, { details: "steps", name: this.blob.name, page: this.page, waiting });
  }

  #askNumber(waiting) {
    return readNumber(this.blob, { page: this.page, waiting });
  }

  /** Offer to read several digits as a number, and a number of one digit as that. */
  #offerOther(answer, turn) {
    if (turn !== this.turn) return;
    if (shared.mode === "one") offer(this.offer, isSeveral(answer) ? "number" : null);
    else offer(this.offer, answer.digits.length === 1 ? "one" : null);
  }

  // ------------------------------------------------------------ pages of a PDF or TIFF

  #showPages({ pages = [] }) {
    this.pages = pages ?? [];
    const at = this.pages.indexOf(this.page);
    this.root.querySelector(".page-now").textContent = fill(texts.pageNow, { n: at + 1, total: this.pages.length });
    this.root.querySelector(".before").disabled = at <= 0;
    this.root.querySelector(".after").disabled = at === this.pages.length - 1;
  }

  #turnPage(step) {
    this.page = this.pages[this.pages.indexOf(this.page) + step];
    this.#begin();
  }

  /** Say why there is no answer yet, in its place; no boxes are shown meanwhile. */
  #wait(isNumber, says) {
    this.#arrange([isNumber ? "number" : "answer-host"]);
    this.root.querySelector(".shown svg").replaceChildren();
    if (isNumber) this.number.tell(says);
    else this.card.wait(says);
  }

  #arrange(parts) {
    for (const name of ["answer-host", "number", "steps"])
      this.root.querySelector(`.${name}`).hidden = !parts.includes(name);
  }

  #showDigit(row) {
    this.#arrange(["answer-host", "steps"]);
    this.card.show(row);
    const box = row.box ? [{ box: row.box, label: "" }] : [];
    this.#showPicture(row.steps[0].image, box, [1, 1]);
    this.root
      .querySelector(".steps ol")
      .replaceChildren(
        ...row.steps.map((step) =>
          make(`<li><img src="${step.image}" alt="" class="${step.name}"><span>${STEP_TEXTS[step.name]}</span></li>`),
        ),
      );
  }

  #showNumber(answer) {
    this.#arrange(["number"]);
    this.number.show(answer);
    this.#showPicture(answer.picture, answer.digits, [answer.width, answer.height]);
  }

  #fail(error) {
    this.#arrange(["answer-host"]);
    this.card.fail(error);
    this.#show("drop-ask");
    this.blob = null;
  }

  /** Show the picture with boxes; `size` is what the boxes count in. */
  #showPicture(url, boxes, [width, height]) {
    this.#show("shown");
    const [image, svg] = [this.root.querySelector(".shown img"), this.root.querySelector(".shown svg")];
    image.src = url;
    image.alt = texts.stepPicture;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren(
      ...boxes.map(({ box: [left, top, right, bottom], status }) => {
        const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        const where = { x: left, y: top, width: right - left, height: bottom - top };
        for (const [name, value] of Object.entries(where)) rect.setAttribute(name, value);
        rect.classList.toggle("unsure", status === "unsure");
        return rect;
      }),
    );
  }
}
