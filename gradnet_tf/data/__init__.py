"""Training data: records of crops, cross-video pairs, augmentation."""
