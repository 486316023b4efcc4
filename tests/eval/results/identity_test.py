"""Comparing identities."""

from gradnet_tf.eval.results import identity

FIRST = {"version": "1", "code": "c" * 64, "weights": "w", "protocol": {"limit": None}}


def test_code_and_settings_are_told_apart():
    edited = {**FIRST, "code": "d" * 64}
    limited = {**FIRST, "protocol": {"limit": 4}}
    assert identity.is_same(FIRST, dict(FIRST)) and identity.is_same_but_code(FIRST, edited)
    assert not identity.is_same(FIRST, edited)
    assert not identity.is_same(FIRST, limited) and not identity.is_same_but_code(FIRST, limited)


def test_differences_are_named():
    limited = {**FIRST, "code": "d" * 64, "protocol": {"limit": 4, "on_bad_frame": "stop"}}
    assert identity.describe_differences(FIRST, limited) == (
        "code (there cccccccccccc..., here dddddddddddd...), protocol.limit (there null, here 4)"
    )
    assert identity.find_changes({"a": "1", "b": "2"}, {"a": "1", "c": "3"}) == ["b", "c"]


def test_other_code_is_described_by_its_modules():
    here = {**FIRST, "code": "d" * 64}
    many = {str(number): "1" for number in range(8)}
    mark = {"identity": FIRST}
    text = identity.describe_code(mark, here, many)
    assert text == "other code (0, 1, 2, 3, 4 and 3 others)"
    assert identity.describe_code({"identity": {"version": "1"}}, here, many).startswith("code")
    assert "code (there" in identity.describe_code({**mark, "modules": many}, here, many)
