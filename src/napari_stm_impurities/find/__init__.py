"""Finding: from a stack to a score map, to peaks, to points with a confidence."""
