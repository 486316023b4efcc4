"""Preparation of training data; installed as ``gradnet_tf.data_prep``."""
