"""Conversion of the flat artefact fields of older model files and checkpoints to a list of artefacts."""

from __future__ import annotations

from typing import Any

from .artefacts import TRAINING_ARTEFACTS, Artefact

#: The kind of artefact and its field for each flat field.
_FLAT_FIELDS = {
    "blur_per_k": ("blunt_tip", "sigma_per_k"),
    "set_point": ("set_point", "strength"),
    "step": ("atomic_step", "height"),
    "step_share": ("atomic_step", "share"),
    "step_wave": ("atomic_step", "wave"),
    "herringbone": ("herringbone", "amplitude"),
    "herringbone_share": ("herringbone", "share"),
    "herringbone_period_per_k": ("herringbone", "period_per_k"),
    "lattice": ("lattice", "amplitude"),
    "lattice_share": ("lattice", "share"),
    "lattice_period_px": ("lattice", "period_px"),
    "texture": ("texture", "amplitude"),
    "texture_share": ("texture", "share"),
    "texture_px": ("texture", "sigma_px"),
    "tilt": ("tilt", "rise"),
    "white_noise": ("white_noise", "amplitude"),
    "line_noise": ("line_noise", "amplitude"),
    "line_noise_share": ("line_noise", "share"),
    "correlated_noise": ("correlated_noise", "amplitude"),
    "correlated_noise_share": ("correlated_noise", "share"),
    "correlated_exponent": ("correlated_noise", "exponent"),
    "spikes_share": ("spikes", "share"),
    "inverted_share": ("inverted_contrast", "share"),
    "missing_share": ("missing_pixels", "share"),
}
#: Fields drawn on a logarithmic scale, and its lower end where the field is 0.
_LOGARITHMIC = ("step", "herringbone", "lattice", "line_noise", "correlated_noise")
_LOWEST = 1e-3
#: The artefacts of older files, in their order; each has a flat field.
_KINDS = tuple(dict.fromkeys(kind for kind, _ in _FLAT_FIELDS.values()))
#: Settings without later features of windows: weaker impurities, near neighbours, more windows of few maps, structure.
_LATER_FEATURES_OFF: dict[str, Any] = {
    "strength_share": 0.0,
    "near_share": 0.0,
    "few_maps_share": 0.0,
    "structures": (),
}


def with_list_of_artefacts(values: Any) -> Any:
    """The values of a configuration, with a list of artefacts in place of flat fields.

    Raises
    ------
    ValueError
        If the values contain both.

    Examples
    --------
    >>> values = with_list_of_artefacts({"white_noise": [0.1, 0.2]})
    >>> [artefact.amplitude for artefact in values["artefacts"] if artefact.kind == "white_noise"]
    [(0.1, 0.2)]
    """
    flat = [name for name in _FLAT_FIELDS if name in values] if isinstance(values, dict) else []
    if not flat:
        return values
    if "artefacts" in values:
        raise ValueError(f"artefacts are given as a list, and {flat[0]} besides; give the list alone")
    by_kind: dict[str, dict[str, Any]] = {}
    for name in flat:
        kind, field = _FLAT_FIELDS[name]
        value = values[name]
        if name in _LOGARITHMIC and isinstance(value, list | tuple):
            value = [max(bound, _LOWEST) if isinstance(bound, int | float) else bound for bound in value]
        by_kind.setdefault(kind, {})[field] = value
    other_values = {name: value for name, value in values.items() if name not in _FLAT_FIELDS}
    older_artefacts = [artefact for artefact in TRAINING_ARTEFACTS if artefact.kind in _KINDS]
    return {
        **_LATER_FEATURES_OFF,
        **other_values,
        "artefacts": tuple(_with_values(artefact, by_kind.get(artefact.kind, {})) for artefact in older_artefacts),
    }


def _with_values(artefact: Artefact, values: dict[str, Any]) -> Artefact:
    return artefact.of(**{**dict(artefact), **values})
