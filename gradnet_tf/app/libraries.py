"""Gradio, which is an optional dependency, or a sentence on how to get it."""

import sys

try:
    import gradio as gr
    from gradio_image_annotation import image_annotator
except ImportError as error:
    raise ImportError(
        "the page needs Gradio, which is not installed: pip install gradnet_tf[app]"
        if sys.version_info >= (3, 10)
        else "the page needs Gradio, which needs Python 3.10 or later"
    ) from error

__all__ = ["gr", "image_annotator"]
