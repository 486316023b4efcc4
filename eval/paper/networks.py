"""Networks and pairs that the experiments look at."""

from __future__ import annotations

from collections.abc import Iterator

from tqdm import tqdm

from gradnet_tf import weights
from gradnet_tf.eval.paper import samples
from gradnet_tf.eval.paper.settings import EMBEDDED, Settings
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.training import config, start


def load_weights(checkpoint: str) -> weights.Weights:
    """Loads a checkpoint: a directory, an .npz file, or "embedded".

    Raises:
        ValueError: If there is none, or it is not sound.
    """
    return weights.load_embedded() if checkpoint == EMBEDDED else weights.load(checkpoint)


def load(checkpoint: str, *, needs_update: bool = False) -> tuple[GradNet, weights.Weights]:
    """The network of a checkpoint.

    Args:
        checkpoint: See `load_weights`.
        needs_update: Whether it must have a U2.

    Raises:
        ValueError: As `load_weights`; or there is no U2.
    """
    loaded = load_weights(checkpoint)
    network = GradNet(loaded.variant)
    if needs_update and not network.has_update:
        raise ValueError(
            f"{checkpoint}: a network of the variant {loaded.variant!r} has no gradient update"
        )
    network.assign_weights(loaded.arrays)
    return network, loaded


def load_siamfc(checkpoint: str) -> tuple[GradNet, weights.Weights]:
    """SiamFC, of a checkpoint's search branch, with f_2 and U1 as equation 4 names its parts.

    Its U2 has no meaning. Raises as `load`.
    """
    loaded = load_weights(checkpoint)
    copied = config.preset("reference", "gradnet", init_template="search")
    return start.make_network(copied, loaded.arrays), loaded


def draw(settings: Settings) -> Iterator[samples.Sample]:
    """The pairs that the settings ask for, with a progress bar.

    Raises:
        OSError, ValueError: As the functions of `samples`.
    """
    count = settings.counts["pairs"]
    if settings.data:
        found = samples.from_records(settings.data, count, settings.seed)
    else:
        found = samples.from_sequences(settings.dataset, count, settings.seed)
    return iter(tqdm(found, total=count, unit="pair", desc=settings.name))
