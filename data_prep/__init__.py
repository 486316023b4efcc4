"""Preparation of training data; a link makes it `gradnet_tf.data_prep`."""
