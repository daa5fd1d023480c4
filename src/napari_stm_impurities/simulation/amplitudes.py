"""The artefacts of a simulated surface by one number each, as on the command line."""

from __future__ import annotations

from pydantic import Field

from ..core.configuration import Configuration
from .artefacts import Artefact
from .artefacts.atomic_step import AtomicStep
from .artefacts.correlated_noise import CorrelatedNoise
from .artefacts.herringbone import Herringbone
from .artefacts.line_noise import LineNoise
from .artefacts.white_noise import WhiteNoise

#: The period of the reconstruction of Au(111).
_AU111_HERRINGBONE_NM = 6.3
#: Between 1/f noise (1) and a random walk (2).
_EXPONENT = 1.5
#: Within the inner half of the frame, so that both terraces are visible.
_STEP_OFFSET_SHARE = (-0.25, 0.25)
#: A step as wide as a pixel reflects a wave as high as the ripples.
_STEP_WIDTH_PX, _STEP_WAVE = 1.0, 1.0


class Amplitudes(Configuration):
    """Amplitude of each artefact of a surface, in standard deviations of the clean ripples; 0 leaves it out."""

    noise_share: float = Field(default=0.5, ge=0)
    """White noise, in standard deviations of the clean ripples."""
    line_noise_share: float = Field(default=0.15, ge=0)
    """Offsets of scan lines, in standard deviations of the clean ripples."""
    correlated_noise_share: float = Field(default=0.0, ge=0)
    """Noise with a power of 1/q^1.5 in the plane, in standard deviations of the clean ripples."""
    step_share: float = Field(default=0.0, ge=0)
    """Height of an atomic step through the frame, in standard deviations of the clean ripples."""
    herringbone_share: float = Field(default=0.0, ge=0)
    """Amplitude of the Au(111) herringbone (6.3 nm), in standard deviations of the clean ripples."""

    def artefacts(self) -> tuple[Artefact, ...]:
        """The artefacts that are not 0, each in every map.

        Examples
        --------
        >>> [artefact.kind for artefact in Amplitudes(step_share=2.0).artefacts()]
        ['white_noise', 'line_noise', 'atomic_step']
        """
        listed: list[Artefact] = []
        if self.noise_share:
            listed.append(WhiteNoise.of(amplitude=self.noise_share))
        if self.line_noise_share:
            listed.append(LineNoise.of(share=1, amplitude=self.line_noise_share))
        if self.correlated_noise_share:
            listed.append(CorrelatedNoise.of(share=1, amplitude=self.correlated_noise_share, exponent=_EXPONENT))
        if self.herringbone_share:
            listed.append(Herringbone.of(share=1, amplitude=self.herringbone_share, period_nm=_AU111_HERRINGBONE_NM))
        if self.step_share:
            listed.append(
                AtomicStep.of(
                    share=1,
                    height=self.step_share,
                    wave=_STEP_WAVE,
                    offset_share=_STEP_OFFSET_SHARE,
                    width_px=_STEP_WIDTH_PX,
                )
            )
        return tuple(listed)
