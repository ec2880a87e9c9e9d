"""Tensors of which each process holds a shard (``sharding``), whole again and back; plain tensors stay as they are."""

from __future__ import annotations

from torch import Tensor


def whole(tensor: Tensor) -> Tensor:
    """The tensor, gathered where it is sharded; all processes must ask for it."""
    gathered: Tensor = tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]
    return gathered


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process holds a shard of the tensor only."""
    return hasattr(tensor, "full_tensor")


def share_of(tensor: Tensor, *, like: Tensor) -> Tensor:
    """Of a whole tensor on the CPU what this process holds of `like`, on its device."""
    if not is_sharded(like):
        return tensor.to(like.device)
    from torch.distributed.tensor import distribute_tensor

    mesh, placements = like.device_mesh, like.placements  # type: ignore[attr-defined]
    return distribute_tensor(tensor.to(like.device), mesh, placements, src_data_rank=None)


def gather(tensors: dict[str, Tensor], *, keeps: bool) -> dict[str, Tensor]:
    """All tensors whole, on the CPU, for a process that keeps them; nothing for the others. Names of one tensor, such
    as tied weights, get one."""
    found: dict[int, Tensor] = {}
    for tensor in tensors.values():
        if id(tensor) not in found:
            gathered = whole(tensor.detach())
            found[id(tensor)] = gathered.cpu() if keeps else gathered.new_empty(0)
    return {name: found[id(tensor)] for name, tensor in tensors.items()} if keeps else {}
