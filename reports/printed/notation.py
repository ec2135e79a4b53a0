"""How the papers write their networks and columns: 0.75 MobileNet-160, DenseNet (L = 100, k = 12), params (M)."""

import string
from collections.abc import Mapping

# The first of an architecture's forms whose names are all given writes it; what is left follows as phrases.
_LAYER = ("{layer}",)
_DENSENET = ("{arch} (L = {depth}, k = {growth_rate})", "{arch}-{depth}")
_SHUFFLENET = ("ShuffleNet {scale}× (g = {groups})", "ShuffleNet {scale}×")
FORMS = {
    "AlexNet": _LAYER,
    "All-CNN": ("All-CNN-{model}",),
    "BN-Inception": _LAYER,
    "ConvPool-CNN": ("ConvPool-CNN-{model}",),
    "DenseNet": _DENSENET,
    "DenseNet-BC": _DENSENET,
    "EfficientNet-B0": _LAYER,
    "FractalNet": ("FractalNet, {depth} layers",),
    "GoogLeNet": _LAYER,
    "Highway": ("Highway, {layers} layers",),
    "Inception-v2/v3": _LAYER,
    "MobileNet v1": (
        *("{type}", "{alpha} MobileNet-{resolution}", "{alpha} MobileNet", "MobileNet-{resolution}"),
        "MobileNet",
    ),
    "MobileNet v2": ("{layer}", "{alpha} MobileNetV2-{resolution}", "{alpha} MobileNetV2", "MobileNetV2"),
    "MobileNet v3": ("{layer}", "{alpha} MobileNetV3-{kind}", "MobileNetV3-{kind}", "MobileNetV3"),
    "ResNeXt": ("ResNeXt-{depth} ({cardinality}×{base_width}d)",),
    "ResNeXt block": ("C = {cardinality}",),
    "ResNet": ("ResNet-{depth} ({cardinality}×{base_width}d)", "ResNet-{depth}"),
    "ResNet (pre-act)": ("pre-activation ResNet-{depth}",),
    "SE-ResNet": ("SE-ResNet-{depth}",),
    "ShuffleNet": _SHUFFLENET,
    "ShuffleNet v1": _SHUFFLENET,
    "ShuffleNet v2": ("ShuffleNet v2 {scale}×",),
    "SqueezeNet": _LAYER,
    "Strided-CNN": ("Strided-CNN-{model}",),
    "VGG": ("VGG {config}",),
    "VGG-16": _LAYER,
    "WRN": ("WRN-{depth}-{k}", "WRN-{printed_depth}-{k}", "WRN-{depth}-{width}"),
    "WRN-bottleneck": ("WRN-{depth}-{width}-bottleneck",),
    "base": ("base {model}",),
    "plain": ("plain-{depth}",),
    "pre-act ResNet": ("pre-activation ResNet-{depth}",),
    "stochastic depth": ("stochastic depth, {depth} layers",),
}
# What a table's own columns, caption or notes say.
SILENT = {"blocks", "bottleneck", "compression", "decay", "mult_adds_M", "params_M", "removed"}
# Particulars whose value says all.
BARE = {
    *("act", "block", "change", "compress", "eval", "first_layers", "fragments", "framework"),
    *("replace", "source", "unit"),
}
PHRASES = {
    "F_scale": "F × {}",
    "alpha": "α = {}",
    "arm_c": "c = {} on ARM",
    "aux_weight": "auxiliary classifiers of weight {}",
    "batch": "batches of {}",
    "bits": "{} bit",
    "bits_conv": "{} bits in convolutions",
    "bits_fc": "{} in fc layers",
    "bypass": "{} bypass",
    "c": "c = {}",
    "c1:c2": "c1:c2 = {}",
    "cardinality": "C = {}",
    "columns": "{} columns",
    "complexity": "at {}M",
    "conv": "{} convolutions",
    "crops": "{} crops",
    "d": "d = {}",
    "depth": "{} layers",
    "drop_path": "drop-path {}",
    "epochs": "{} epochs",
    "external": "with {}",
    "extra_conv": "{} more convolution",
    "fc": "fc layers of {}",
    "gate": "{} gate",
    "gpu_c": "c = {} on a GPU",
    "groups": "g = {}",
    "growth_rate": "k = {}",
    "head": "{} head",
    "hswish_from": "h-swish from {} channels on",
    "init_bg": "b_g from {}",
    "input": "input of {}",
    "k": "k = {}",
    "l": "l = {}",
    "channels345": "channels of layers 3 to 5: {}",
    "lr_factor": "rate × {}",
    "models": "{} networks",
    "networks": "{} networks",
    "p_L": "p_L = {}",
    "pct3x3": "share of 3×3: {}",
    "pretrain": "pretrained on {}",
    "r": "r = {}",
    "remove": "without layers {}",
    "reported_by": "as {} reports it",
    "rho": "ρ = {}",
    "scale": "{}×",
    "se_stages": "SE in stages {}",
    "shortcut_scale": "shortcut × {}",
    "skip": "skips of {} layer",
    "squeeze_ratio": "SR = {}",
    "test_Q": "Q = {}",
    "test_crop": "test crop of {}",
    "train_S": "S = {}",
    "train_crop": "trained on crops of {}",
    "version": "v{}",
    "vs": "against {}",
    "w": "w = {}",
    "where": "SE: {}",
}
WORDS = {"bn": "BN", "fc": "fc layers", "lr": "rate:", "lrn": "LRN", "pca_colour": "PCA colour", "se": "SE"}
# True of a network, and said without "with".
ADJECTIVES = {
    "compound": "compound scaling",
    "distilled": "distilled",
    "minimalistic": "minimalistic",
    "preact": "pre-activation",
    "quantised": "quantised",
    "shallow": "shallow",
}

