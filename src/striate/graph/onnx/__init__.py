"""ONNX files in and out; the only place that knows ONNX's operators."""

from ._load import load_onnx as load_onnx
from ._write import write_onnx as write_onnx
