"""Scores the results of trackers by the measures of a benchmark."""
