"""The plugin for napari: the only part of this package that imports napari, magicgui or Qt."""
