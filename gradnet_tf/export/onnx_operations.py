"""The operations of `graphs` as nodes of ONNX, made with the library onnx alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gradnet_tf.export.graphs import Convolution, Input

OPSET = 17
_IR_VERSION = 8  # That of the opset; a newer one shuts out older runtimes.
_TYPES = {
    "uint8": TensorProto.UINT8,
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
}


class OnnxOperations:
    """`graphs.Operations` on names of values [n, channels, height, width].

    Images that come in are [n, height, width, 3], as everywhere.

    Args:
        precision: Of the arithmetic between `pixels` and `float32`, "float32" or "float16".
    """

    def __init__(self, precision: str = "float32"):
        self._precision = self._type = precision
        self._nodes: list[Any] = []
        self._constants: dict[tuple, Any] = {}

    def model(
        self, name: str, inputs: Mapping[str, Input], outputs: Mapping[str, str]
    ) -> onnx.ModelProto:
        """Makes the model of what was built.

        Args:
            name: Of the graph.
            inputs: As `Graphs.inputs` lists them.
            outputs: Values by the names that they get.

        Returns:
            The model, checked.
        """
        for output, value in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [output]))
        graph = helper.make_graph(
            self._nodes,
            name,
            [
                helper.make_tensor_value_info(key, _TYPES[kind.dtype], _shape(key, kind))
                for key, kind in inputs.items()
            ],
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, None) for key in outputs],
            list(self._constants.values()),
        )
        model = helper.make_model(
            graph,
            producer_name="gradnet_tf",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
        )
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        onnx.checker.check_model(model, full_check=True)
        return model

    def pixels(self, image):
        """See `graphs.Operations`, as for all methods."""
        self._type = self._precision
        values = self._node("Cast", image, to=_TYPES[self._type])
        return self._node("Transpose", values, perm=[0, 3, 1, 2])

    def float32(self, x):  # noqa: D102
        if self._type != "float32":
            x = self._node("Cast", x, to=TensorProto.FLOAT)
        self._type = "float32"
        return x

    def convolve(self, x, convolution: Convolution):  # noqa: D102
        layer = convolution.layer
        border = layer.kernel_size // 2 if layer.padding == "SAME" else 0
        return self._node(
            "Conv",
            x,
            self._kernel(convolution),
            self._constant(convolution.bias),
            strides=[layer.strides] * 2,
            pads=[border] * 4,
            group=layer.groups,
        )

    def convolve_back(self, gradient, convolution: Convolution):  # noqa: D102
        kernel = self._kernel(convolution)
        return self._node("ConvTranspose", gradient, kernel, group=convolution.layer.groups)

    def max_pool(self, x):  # noqa: D102
        return self._node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])

    def relu(self, x):  # noqa: D102
        return self._node("Relu", x)

    def tanh(self, x):  # noqa: D102
        return self._node("Tanh", x)

    def sigmoid(self, x):  # noqa: D102
        return self._node("Sigmoid", x)

    def where_positive(self, x, chosen):  # noqa: D102
        zero = self._constant(np.zeros([]))
        return self._node("Where", self._node("Greater", x, zero), chosen, zero)

    def multiply(self, x, factor):  # noqa: D102
        return self._node("Mul", x, self._value(factor))

    def add(self, x, summand):  # noqa: D102
        return self._node("Add", x, self._value(summand))

    def column(self, values):  # noqa: D102
        return self._node("Reshape", values, self._constant(np.array([-1, 1, 1, 1]), np.int64))

    def correlate(self, features, templates):  # noqa: D102
        return self._node("Conv", features, templates)

    def correlate_back(self, features, slopes):  # noqa: D102
        # Channels take the place of the batch, regions that of the channels.
        swapped, kernel = (
            self._node("Transpose", value, perm=[1, 0, 2, 3]) for value in (features, slopes)
        )
        return self._node("Transpose", self._node("Conv", swapped, kernel), perm=[1, 0, 2, 3])

    def _node(self, kind: str, *inputs: str, **attributes) -> str:
        name = f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def _kernel(self, convolution: Convolution) -> str:
        return self._constant(convolution.kernel.transpose(3, 2, 0, 1))

    def _value(self, value) -> str:
        if isinstance(value, str):
            return value
        value = np.asarray(value)
        return self._constant(value.transpose(0, 3, 1, 2) if value.ndim == 4 else value)

    def _constant(self, array, dtype=None) -> str:
        """The name of an initializer; one for equal arrays, as U1 has in equations 4 and 7."""
        array = np.ascontiguousarray(array, dtype or self._type)
        key = (array.shape, array.dtype.str, array.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._constants[key] = numpy_helper.from_array(array, name)
        return self._constants[key].name


def _shape(name: str, kind: Input) -> list:
    shape = list(kind.shape)
    if kind.dtype != "uint8":
        shape = [shape[0], *shape[-1:], *shape[1:-1]] if len(shape) > 1 else shape
    # An axis of any length has a name.
    return ["n" if size is None else size for size in shape]
