"""Online tracking: configuration, state, one compiled step, and the tracker around it."""

from gradnet_tf.tracking.config import TrackerConfig, preset
from gradnet_tf.tracking.run import TrackingRun
from gradnet_tf.tracking.tracker import Tracker

__all__ = ["Tracker", "TrackerConfig", "TrackingRun", "preset"]
