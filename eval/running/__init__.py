"""Runs trackers on data sets."""
