"""Boxes: their geometry, and checks of those that users give."""
