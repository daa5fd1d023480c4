"""Carry the manifest from the root of the repository into the package, for every kind of install.

npe2 looks for ``napari.yaml`` in the folder of the module. A wheel gets it by force-include; an editable
install imports from ``src``, so there the file is linked, or copied where links are refused.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManifestHook(BuildHookInterface):  # type: ignore[type-arg]  # its parameter is a builder's configuration, unused here
    """Put ``napari.yaml`` where npe2 looks for it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Include the manifest in a wheel, or link it into the source folder of an editable install."""
        manifest = Path(self.root) / "napari.yaml"
        if version != "editable":
            build_data["force_include"][str(manifest)] = "napari_stm_impurities/napari.yaml"
            return
        link = Path(self.root) / "src" / "napari_stm_impurities" / "napari.yaml"
        link.unlink(missing_ok=True)
        try:
            link.symlink_to(Path("..") / ".." / "napari.yaml")
        except OSError:
            shutil.copyfile(manifest, link)
