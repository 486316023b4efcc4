"""Tracking on the command line: `gradnet track`, see `gradnet_tf.track.__main__`."""
