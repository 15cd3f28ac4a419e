"""Networks stored with half-precision weights: files half as large, answers the same to some ten thousandths.

halve(path)            # an ONNX file; it computes in full precision, as before

The program that runs the network widens the weights once, while it opens the file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from digits.files import atomic_path

SMALL = 1024  # numbers; fewer are left as they are


def halve(path: Path) -> None:
    """Store the large weights of an ONNX network as float16."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    network = onnx.load(path)
    widened = []
    for weights in network.graph.initializer:
        if weights.data_type != TensorProto.FLOAT or np.prod(weights.dims) < SMALL:
            continue
        name, stored = weights.name, f"{weights.name}.half"
        weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights).astype(np.float16), stored))
        widened.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = [*widened, *network.graph.node]
    del network.graph.node[:]
    network.graph.node.extend(nodes)
    with atomic_path(path) as temporary:
        onnx.save(network, temporary)
