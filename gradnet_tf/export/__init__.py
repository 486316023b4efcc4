"""Writes the tracker for processes without gradnet_tf: SavedModel, ONNX, TensorFlow Lite."""
