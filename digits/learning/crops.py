def draw_crop(writer, rng, pens):
    raise NotImplementedError
