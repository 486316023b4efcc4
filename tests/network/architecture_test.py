"""The table of the network's layers."""

import subprocess
import sys

from gradnet_tf.network import architecture


def test_table_needs_no_tensorflow():
    code = "import sys, gradnet_tf.network.architecture; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scopes_of_the_variants():
    scopes = {
        variant: [layer.scope for layer in table]
        for variant, table in architecture.VARIANTS.items()
    }
    search = ["scala1", "scala2", "scala3", "scala4", "scala5"]
    template = [f"{scope}_z" for scope in search]
    second = ["scala3_zu", "scala4_zu", "scala5_zu"]
    assert scopes == {
        "full": [*search, *template, "t_scala5_zz"],
        "two_subnets": [*search, *template, "t_scala5_zz", *second],
        "without_gradient": [*search, *template],
        "baseline": search,
    }
    updated = [variant for variant in scopes if architecture.has_update(variant)]
    assert updated == ["full", "two_subnets"]


def test_kernels_of_grouped_convolutions_see_a_part_of_the_channels():
    shapes = [layer.kernel_shape for layer in architecture.F_X]
    assert shapes == [
        (11, 11, 3, 96),
        (5, 5, 48, 256),
        (3, 3, 256, 384),
        (3, 3, 192, 384),
        (3, 3, 192, 256),
    ]
