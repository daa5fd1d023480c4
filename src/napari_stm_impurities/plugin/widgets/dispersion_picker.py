"""What is read off an image before anything is searched in it: its biases, its pixels, and the scale of its ripples.

The reading happens in a thread as soon as an image is chosen. Where no ring stands out, the widget says so and asks for
what the image does not tell: the material, or the length of the ripples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from magicgui.widgets import ComboBox, FloatSpinBox
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import Slot
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from ...core.errors import StmError
from ...core.progress import Progress, ShouldStop, Stopped
from ...data.images import pixel_size_nm, select_bias
from ...physics.dispersion import MATERIALS, Dispersion
from ...qpi.dispersion_fit import MIN_SIGNIFICANCE_SIGMA, NoRing, fit_dispersion
from ...qpi.fourier_maps import FourierMaps, fourier_maps
from ..layers.bias_overlay import in_mv, shown_map
from ..layers.images import layer_bias_mv, layer_stack
from ..layers.transforms import layer_pixel_size_nm
from ..plots.ring_view import RingPlot
from .connections import listen
from .follower import LayerFollower
from .forms import grid
from .job import Job

NO_IMAGE = "Drop a file on the window, or take File > Open Sample > STM impurities."
READ_OFF = "read off the image"
BY_LENGTH = "by the ripples' length"

#: A space at which no line is broken.
NARROW = "\u00a0"

#: How long a person may go on typing before the image is read anew, in ms.
_PATIENCE_MS = 200


@dataclass(frozen=True)
class Reading:
    """What was read off a stack.

    Attributes
    ----------
    asked
        Which reading this is; an older one than the last that was asked for is of no use.
    facts
        Biases, pixels and frame, in one line.
    top_mv
        The highest bias, in mV.
    band
        The surface band; None where no ring stands out.
    picture
        The Fourier transforms; None where there is nothing to transform.
    problem
        Why there is no band, in one line.
    """

    asked: int
    facts: str
    top_mv: float
    band: Dispersion | None
    picture: FourierMaps | None
    problem: str


def read_off(
    asked: int,
    stack: xr.DataArray,
    low_mv: float | None,
    high_mv: float | None,
    *,
    progress: Progress,
    should_stop: ShouldStop,
) -> Reading:
    """Read the scale of the ripples off a stack between two biases."""
    bias = stack.bias.values
    try:
        # a stack on the disk is read here, once, and not in the window's thread
        stack = select_bias(stack, low_mv, high_mv).compute()
        facts = facts_of(stack)
        if should_stop():
            raise Stopped
        picture = fourier_maps(stack)
        if should_stop():
            raise Stopped
        return Reading(asked, facts, float(stack.bias[-1]), fit_dispersion(stack), picture, "")
    except NoRing:
        problem = "No ring of ripples stands out of the Fourier transforms, so their length cannot be read off."
        return Reading(asked, facts, float(stack.bias[-1]), None, picture, problem)
    except StmError as error:
        return Reading(asked, "", float(bias[-1]), None, None, str(error))


def facts_of(stack: xr.DataArray) -> str:
    """Biases and pixels of a stack, in one line.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> facts_of(make_stack(np.zeros((3, 20, 40)), [-10, 0, 10], 0.25)).replace(NARROW, " ")
    '3 maps, -10 to +10 mV · 20 x 40 pixels of 0.25 nm'
    """
    bias = stack.bias.values
    size_y, size_x = pixel_size_nm(stack)
    pixel = f"{size_x:.3g} nm" if abs(size_y / size_x - 1) < 1e-3 else f"{size_y:.3g} x {size_x:.3g} nm"
    first = in_mv(bias[0])
    maps = f"1 map, {first}" if len(bias) == 1 else f"{len(bias)} maps, {first[:-3]} to {in_mv(bias[-1])}"
    return _unbroken(maps, f"{stack.sizes['y']} x {stack.sizes['x']} pixels of {pixel}")


def band_said(band: Dispersion, top_mv: float) -> str:
    """A band for a person: the ripples at the highest bias and how sure they are; the band bottom and the mass.

    Examples
    --------
    >>> print(band_said(Dispersion.of_material("Au(111)"), 0.0).replace(NARROW, " "))
    Ripples of 1.67 nm at 0 mV
    E₀ -520 mV · m* 0.26
    """
    k = float(band.k_per_nm(top_mv))
    if not k > 0:
        return f"The band begins at {in_mv(band.band_bottom_mv)}, above the highest bias: there are no ripples to see"
    bottom, mass = f"{band.band_bottom_mv:.0f}", f"{band.effective_mass:.2g}"
    if band.band_bottom_uncertainty_mv:
        bottom += f" ± {band.band_bottom_uncertainty_mv:.0f}"
    if band.effective_mass_uncertainty:
        mass = f"{band.effective_mass:.3f} ± {band.effective_mass_uncertainty:.3f}"
    ripples = [f"Ripples of {np.pi / k:.3g} nm at {in_mv(top_mv)}"]
    if band.significance_sigma is not None:
        ripples.append(f"ring at {band.significance_sigma:.0f} sigma")
    return f"{_unbroken(*ripples)}\n{_unbroken(f'E₀ {bottom} mV', f'm* {mass}')}"


def _unbroken(*parts: str) -> str:
    """Figures in one line, which breaks between them and not within one."""
    return " · ".join(part.replace(" ", NARROW) for part in parts)


class DispersionPicker(QWidget):
    """The band that is searched with: read off the image, a known surface's, or by the ripples' length.

    Parameters
    ----------
    viewer
        Its slider says which map's transform is shown.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.viewer = viewer
        self.layer: Image | None = None
        self.reading: Reading | None = None
        self._asked = 0
        self._range_mv: tuple[float | None, float | None] = (None, None)
        self._job: Job | None = None
        self._follower = LayerFollower(self, self._begin, _PATIENCE_MS, at_once=self._forget)
        self.box = ComboBox(
            choices=[READ_OFF, *MATERIALS, BY_LENGTH],
            label="Surface",
            tooltip="Sets the ripples' length at each bias; by default it is read off the image's Fourier transform",
        )
        self.length = FloatSpinBox(
            value=0.0,
            min=0.0,
            max=1000.0,
            step=0.1,
            label="Ripples (nm)",
            tooltip="From crest to crest, at the highest bias, in nm: half the electron's wavelength, pi / k",
        )
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        self.facts.setToolTip(
            "E₀: band bottom; m*: effective mass in electron masses; ring: how far the ring stands out of the Fourier"
            " transforms, in standard deviations of what noise alone gives"
            f" (from {MIN_SIGNIFICANCE_SIGMA:g} on it counts)"
        )
        self.view = RingPlot()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(grid([self.box]))
        self._length_row = grid([self.length])
        layout.addWidget(self._length_row)
        layout.addWidget(self.facts)
        layout.addWidget(self.view)
        self.box.changed.connect(self._show)
        self.length.changed.connect(self._show)
        listen(self, viewer.dims.events.current_step, self._follow_slider)
        self._show()

    def look_at(self, layer: Image | None, low_mv: float | None = None, high_mv: float | None = None) -> None:
        """Read a layer between two biases, in a thread; what was asked for before is forgotten.

        Parameters
        ----------
        layer
            The image; None, or one that tells no bias or no pixel size, shows nothing.
        low_mv, high_mv
            The range of biases that will be searched, all where not given.
        """
        self.layer = layer
        self._range_mv = (low_mv, high_mv)
        self._follower.follow(*([] if layer is None else [layer.events.data]))
        self._follower.changed()

    def band(self) -> Dispersion | str | None:
        """The band to search with; None where it shall be read off the image and has not been.

        Raises
        ------
        StmError
            If it shall come from the ripples' length, and that is not given.
        """
        if self.box.value == READ_OFF:
            return None if self.reading is None else self.reading.band
        if self.box.value != BY_LENGTH:
            return str(self.box.value)
        if not self.length.value > 0:
            raise StmError("give the length of the ripples in nm, from crest to crest at the highest bias")
        return Dispersion.of_wavelength(self.length.value, self._top_mv())

    def stop(self) -> None:
        """Forget the reading that is under way."""
        self._asked += 1
        self._follower.drop_change()
        if self._job is not None:
            self._job.stop()

    def _forget(self) -> None:
        self.stop()
        self.reading = None
        self._show()

    @Slot()
    def _begin(self) -> None:
        layer = self.layer
        if layer is None or layer.ndim not in (2, 3) or layer_bias_mv(layer) is None:
            return
        if layer_pixel_size_nm(layer) is None:
            return
        try:
            stack = layer_stack(layer)
        except StmError as error:
            self.facts.setText(str(error))
            return
        self.facts.setText("Reading the scale of the ripples off the image …")
        self.facts.setVisible(True)
        job = self._job = Job()
        job.returned.connect(self._read)
        job.failed.connect(self._failed)
        self.destroyed.connect(job.stop)
        job.start(read_off, self._asked, stack, *self._range_mv)

    @Slot(object)
    def _read(self, reading: Reading) -> None:
        if reading.asked == self._asked:
            self.reading = reading
            self._show()

    @Slot(str, object)
    def _failed(self, line: str, _error: Exception) -> None:
        self.facts.setText(line)

    def _top_mv(self) -> float:
        if self.reading is not None:
            return self.reading.top_mv
        bias = None if self.layer is None else layer_bias_mv(self.layer)
        if bias is None:
            return 0.0
        high = self._range_mv[1]
        return float(bias.max() if high is None else bias[bias <= high].max(initial=bias.min()))

    def _show(self, _event: Any = None) -> None:
        """Show what was read, and the circle of the band that is chosen."""
        self._length_row.setVisible(self.box.value == BY_LENGTH)
        reading = self.reading
        if reading is None:
            self.facts.setText(NO_IMAGE if self.layer is None else "")
            self.facts.setVisible(self.layer is None)
            self.view.show_picture(None, None)
            self.view.setVisible(False)
            return
        lines = [reading.facts]
        try:
            chosen = self.band()
        except StmError:
            chosen = None
        band = Dispersion.of_material(chosen) if isinstance(chosen, str) else chosen
        if band is not None:
            lines.append(band_said(band, reading.top_mv))
        elif self.box.value == BY_LENGTH:
            lines.append("Give the ripples' length above, as you see it at the highest bias.")
        else:
            asks = " Choose the surface above, or the ripples' length." if reading.picture is not None else ""
            lines.append(reading.problem + asks)
        self.facts.setText("\n".join(line for line in lines if line))
        self.facts.setVisible(True)
        self.view.show_picture(reading.picture, band)
        self.view.setVisible(reading.picture is not None)
        self._follow_slider()

    def _follow_slider(self, _event: Any = None) -> None:
        layer = self.layer
        if layer is None or self.reading is None:
            return
        bias = layer_bias_mv(layer)
        if bias is not None:
            self.view.show_bias(float(bias[shown_map(layer, self.viewer, len(bias))]))
