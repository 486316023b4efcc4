"""Files of users and of the project: paths, whole writes, text, folders of frames, signals."""
