"""Drawing whole images with transformers' ImageGPT: `generate` with its cache, random parameters.

usage: torch_generate.py RUNG f32|bf16 IMAGES

First it prints a line of JSON; then each line on standard input, a number of positions, is answered by a line with the seconds that drawing
them took, for IMAGES images side by side.
"""
import json
import sys
import time

import torch
import transformers

from rungs import RUNGS


def build(rung, dtype):
    # The start of an image is one more colour, as in OpenAI's checkpoints.
    config = transformers.ImageGPTConfig(vocab_size=rung.v + 1, n_positions=rung.n, n_embd=rung.d, n_layer=rung.layers, n_head=rung.heads,
                                         activation_function="quick_gelu", use_cache=True)
    torch.manual_seed(0)
    model = transformers.ImageGPTForCausalImageModeling(config).eval()
    return model.to(torch.bfloat16) if dtype == "bf16" else model


def main(name, dtype, images):
    rung = RUNGS[name]
    model, start = build(rung, dtype), torch.full((int(images), 1), rung.v)
    parameters = sum(p.numel() for p in model.parameters())
    print(json.dumps({"positions": rung.n, "parameters": parameters, "version": f"torch {torch.__version__}, transformers "
                      f"{transformers.__version__}"}), flush=True)
    for line in sys.stdin:
        positions, begin = int(line), time.perf_counter()
        with torch.inference_mode():
            tokens = model.generate(start, attention_mask=torch.ones_like(start), min_new_tokens=positions, max_new_tokens=positions,
                                    do_sample=True, temperature=1.0, top_k=0, use_cache=True, eos_token_id=None, pad_token_id=rung.v)
        seconds = time.perf_counter() - begin
        if tokens.shape != (len(start), positions + 1):
            raise SystemExit(f"generate gave {tuple(tokens.shape)}")
        print(json.dumps({"seconds": seconds, "token": int(tokens[0, -1])}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
