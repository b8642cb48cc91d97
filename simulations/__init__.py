"""What can be run: directions, flows, steps and measurements, in NumPy and SciPy."""
