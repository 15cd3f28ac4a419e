/* What the tabs know of each other: the picture that was last drawn or chosen. */
export const shared = { current: null }; // {blob, model, isExample}
