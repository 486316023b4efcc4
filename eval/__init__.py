"""Evaluation of trackers; a link makes it `gradnet_tf.eval`."""
