"""Values computed from points and maps: comparison, review, spatial statistics, spectra."""
