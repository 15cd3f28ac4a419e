"""What the networks are trained on: data sets, glyphs, imitated pictures, augmentation, distillation."""
