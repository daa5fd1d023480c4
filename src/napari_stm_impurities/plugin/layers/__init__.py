"""Values as napari layers and back: images, points, comparisons."""
