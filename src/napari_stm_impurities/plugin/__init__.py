"""The plugin for napari: the only part of this package that imports napari, magicgui or Qt."""

import os

# torch's threads wait for each other by spinning, which slows the window, and themselves where cores are busy;
# it is read when torch is first imported, which no module of the plugin does before this one
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
