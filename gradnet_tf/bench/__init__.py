"""Measures the tracker's speed: `python -m gradnet_tf.bench`, or `make bench`."""
