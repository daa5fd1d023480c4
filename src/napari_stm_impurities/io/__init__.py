"""Files: readers and writers of maps, tables of points, and replaying a recipe on a file."""
