"""Small videos for tests, and ways to damage and to relabel them."""

import struct
from fractions import Fraction

import numpy as np

SIZE = (48, 64)  # Height and width.
_FORMATS = {"prores_ks": "yuv422p10le", "mjpeg": "yuvj420p"}


def level(index):
    """Mean brightness of a frame, by which it is known."""
    return 30 + 12 * index


def picture(index, size=SIZE):
    """Frame `index`: noise around its level."""
    noise = np.random.default_rng(index).integers(-20, 21, (size[0] // 4, size[1] // 4))
    grey = level(index) + noise - noise.mean()
    return np.repeat(np.repeat(grey, 4, 0), 4, 1)[..., None].repeat(3, 2).round().astype(np.uint8)


def write(path, codec, count=12, *, images=None, times=None, rate=25, options=None, aspect=1):
    """Encodes `picture` 0 to `count` - 1.

    Args:
        path: The file; its suffix is the format.
        codec: FFmpeg's encoder.
        count: Number of frames.
        images: Others in their stead.
        times: When they are shown, in milliseconds; by default by the rate.
        rate: Frames per second.
        options: Of the encoder; with a leading "+" of the format.
        aspect: Width over height of a pixel.
    """
    import av

    images = [picture(index) for index in range(count)] if images is None else images
    options = dict(options or {})
    container = {name[1:]: options.pop(name) for name in list(options) if name[0] == "+"}
    with av.open(str(path), "w", options=container) as output:
        stream = output.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = _FORMATS.get(codec, "yuv420p")
        stream.codec_context.thread_count = 1
        stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[index], Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())


def packets(path):
    """The content of the packets of a video in the order of decoding, and their times."""
    import av

    with av.open(str(path)) as container:
        found = [p for p in container.demux(container.streams.video[0]) if p.size]
        return [bytes(packet) for packet in found], [packet.pts for packet in found]


def damage(path, place):
    """Overwrites a packet by zeros.

    Args:
        path: The video.
        place: Which, in the order of decoding.

    Returns:
        The number of its frame.
    """
    contents, times = packets(path)
    data = path.read_bytes()
    assert data.count(contents[place]) == 1
    path.write_bytes(data.replace(contents[place], bytes(len(contents[place]))))
    return sorted(times).index(times[place])


def cut(path, place):
    """Ends a file in the middle of a packet, counted in the order of decoding."""
    content = packets(path)[0][place]
    data = path.read_bytes()
    path.write_bytes(data[: data.index(content) + len(content) // 2])


def patch_box(path, name, change):
    """Replaces the content of an MP4's first box of a name by one as long."""
    data = path.read_bytes()
    place = data.index(name)
    (size,) = struct.unpack(">I", data[place - 4 : place])
    content = data[place + 4 : place - 4 + size]
    changed = change(content)
    assert len(changed) == len(content)
    path.write_bytes(data[: place + 4] + changed + data[place - 4 + size :])


def set_matrix(path, a, b, c, d):
    """Sets the display matrix of an MP4: (x, y) is shown at (a x + c y, b x + d y)."""
    matrix = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    patch_box(path, b"tkhd", lambda content: content[:40] + matrix + content[76:])


def add_cover(path, image):
    """Gives an MP4 whose index is at its end a cover picture, which becomes its first stream."""

    def box(name, content):
        return struct.pack(">I4s", len(content) + 8, name) + content

    data = path.read_bytes()
    place = data.rindex(b"moov") - 4
    (header,) = struct.unpack(">I", data[place + 8 : place + 12])
    covr = box(b"covr", box(b"data", struct.pack(">II", 14, 0) + image))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(10))
    udta = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", covr)))
    content = data[place + 8 :]
    moov = box(b"moov", content[:header] + udta + content[header:])
    path.write_bytes(data[:place] + moov)
