"""The measures of the benchmarks, in pure NumPy."""
