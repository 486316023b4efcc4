"""One pass through the network equals the reference's, from the exemplar to the online update."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import losses
from tests.helpers import goldens, networks

FIELDS = (
    "f2", "beta", "score", "grad", "h2", "beta_star", "beta_siam",
    "score_siam", "score_star",
    "update_score", "update_grad", "update_h2", "update_beta_star",
)  # fmt: skip


@pytest.fixture(scope="module")
def golden():
    return goldens.load(0, "network")


@pytest.fixture(scope="module")
def net():
    return networks.hand_made()


@pytest.fixture(scope="module")
def folded(net):
    return net.folded()


def first_frame_and_update(network, exemplar, instance, instance2):
    """What the reference's tracker computes for the first frame and the first online update."""
    f2 = network.template_features(exemplar)
    first = network.update(f2, network.search_features(instance[1:2]))
    siamese = network.siamese_template(exemplar)
    features = network.search_features(instance2)
    online = network.update(first.h2, features[1:2])
    return {
        "f2": f2,
        "beta": network.initial_template(f2),
        "score": first.score,
        "loss": first.loss,
        "grad": first.gradient,
        "h2": first.h2,
        "beta_star": first.template,
        "beta_siam": siamese,
        "score_siam": network.score_map(siamese, features),
        "score_star": network.score_map(first.template, features[1:2]),
        "update_score": online.score,
        "update_grad": online.gradient,
        "update_h2": online.h2,
        "update_beta_star": online.template,
    }


@pytest.mark.parametrize("mode", networks.MODES)
@pytest.mark.parametrize("which", ["net", "folded"])
def test_network_values(request, net, golden, which, mode):
    network = request.getfixturevalue(which)
    images = (
        tf.constant(golden[name], tf.float32) for name in ("exemplar", "instance", "instance2")
    )
    function = networks.compiled(lambda *args: first_frame_and_update(network, *args), mode)
    values = function(*images)
    errors = {name: networks.relative_error(values[name], golden[name]) for name in FIELDS}
    assert {name: error for name, error in errors.items() if not error < 2e-4} == {}
    # The reference builds its first loss before U2 exists.
    kernels = [
        kernel
        for name, kernel in net.kernels().items()
        if name != "siamese/t_scala5_zz/conv/weights"
    ]
    assert len(kernels) == 10
    loss = values["loss"] + losses.l2_regularization(kernels)
    np.testing.assert_allclose(loss, golden["loss"], rtol=1e-5)


def test_the_update_is_no_small_matter(golden):
    """Were U2 left out, the tolerances above would show it."""
    assert networks.relative_error(golden["f2"], golden["h2"]) > 0.05
    assert networks.relative_error(golden["beta"], golden["beta_star"]) > 0.05
