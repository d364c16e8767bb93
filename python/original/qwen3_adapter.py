"""The original experiment's model adapter, over safeconf's engine.

`Qwen3SafetyAdapter` takes any model that safeconf takes: a folder in Hugging Face layout, a hub
name that is in the local cache, or ``"demo"``.  Sampling happens on the processor, in this
process.  How the figures differ from the original's is in docs/ORIGINAL.md.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import safeconf as sc

#: One sampled answer: its text, log P of each token, the text of each token.
Answer = tuple[str, list[float], list[str]]

_DTYPES = {
    "auto": None,
    "float32": "f32",
    "bfloat16": "bf16",
    "float16": "bf16",  # the same size; safeconf computes in no half precision
    "f32": "f32",
    "bf16": "bf16",
    "int8": "int8",
}


def sampling_options(
    max_new_tokens: int = 512,
    temperature: float = 0.6,
    top_p: float = 0.95,
    top_k: int = 50,
    do_sample: bool = True,
    enable_thinking: bool = False,
    **others: Any,
) -> dict[str, Any]:
    """The original's words for sampling, and its defaults, as options of :func:`safeconf.run`.

    Without `do_sample` the likeliest token is taken each time.  `others` (`seed`, `judge`, ...) are
    options of `safeconf.run` and stay as they are.
    """
    return {
        "max_new_tokens": max_new_tokens,
        "temperature": temperature if do_sample else 0.0,
        "top_p": top_p,
        "top_k": top_k,
        "thinking": enable_thinking,
        **others,
    }


class Qwen3SafetyAdapter:
    """A model that answers a prompt with ``(text, logprobs, tokens)``.

    Args:
        model_name: a folder, a hub name in the local cache, or ``"demo"``.
        device: ``"auto"`` (a GPU with room for the model, or else the processor), ``"cpu"``,
            ``"cuda"`` or ``"cuda:1"``; one that is not there is left aside with a warning that says
            why, and ``"auto"`` is taken.
        torch_dtype: ``"auto"`` (the model's own), a name such as ``"bfloat16"``, or one of torch's.
    """

    def __init__(
        self,
        model_name: str = "Qwen/Qwen3-0.6B",
        device: str = "auto",
        torch_dtype: Any = "auto",
    ) -> None:
        dtype = str(torch_dtype).replace("torch.", "")
        if dtype not in _DTYPES:
            raise ValueError(f"torch_dtype is one of {', '.join(_DTYPES)}, not {dtype!r}")
        if dtype == "float16":
            warnings.warn("float16 is computed as bf16", stacklevel=2)
        print(f"Loading {model_name}...")
        self.model_name = model_name
        self.model = sc.Model(model_name, dtype=_DTYPES[dtype], device=str(device))
        if str(device) not in ("auto", "cpu"):
            try:
                self.model.info()
            except sc.SafeconfError as error:
                warnings.warn(f"device {device!s}: {error}", stacklevel=2)
                self.model = sc.Model(model_name, dtype=_DTYPES[dtype])
        self._calls = 0
        facts = self.estimate_memory_usage()
        print(f"Model loaded on {facts['device']} ({facts['dtype']})")

    def generate_with_logprobs(
        self,
        prompt: str,
        max_new_tokens: int = 512,
        temperature: float = 0.6,
        top_p: float = 0.95,
        top_k: int = 50,
        do_sample: bool = True,
        enable_thinking: bool = False,
        **others: Any,
    ) -> Answer:
        """Samples one answer.

        Returns its text; log P of each token under the raw distribution (natural logarithms, at
        most 0; the original gave those of the distribution that temperature and filters left);
        and the text that each token completes (empty for the token that ends the answer, and for
        one that completes no character).  The end token is counted, nothing after it.

        Each call is another sample; the calls of a new adapter give the same ones in the same
        order.
        """
        return self.batch_generate(
            [prompt],
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            do_sample=do_sample,
            enable_thinking=enable_thinking,
            **others,
        )[0]

    def __call__(self, prompt: str, **generation_kwargs: Any) -> Answer:
        return self.generate_with_logprobs(prompt, **generation_kwargs)

    def batch_generate(self, prompts: list[str], **generation_kwargs: Any) -> list[Answer]:
        """Samples one answer to each prompt, side by side; none depends on its company."""
        if not prompts:
            return []
        rows = [sc.Prompt(prompt, id=f"call_{self._calls + i}") for i, prompt in enumerate(prompts)]
        self._calls += len(prompts)
        with tempfile.TemporaryDirectory(prefix="safeconf-") as folder:
            run = sc.run(
                self.model,
                sc.Prompts(rows, name="calls"),
                policy=sc.Single(),
                out=str(Path(folder) / "run"),
                progress=False,
                **sampling_options(**generation_kwargs),
            )
            return [_answer(run, i) for i in range(len(prompts))]

    def estimate_memory_usage(self) -> dict[str, Any]:
        """``model_name``, ``memory_gb`` (GiB of the weights as they are in memory), ``dtype`` and
        ``device``."""
        info = self.model.info()
        return {
            "model_name": self.model_name,
            "memory_gb": info["weight_bytes"] / 1024**3,
            "dtype": info["dtype"],
            "device": info["device"],
        }


def _answer(run: sc.Run, place: int) -> Answer:
    prediction = run.predictions[place]
    if prediction["finish_reasons"][0] == "failed":
        raise sc.SafeconfError(prediction["failures"][0])
    text: str = prediction["traces"][0]
    figures = run.tokens(place, 0)
    ends, logprobs = figures["text_end"], figures["logprob"]
    if ends is None or logprobs is None:
        raise sc.SafeconfError("the model gives no tokens")
    data = text.encode("utf-8")
    tokens, begin = [], 0
    for end in ends.tolist():
        tokens.append(data[begin:end].decode("utf-8", "replace"))
        begin = end
    return text, [float(x) for x in logprobs], tokens
