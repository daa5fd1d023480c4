"""The foundation: errors, progress and cancel, whole files, configurations, units, robust statistics."""
