#!/usr/bin/env python3
"""A model in transformers on a card: tokens per second of sampling at some widths.

  tools/gpu_baseline.py MODEL [WIDTH,...]

bf16, prompts of 64 random tokens, 64 new tokens, drawn at temperature 1 with no cut of the distribution, by
`generate` as it comes: what the same experiment does where it is written in Python. Two rounds, the second is
shown. Prints a table in Markdown.
"""
import sys
import time

import torch
import transformers

PROMPT, NEW = 64, 64


def main():
    folder = sys.argv[1]
    widths = [int(width) for width in sys.argv[2].split(',')] if len(sys.argv) > 2 else [1, 8, 32, 128, 512]
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).to('cuda').eval()
    torch.manual_seed(0)
    print(f'transformers {transformers.__version__}, torch {torch.__version__}, {torch.cuda.get_device_name()}')
    print('\n| width | tokens/s, prefill included |\n|---|---|')
    for width in widths:
        ids = torch.randint(1000, 2000, (width, PROMPT), device='cuda')
        for _ in range(2):
            torch.cuda.synchronize()
            began = time.perf_counter()
            with torch.inference_mode():
                model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                               min_new_tokens=NEW, max_new_tokens=NEW, pad_token_id=0)
            torch.cuda.synchronize()
            seconds = time.perf_counter() - began
        print(f'| {width} | {width * NEW / seconds:.0f} |', flush=True)


if __name__ == '__main__':
    main()
