"""Online tracking: configuration, state, one compiled step, and the tracker around it.

Nothing is imported here, so that reading the configuration does not load TensorFlow.
"""
