"""Tests of gradnet_tf.app as a command."""

import importlib.util
import json
import signal
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest
from absl import flags

from gradnet_tf.app import __main__ as main
from tests.helpers import page_server

needs_gradio = pytest.mark.skipif(not importlib.util.find_spec("gradio"), reason="needs Gradio")
SESSION = "somebody"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with page_server.serving(tmp_path_factory.mktemp("temporary")) as server:
        yield server


def get(server, path):
    """What the server sends as a file."""
    path = urllib.parse.quote(str(path))
    with urllib.request.urlopen(f"{server.url}/gradio_api/file={path}", timeout=60) as answer:
        return answer.read()


def upload(server, content):
    """Uploads a file as browsers do; its path on the server."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="clip.mp4"\r\n\r\n'
        + content
        + b"\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{server.url}/gradio_api/upload", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)[0]


def open_upload(server, path):
    """Tells the page that a file was uploaded; what the page answers."""
    with urllib.request.urlopen(f"{server.url}/config", timeout=60) as answer:
        config = json.load(answer)
    (button,) = (c["id"] for c in config["components"] if c["type"] == "uploadbutton")
    (event,) = (d["id"] for d in config["dependencies"] if [button, "upload"] in d["targets"])
    data = [{"path": str(path), "meta": {"_type": "gradio.FileData"}}]
    body = json.dumps({"data": data, "fn_index": event, "session_hash": SESSION}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/gradio_api/queue/join", body, headers)
    urllib.request.urlopen(request, timeout=60).close()
    url = f"{server.url}/gradio_api/queue/data?session_hash={SESSION}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        for line in answer:
            if b"process_completed" in line:
                return json.loads(line[len("data:") :])
    raise AssertionError("no answer")


def test_a_video_that_is_not_there_is_one_line(capsys):
    assert main.run(flags.FlagValues(), ["no_such.mp4"]) == 1
    assert capsys.readouterr().err.startswith("error: there is no folder or file 'no_such.mp4'")


def test_a_second_argument_is_refused(capsys):
    assert main.run(flags.FlagValues(), ["a.mp4", "b.mp4"]) == 1
    assert "unexpected argument 'b.mp4'" in capsys.readouterr().err


def test_without_gradio_one_sentence_says_how_to_install_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)  # It cannot be imported, installed or not.
    assert main.run(flags.FlagValues()) == 1
    error = capsys.readouterr().err
    if sys.version_info >= (3, 10):
        assert "pip install gradnet_tf[app]" in error
    else:
        assert "Python 3.10" in error
    assert error.count("\n") == 1


@needs_gradio
def test_files_that_were_not_given_are_not_sent(server, tmp_path):
    given = upload(server, b"given")
    assert get(server, given) == b"given"
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    beside = server.folder / "secret.txt"
    beside.write_text("secret")
    roundabout = f"{given}/../../../../secret.txt"
    for path in (secret, beside, roundabout, page_server.ROOT / "setup.py", "http://example.org/"):
        with pytest.raises(urllib.error.HTTPError) as error:
            get(server, path)
        with error.value as answer:
            assert answer.code == 403, path


@needs_gradio
def test_only_what_was_uploaded_can_be_opened(server, tmp_path):
    secret = tmp_path / "secret.mp4"
    secret.write_text("secret")
    answer = open_upload(server, secret)
    assert not answer["success"]
    assert secret.read_text() == "secret"
    answer = open_upload(server, upload(server, b"no video"))
    assert "Cannot open video clip.mp4" in answer["output"]["error"]


@needs_gradio
def test_nothing_is_left_after_sigterm(tmp_path):
    with page_server.serving(tmp_path) as server:
        upload(server, b"something")
        assert any(path.is_file() for path in tmp_path.rglob("*"))
        assert server.terminate() == 128 + signal.SIGTERM
        assert list(tmp_path.iterdir()) == []
