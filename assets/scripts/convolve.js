/* One value of a feature map, taken apart. Pure; tested by tests/scripts/convolve.test.js. */

/** The numbers of an array as the API packs it: float32, little-endian, in base64. */
export function unpack({ shape, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return { shape, data: new Float32Array(bytes.buffer) };
}

/** What /api/kernel tells, its arrays unpacked. */
export const open = (told) => ({
  ...told,
  inputs: unpack(told.inputs),
  weights: unpack(told.weights),
  values: unpack(told.values),
});

/** The k × k numbers of one input map in the window of the output's pixel (y, x); outside of the map they are 0. */
export function windowAt({ inputs, weights, stride, padding }, channel, y, x) {
  const [, height, width] = inputs.shape;
  const side = weights.shape[1];
  return Array.from({ length: side * side }, (_one, i) => {
    const [row, column] = [y * stride - padding + Math.floor(i / side), x * stride - padding + (i % side)];
    const isIn = row >= 0 && row < height && column >= 0 && column < width;
    return isIn ? inputs.data[(channel * height + row) * width + column] : 0;
  });
}

/** The kernel's k × k weights for one input map. */
export function weightsOf({ weights }, channel) {
  const size = weights.shape[1] * weights.shape[2];
  return [...weights.data.slice(channel * size, (channel + 1) * size)];
}

/** How the value at (y, x) comes about: the strongest input map, the rest of them, and every step to the value. */
export function partsAt(kernel, y, x) {
  const parts = Array.from({ length: kernel.weights.shape[0] }, (_one, channel) => {
    const weights = weightsOf(kernel, channel);
    return windowAt(kernel, channel, y, x).reduce((sum, number, i) => sum + number * weights[i], 0);
  });
  const strongest = parts.reduce((best, part, i) => (Math.abs(part) > Math.abs(parts[best]) ? i : best), 0);
  const sum = parts.reduce((all, part) => all + part, 0) + kernel.bias;
  const normed = sum * kernel.scale + kernel.shift;
  return {
    strongest,
    part: parts[strongest],
    rest: sum - kernel.bias - parts[strongest],
    sum,
    normed,
    value: kernel.has_relu ? Math.max(0, normed) : normed,
    stored: kernel.values.data[y * kernel.values.shape[1] + x],
  };
}

/** The place (y, x) of the highest value. */
export function highest({ shape: [, width], data }) {
  const at = data.reduce((best, value, i) => (value > data[best] ? i : best), 0);
  return [Math.floor(at / width), at % width];
}
