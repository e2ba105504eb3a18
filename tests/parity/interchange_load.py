"""Loads exported folders in transformers, and fails where they compute something else than they should.

usage: interchange_load.py VECTORS LOSS      in the folder with them:
    exported-NAME gives the logits of VECTORS/expected.safetensors (interchange.py)
    exported-bias and exported-half have the palette of VECTORS/bias
    classifier    its two losses over all images add up to LOSS
"""
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import (AutoImageProcessor, AutoModelForCausalLM, ImageGPTForCausalImageModeling,
                          ImageGPTForImageClassification)

TOLERANCE = 1e-4


def load(kind, folder):
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["mismatched_keys"], report
    return model.eval(), report


def with_start(model, tokens):
    start = torch.full((len(tokens), 1), model.config.vocab_size - 1)
    return torch.cat([start, tokens[:, :-1]], 1)


@torch.no_grad()
def check_logits(vectors):
    tensors = load_file(vectors / "expected.safetensors")
    tokens = tensors.pop("tokens").long()
    for name, wanted in tensors.items():
        kind = AutoModelForCausalLM if name == "gpt2" else ImageGPTForCausalImageModeling
        model, report = load(kind, f"exported-{name}")
        assert not report["unexpected_keys"], report
        found = model(input_ids=with_start(model, tokens)).logits[..., :wanted.shape[-1]]
        difference = (found - wanted).abs().max().item()
        assert difference < TOLERANCE, (name, difference)
        print(f"{name}: the logits differ by {difference:.2g}")


def check_processor(vectors):
    """Pixels of the palette's colours are their tokens."""
    try:
        import PIL.Image
        import torchvision  # what transformers' processor needs
    except ImportError:
        print("There is no torchvision or PIL: loading the preprocessor is skipped.")
        return
    palette = np.load(vectors / "bias" / "kmeans_centers.npy")
    for name in ("bias", "half"):
        processor = AutoImageProcessor.from_pretrained(f"exported-{name}")
        assert type(processor).__name__.startswith("ImageGPTImageProcessor"), processor
        assert np.array_equal(np.array(processor.clusters, dtype=np.float32), palette), name
        wanted = np.arange(16) + 3
        pixels = np.rint(127.5 * (palette[wanted] + 1)).astype(np.uint8).reshape(4, 4, 3)
        found = np.array(processor(PIL.Image.fromarray(pixels))["input_ids"]).flatten()
        assert np.array_equal(found, wanted), (name, found)
    print("the preprocessor gives the tokens")


def read_idx(path):
    data = path.read_bytes()
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(data[3])]
    return torch.tensor(list(data[4 + 4 * len(shape):])).reshape(shape[0], -1)


@torch.no_grad()
def check_losses(vectors, loss):
    tokens = read_idx(vectors / "images-idx3-ubyte")
    labels = read_idx(vectors / "labels-idx1-ubyte")[:, 0]
    classifier, _ = load(ImageGPTForImageClassification, "classifier")
    generator, _ = load(ImageGPTForCausalImageModeling, "classifier")
    classes = classifier(input_ids=with_start(classifier, tokens)).logits
    assert classes.shape[1] == 3 and classes.abs().max() > 0.01, classes
    logits = generator(input_ids=with_start(generator, tokens)).logits
    cross_entropy = torch.nn.functional.cross_entropy
    found = cross_entropy(classes, labels) + cross_entropy(logits.flatten(0, 1), tokens.flatten())
    assert abs(found.item() - float(loss)) < TOLERANCE, (found.item(), loss)
    print(f"the loss is {found:.6f}")


if __name__ == "__main__":
    check_logits(pathlib.Path(sys.argv[1]))
    check_processor(pathlib.Path(sys.argv[1]))
    check_losses(pathlib.Path(sys.argv[1]), sys.argv[2])
