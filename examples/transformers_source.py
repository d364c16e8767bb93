#!/usr/bin/env python3
"""Any model of transformers as a source of traces: a run on whatever device torch has.

  examples/transformers_source.py MODEL OUT

The log-probabilities are the model's own (`output_logits`, before temperature and filters), so that
confidences mean what they mean for safeconf's own engine.  Needs transformers and torch.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import safeconf as sc


class TransformersSource:
    """Answers a request by `generate`, all of its traces in one call."""

    def __init__(self, name: str, dtype: torch.dtype = torch.float32) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(name)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        model: Any = AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
        self.model = model.to(self.device).eval()
        ends = self.model.generation_config.eos_token_id
        self.end_ids = set(ends if isinstance(ends, list) else [ends])

    def __call__(self, request: sc.Request) -> list[sc.Answer]:
        prompt = self._frame(request)
        torch.manual_seed(request.seeds[0])
        with torch.inference_mode():
            made = self.model.generate(
                prompt.repeat(request.n, 1),
                attention_mask=torch.ones_like(prompt).repeat(request.n, 1),
                return_dict_in_generate=True,
                output_logits=True,
                **self._sampling(request),
            )
        ids = made.sequences[:, prompt.shape[1] :]
        logprobs = torch.log_softmax(torch.stack(made.logits, dim=1).float(), dim=-1)
        return [self._answer(ids[i], logprobs[i], request) for i in range(request.n)]

    def _frame(self, request: sc.Request) -> torch.Tensor:
        begun = request.messages[-1]["role"] == "assistant"
        made: Any = self.tokenizer.apply_chat_template(
            request.messages,
            add_generation_prompt=not begun,
            continue_final_message=begun,
            enable_thinking=request.thinking,
            return_tensors="pt",
            return_dict=True,
        )
        return made["input_ids"].to(self.device)

    @staticmethod
    def _sampling(request: sc.Request) -> dict[str, Any]:
        chosen: dict[str, Any] = {"max_new_tokens": request.max_new_tokens}
        if request.temperature == 0:
            return {**chosen, "do_sample": False}
        given = {
            "temperature": request.temperature,
            "top_p": request.top_p,
            "top_k": request.top_k,
            "min_p": request.min_p,
            "repetition_penalty": request.repetition_penalty,
        }
        told = {name: value for name, value in given.items() if value is not None}
        return {**chosen, "do_sample": True, **told}

    def _answer(self, ids: torch.Tensor, logprobs: torch.Tensor, request: sc.Request) -> sc.Answer:
        """One trace; logprobs [n_tokens, n_vocab]."""
        sampled = ids.tolist()
        ends = [i for i, token in enumerate(sampled) if token in self.end_ids]
        n = ends[0] + 1 if ends else len(sampled)
        ids, logprobs = ids[:n], logprobs[:n]
        chosen = logprobs.gather(1, ids[:, None])[:, 0]
        probabilities = logprobs.exp()
        return sc.Answer(
            text=self.tokenizer.decode(ids, skip_special_tokens=True),
            ids=ids.tolist(),
            logprobs=chosen.cpu().numpy(),
            top_logprobs=logprobs.topk(request.confidence_top_k, dim=1).values.cpu().numpy(),
            entropy=-(probabilities * logprobs).nansum(dim=1).cpu().numpy(),
            finish="stop" if ends else "length",
        )


def source(name: str, **options: Any) -> sc.Callable:
    """The model as what `safeconf.run` samples from."""
    made = TransformersSource(name, **options)
    return sc.Callable(made, name=name, logprobs="raw", top_k=20, reproducible="no")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: transformers_source.py MODEL OUT")
    run = sc.run(
        source(sys.argv[1]),
        sc.load_benchmark("synthetic")[:8],
        sc.Adaptive(3, 6),
        max_new_tokens=32,
        out=sys.argv[2],
    )
    print(run.summary())
