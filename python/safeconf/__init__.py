"""safeconf: many traces of each prompt, how confident a model is, and where it refuses.

A thin face of the C library: it reads, converts and draws, and computes no figure of its own.

>>> import safeconf as sc
>>> run = sc.run(sc.Model("demo"), sc.load_benchmark("synthetic")[:20], sc.Adaptive(3, 10))
>>> run.summary()
"""

from __future__ import annotations

from ._library import lib, text_of
from .answers import Answer, Request
from .callables import CallableSource as Callable
from .comparing import Comparison, Replay, compare, diff, replay
from .detection import Detection, detect, trace_metrics
from .errors import (
    ArgumentError,
    ConflictError,
    FormatError,
    InputOutputError,
    InternalError,
    Interrupted,
    LimitError,
    NumericError,
    OutOfMemory,
    SafeconfError,
    Stopped,
    UnsupportedError,
)
from .exchange import export_eval, import_answers
from .judges import Judge, Judgement, Question, judge_function
from .models import Endpoint, Model, Source
from .policies import (
    Adaptive,
    Budget,
    Curtailed,
    DeepConf,
    Fixed,
    Interval,
    Policy,
    Single,
)
from .prompts import Prompt, Prompts, load_benchmark
from .results import Run, Verification, open_run, verify
from .risks import LikelyAnswer, Risk, Risks, Share, risk
from .running import run

#: Of the library that runs.
__version__ = text_of(lib.sc_version())

__all__ = [
    "Adaptive",
    "Answer",
    "ArgumentError",
    "Budget",
    "Callable",
    "Comparison",
    "ConflictError",
    "Curtailed",
    "DeepConf",
    "Detection",
    "Endpoint",
    "Fixed",
    "FormatError",
    "InputOutputError",
    "InternalError",
    "Interrupted",
    "Interval",
    "Judge",
    "Judgement",
    "LikelyAnswer",
    "LimitError",
    "Model",
    "NumericError",
    "OutOfMemory",
    "Policy",
    "Prompt",
    "Prompts",
    "Question",
    "Replay",
    "Request",
    "Risk",
    "Risks",
    "Run",
    "SafeconfError",
    "Share",
    "Single",
    "Source",
    "Stopped",
    "UnsupportedError",
    "Verification",
    "compare",
    "detect",
    "diff",
    "export_eval",
    "import_answers",
    "judge_function",
    "load_benchmark",
    "open_run",
    "replay",
    "risk",
    "run",
    "trace_metrics",
    "verify",
]
