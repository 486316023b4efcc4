"""Results of trackers on disk."""
