"""Streams for tests: servers on 127.0.0.1 (HTTP, as much of RTSP as FFmpeg asks for), a camera."""

import contextlib
import http.server
import socketserver
import struct
import threading

from gradnet_tf.media import streams

_TS = 188  # Bytes of a packet of MPEG-TS.


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def http_server(content, *, length=False):
    """Sends bytes to whoever asks, and tells their length before, or not; yields the URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            if length:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(OSError):  # Whoever watched has left.
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serving(server) as port:
        yield f"http://127.0.0.1:{port}/stream"


@contextlib.contextmanager
def rtsp_server(content):
    """Sends the packets of a transport stream by RTSP over TCP, seven at a time; yields the URL."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            with contextlib.suppress(OSError):
                while self.answer():
                    pass

        def answer(self):
            method = self.rfile.readline().split(b" ")[0]
            headers = {}
            while (line := self.rfile.readline()).strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            more, body = "", b""
            if method == b"DESCRIBE":
                body = (
                    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                    b"m=video 0 RTP/AVP 33\r\na=control:track1\r\n"
                )
                more = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            elif method == b"SETUP":
                more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            head = f"RTSP/1.0 200 OK\r\nCSeq: {headers.get('cseq', 0)}\r\nSession: 1\r\n{more}\r\n"
            self.wfile.write(head.encode() + body)
            if method == b"PLAY":
                self.play()
            return method not in (b"PLAY", b"TEARDOWN", b"")

        def play(self):
            for number, place in enumerate(range(0, len(content), 7 * _TS)):
                load = content[place : place + 7 * _TS]
                rtp = struct.pack(">BBHII", 0x80, 33, number % 65536, 90 * number, 1) + load
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(rtp)) + rtp)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with serving(Server(("127.0.0.1", 0), Handler)) as port:
        yield f"rtsp://127.0.0.1:{port}/stream"


def fake_camera(monkeypatch):
    """Makes every camera one that gives frames of 64x48 pixels without end, 100 a second."""
    find = streams.find

    def fake(source):
        place = find(source)
        if place is None or not place.is_camera:
            return place
        graph = "testsrc=size=64x48:rate=100,realtime"
        return place._replace(url=graph, options={"format": "lavfi"})

    monkeypatch.setattr(streams, "find", fake)
