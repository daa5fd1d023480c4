"""Find impurities in scanning tunnelling microscopy maps from the ripples around them.

The public names stand in ``__init__.pyi`` and nowhere else. They are imported when they are first used, so that
``import napari_stm_impurities`` costs neither torch nor napari.

Examples
--------
>>> import napari_stm_impurities as stm
>>> stack = stm.make_stack([[[0.0, 1.0], [2.0, 3.0]]], bias_mv=[10.0], pixel_size_nm=0.5)
>>> stack.dims
('bias', 'y', 'x')
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
