"""What one impurity does to a map: kernels, kinds of impurity, and points that explain the data."""
