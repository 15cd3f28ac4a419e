/* The door: gradio's frame asks for a tab's class by name when it shows the tab. */
import { Batch } from "./batch.js";
import { Pad } from "./draw.js";
import { Inside } from "./inside.js";
import { Models } from "./models.js";
import { Upload } from "./upload.js";

const TABS = { draw: Pad, upload: Upload, inside: Inside, batch: Batch, models: Models };

/** Bring the tab `name`, whose content is `element`, to life. */
export const start = (name, element) => new TABS[name](element);
