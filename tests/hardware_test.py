"""Tests of gradnet_tf.hardware."""

import io
import platform

import pytest

from gradnet_tf import hardware

CPUINFO = (
    "processor\t: 0\nmodel name\t: Some CPU @ 2.50GHz\n\nprocessor\t: 1\nmodel name\t: Other\n"
)


def test_the_first_model_name_counts(monkeypatch):
    monkeypatch.setattr(hardware, "open", lambda *_, **__: io.StringIO(CPUINFO), raising=False)
    assert hardware.processor_name() == "Some CPU @ 2.50GHz"


@pytest.mark.parametrize("content", [None, "", "processor : 0\n"])
def test_elsewhere_the_platform_is_asked(monkeypatch, content):
    def read(*_, **__):
        if content is None:
            raise FileNotFoundError("/proc/cpuinfo")
        return io.StringIO(content)

    monkeypatch.setattr(hardware, "open", read, raising=False)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert hardware.processor_name() == "riscv64"


@pytest.mark.parametrize(
    "content, expected",
    [
        ("vmx flags\t: ept\nflags\t\t: fpu avx2\n\nflags\t\t: other\n", {"fpu", "avx2"}),
        ("Features\t: fp asimddp\n", {"fp", "asimddp"}),
        ("processor : 0\n", set()),
    ],
)
def test_the_first_processors_flags_count(monkeypatch, content, expected):
    monkeypatch.setattr(hardware, "open", lambda *_, **__: io.StringIO(content), raising=False)
    assert hardware.processor_flags() == expected
