"""One frozen dataclass per command: every option with its unit, range and the source of its default.

Option names follow transformers and TRL where those have one. Times are seconds, money is US dollars, lengths tokens.
"""

from qrd.config.base import Batching, Calling, Command, Streaming
from qrd.config.data import DataExportConfig, DataImportConfig, DataPathsConfig
from qrd.config.demo import DemoConfig
from qrd.config.doctor import DoctorConfig
from qrd.config.eval import EvalConfig
from qrd.config.filter import FilterConfig
from qrd.config.generate import STYLES, GenerateConfig
from qrd.config.inspect import InspectConfig
from qrd.config.judge import JudgeConfig
from qrd.config.report import ReportConfig
from qrd.config.train import TrainConfig
from qrd.config.verify import VerifyConfig

__all__ = [
    "STYLES",
    "Batching",
    "Calling",
    "Command",
    "DataExportConfig",
    "DataImportConfig",
    "DataPathsConfig",
    "DemoConfig",
    "DoctorConfig",
    "EvalConfig",
    "FilterConfig",
    "GenerateConfig",
    "InspectConfig",
    "JudgeConfig",
    "ReportConfig",
    "Streaming",
    "TrainConfig",
    "VerifyConfig",
]
