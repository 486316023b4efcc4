"""A page in the browser: draw boxes on a video, track, correct and download."""
