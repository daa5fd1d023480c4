"""The nouns: images, tables of points, the observation window, and geometry on them."""
