"""The networks that a file holds: its tensors without what others wrapped around them."""

from collections.abc import Mapping

from torch import Tensor

# Keys and prefixes under which trainers put a network: of DataParallel, torch.compile, Lightning modules, EMA …
TRANSPARENT = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
AVERAGES = {
    "ema",
    "ema_model",
    "model_ema",
    "ema_state_dict",
    "state_dict_ema",
    "params_ema",
    "averaged_model",
}
WRAPPERS = TRANSPARENT | AVERAGES | {"state_dict", "model_state_dict", "model_state", "current_model_state"}
WRAPPERS |= {"model", "net", "network", "weights", "params", "parameters", "swa_model"}

# What profilers (thop), averages and losses leave among a network's tensors.
FOREIGN_NAMES = {"n_averaged", "total_ops", "total_params"}
FOREIGN_MODULES = {"criterion", "loss", "loss_fn", "loss_function"}


def networks(content: Mapping) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts in a file by their key ("" if nothing wraps it), the likeliest first.

    A key is dotted, `model.ema`. Likelier is one with more tensors, and of two as large the one that is no average.
    """
    by_key: dict[str, dict[str, Tensor]] = {}
    for path, name, tensor in _tensors(content, (), set()):
        parts = name.split(".")
        while len(parts) > 1 and parts[0] in WRAPPERS:
            path = (*path, parts.pop(0))
        parts = [part for part in parts if part not in TRANSPARENT]
        if parts and parts[-1] not in FOREIGN_NAMES and parts[0] not in FOREIGN_MODULES:
            key = ".".join(part for part in path if part not in TRANSPARENT)
            by_key.setdefault(key, {})[".".join(parts)] = tensor
    # `state_dict` beside `state_dict.model`: parts of one network, or copies
    for key in sorted(by_key, key=len):
        inner = next((k for k in by_key if k != key and k.startswith(key) and not _averaged(k)), None)
        if inner is not None and not _averaged(key) and not by_key[key].keys() & by_key[inner].keys():
            by_key[inner] = by_key.pop(key) | by_key[inner]
    return dict(sorted(by_key.items(), key=lambda item: (-len(item[1]), _averaged(item[0]))))


def _tensors(content: Mapping, path: tuple[str, ...], seen: set[int]):
    """Yield (keys from the outside in, name, tensor); of a mapping that wraps others, those of the wrapped alone."""
    if id(content) in seen:  # a mapping may contain itself
        return
    seen.add(id(content))
    named = {key: value for key, value in content.items() if isinstance(key, str)}
    mappings = {key: value for key, value in named.items() if isinstance(value, Mapping)}
    tensors = {key: value for key, value in named.items() if isinstance(value, Tensor)}
    wrapped = {key: value for key, value in mappings.items() if key in WRAPPERS}
    if not wrapped and not tensors:
        wrapped = {key: value for key, value in mappings.items() if not key.startswith("optim")}
    inside = [pair for key, value in wrapped.items() for pair in _tensors(value, (*path, key), seen)]
    if inside:
        yield from inside
    else:
        yield from ((path, name, tensor) for name, tensor in tensors.items())


def _averaged(key: str) -> bool:
    return not AVERAGES.isdisjoint(key.split("."))