# A metric is one of these, or one and an ending.
METRICS = {
    "acc": "accuracy",
    "active_pct": "active (%)",
    "arm_images_per_s": "images/s, ARM",
    "block_flops_G": "FLOPs of a block (G)",
    "bits": "bits",
    "block_params_k": "params of a block (K)",
    "channels": "channels",
    "density_e1x1_pct": "density e1x1 (%)",
    "density_e3x3_pct": "density e3x3 (%)",
    "density_s1x1_pct": "density s1x1 (%)",
    "epoch_s": "s/epoch",
    "expanded": "channels between",
    "err": "error",
    "flop": "operations",
    "flops": "FLOPs",
    "flops_G": "FLOPs (G)",
    "gflops": "GFLOPs",
    "gpu_batches_per_s": "batches/s, GPU",
    "index_bits": "bits of an index",
    "ips": "images/s",
    "kept_flop_pct": "operations left (%)",
    "kept_weights_pct": "weights left (%)",
    "max_top1_acc": "max. top-1 acc.",
    "memory_MB": "memory (MB)",
    "ms": "ms",
    "ms_per_batch16": "ms/batch of 16",
    "mult_adds_G": "mult-adds (G)",
    "mult_adds_M": "mult-adds (M)",
    "mult_adds_pct": "mult-adds (%)",
    "ops_M": "ops (M)",
    "params_K": "params (K)",
    "params_added_M": "params added (M)",
    "params_added_pct": "params added (%)",
    "params_M": "params (M)",
    "params_pct": "params (%)",
    "pct_runtime": "time (%)",
    "rate_pq_pct": "size left (%), pruned, shared",
    "rate_pqh_pct": "size left (%), Huffman-coded",
    "rate_x": "rate (×)",
    "reduction_x": "reduction (×)",
    "s_per_iteration": "s/iteration",
    "s_per_minibatch256": "s/batch of 256",
    "size_KB": "size (KB)",
    "size_MB": "size (MB)",
    "steps_per_s": "steps/s",
    "steps_to_max_M": "steps to the greatest accuracy (M)",
    "steps_to_72.2_M": "steps to 72.2 % (M)",
    "top1_acc": "top-1 acc.",
    "top1_err": "top-1 err.",
    "top5_acc": "top-5 acc.",
    "top5_err": "top-5 err.",
    "train_err": "training err.",
    "train_min": "minutes of training",
}
ENDINGS = {
    "1x1": "1×1",
    "3x3": "3×3",
    "3x3_reduce": "before 3×3",
    "5x5": "5×5",
    "5x5_reduce": "before 5×5",
    "double_3x3": "two 3×3",
    "double_reduce": "before two 3×3",
    "pool_proj": "behind pooling",
    "10crop": "10 crops",
    "1crop": "1 crop",
    "1kway": "1000 classes",
    "5kway": "5000 classes",
    "noshuffle": "no shuffle",
    "pq": "pruned, shared",
    "pqh": "Huffman-coded",
    "pixel1_noopt": "pixel1, not optimised",
    "ref": "before",
    "reimpl": "run again",
    "se": "SE",
    "val": "val.",
}
PLUS = {"pad4 crop32+flip (+)": "+", "translation+flip (+)": "+", "none": ""}


def label(arch: str, kwargs: Mapping[str, object]) -> str:
    """Return a row's network as its paper writes it: what is named first, then what is particular."""
    rest = {name: value for name, value in kwargs.items() if name not in SILENT}
    named = arch
    for form in FORMS.get(arch, ()):
        needed = {part for _, part, _, _ in string.Formatter().parse(form) if part} - {"arch"}
        if needed <= set(rest):
            named = form.format(arch=arch, **{part: rest.pop(part) for part in needed})
            break
    if "layer" in kwargs:
        return named
    return ", ".join([named, *(phrase(*item) for item in rest.items())])


def phrase(name: str, value: object) -> str:
    """Return one particular of a network: g = 3, with dropout, 10 crops."""
    words = WORDS.get(name, name.replace("_", " "))
    if value is None or value is False:
        return f"no {words}"
    if value is True:
        return ADJECTIVES.get(name, f"with {words}")
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if name in BARE:
        return str(value)
    text = PHRASES.get(name, f"{words} {{}}").format(value)
    return text.removesuffix("s") if value == 1 and name in ("crops", "models") else text


def heading(metric: str) -> str:
    """Return a column's title, with its unit where that isn't per cent."""
    known = [name for name in METRICS if metric == name or metric.startswith(f"{name}_")]
    if not known:
        return metric.replace("_", " ")
    first = max(known, key=len)
    ending = metric[len(first) + 1 :]
    return METRICS[first] + (f", {ENDINGS.get(ending, ending.replace('_', ' '))}" if ending else "")


def where(dataset: str, augmentation: str) -> str:
    """Return a data set and, as the papers mark it, its augmentation: CIFAR-10+."""
    return dataset + PLUS.get(augmentation, augmentation)
