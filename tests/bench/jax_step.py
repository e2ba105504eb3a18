"""One image GPT training step in JAX: the model and the Adam of torch_step.py, one jit-compiled function.

usage: jax_step.py RUNG f32|bf16      talks as torch_step.py does
"""
import json
import math
import sys
import time

import jax
import jax.numpy as jnp

from rungs import RUNGS

RATE, B1, B2, EPS = 1e-4, 0.9, 0.95, 1e-8


def initial(rung, key):
    d, layers = rung.d, rung.layers
    shapes = {"wte": (rung.v, d), "wpe": (rung.n, d), "sos": (d,), "head": (d, rung.v)}
    stacked = {"qkv": (d, 3 * d), "out": (d, d), "fc": (d, 4 * d), "proj": (4 * d, d)}
    shapes |= {name: (layers, *shape) for name, shape in stacked.items()}
    keys = jax.random.split(key, len(shapes))
    weights = {name: 0.02 * jax.random.normal(k, shape) for k, (name, shape) in zip(keys, shapes.items())}
    return weights | {"ln_1": jnp.ones((layers, d)), "ln_2": jnp.ones((layers, d)), "ln_f": jnp.ones(d)}


def norm(x, gain):
    wide = x.astype(jnp.float32)
    return (wide * jax.lax.rsqrt(jnp.mean(wide * wide, -1, keepdims=True) + 1e-5) * gain).astype(x.dtype)


def block(x, w, heads):
    b, n, d = x.shape
    q, k, v = jnp.split((norm(x, w["ln_1"]) @ w["qkv"].astype(x.dtype)).reshape(b, n, 3 * heads, d // heads), 3, 2)
    x = x + jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(b, n, d) @ w["out"].astype(x.dtype)
    u = norm(x, w["ln_2"]) @ w["fc"].astype(x.dtype)
    return x + (u * jax.nn.sigmoid(1.702 * u)) @ w["proj"].astype(x.dtype)


def loss_of(w, tokens, rung, dtype):
    e = w["wte"][tokens]
    x = (jnp.concatenate([jnp.broadcast_to(w["sos"], e[:, :1].shape), e[:, :-1]], 1) + w["wpe"]).astype(dtype)
    for layer in range(rung.layers):
        x = block(x, {name: w[name][layer] for name in ("ln_1", "qkv", "out", "ln_2", "fc", "proj")}, rung.heads)
    logits = (norm(x, w["ln_f"]) @ w["head"].astype(dtype)).astype(jnp.float32)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), tokens[..., None], -1))


def step_of(rung, dtype):
    def step(w, a, b, t, tokens):
        loss, g = jax.value_and_grad(loss_of)(w, tokens, rung, dtype)
        a = jax.tree.map(lambda a, g: B1 * a + (1 - B1) * g, a, g)
        b = jax.tree.map(lambda b, g: B2 * b + (1 - B2) * g * g, b, g)
        w = jax.tree.map(lambda w, a, b: w - RATE * (a / (1 - B1**t)) / (jnp.sqrt(b / (1 - B2**t)) + EPS), w, a, b)
        return w, a, b, t + 1, loss
    return jax.jit(step, donate_argnums=(0, 1, 2))


def main(name, dtype):
    rung = RUNGS[name]
    key, batches = jax.random.split(jax.random.key(0))
    w = initial(rung, key)
    state = (w, jax.tree.map(jnp.zeros_like, w), jax.tree.map(jnp.zeros_like, w), jnp.float32(1))
    tokens = list(jax.random.randint(batches, (8, rung.batch, rung.n), 0, rung.v))
    step = step_of(rung, jnp.bfloat16 if dtype == "bf16" else jnp.float32)
    *state, loss = step(*state, tokens[0])
    parameters = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state[0]))
    print(json.dumps({"loss": float(loss), "flops": rung.flops(), "parameters": parameters, "version": jax.__version__}), flush=True)
    done = 1
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            *state, loss = step(*state, tokens[done % 8])
            last = float(loss)
            seconds.append(time.perf_counter() - start)
            done += 1
        print(json.dumps({"seconds": seconds, "loss": last}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
