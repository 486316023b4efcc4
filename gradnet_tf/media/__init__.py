"""Images and videos: reading, converting, drawing and writing them."""
