"""Tests of gradnet_tf.app.sessions."""

from gradnet_tf.app.sessions import Sessions


def test_pages_have_sessions_of_their_own():
    with Sessions() as sessions:
        first, second = sessions.get("a"), sessions.get("b")
        assert first is not second and first.folder != second.folder
        assert sessions.get("a") is first


def test_a_page_that_is_left_leaves_no_files():
    with Sessions() as sessions:
        session = sessions.get("a")
        (session.folder / "video.mp4").write_bytes(b"x")
        sessions.close("a")
        assert not session.folder.exists()
        sessions.close("a")
        sessions.close(None)
        assert not sessions._sessions


def test_nothing_is_left_at_the_end():
    with Sessions() as sessions:
        (sessions.get("a").folder / "video.mp4").write_bytes(b"x")
        (sessions.uploads / "upload.mp4").write_bytes(b"x")
        folder = sessions.files.parent
    assert not folder.exists()
