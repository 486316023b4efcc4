"""Evaluation of tracking results; installed as ``gradnet_tf.eval``."""
