"""The commands of `python -m gradnet_tf.eval`."""
