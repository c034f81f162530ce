"""Which files are of which part and class, told by the folders they lie in."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from ..errors import DataError
from ._files import Files
from ._split import split

_PARTS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}


@dataclass
class Member:
    """A file and the name of its class."""

    name: str
    label: str


@dataclass
class Sorted:
    """Files by part: 'train', 'test' and maybe 'validation'; and files that lie elsewhere."""

    parts: dict[str, list[Member]]
    classes: tuple[str, ...]
    strays: list[str] = field(default_factory=list)


def sort_files(files: Files) -> Sorted:
    """Sort files into parts and classes.

    Single folders around everything are passed over. If there is then a folder train beside a
    test or val, they are the parts, and the folders in them the classes. Otherwise the folders are
    the classes, and `split` takes a fifth of each for the test. A val without a test is the test.
    What a class's folder holds counts, however deep.

    Raises:
        DataError: No classes, one class only, or a class that the training part does not have.
    Example:
        photos/cat/1.jpg photos/dog/2.jpg, or photos/train/cat/1.jpg photos/test/cat/3.jpg
    """
    paths = _below_single_folders([name.split("/") for name in files.names])
    heads = {_PARTS.get(path[0].lower()) for path in paths if len(path) > 2}
    parted = {"train", "test"} <= heads or {"train", "validation"} <= heads
    found = Sorted({}, ())
    for name, path in zip(files.names, paths, strict=True):
        part = _PARTS.get(path[0].lower()) if parted else "all"
        if part is None or len(path) < (3 if parted else 2):
            found.strays.append(name)
        else:
            label = path[1] if parted else path[0]
            found.parts.setdefault(part, []).append(Member(name, label))
    if not found.parts:
        raise DataError(
            f"{files.path} holds {len(files.names)} files of the right kind, and none of them in "
            f"the folder of a class. What is looked for are cat/1.jpg and dog/2.jpg, or "
            f"train/cat/1.jpg and test/cat/2.jpg."
        )
    if "all" in found.parts:
        _split_all(found)
    elif "test" not in found.parts:
        found.parts["test"] = found.parts.pop("validation")
    found.classes = _checked_classes(files, found.parts)
    return found


def _below_single_folders(paths: list[list[str]]) -> list[list[str]]:
    while paths and len({path[0] for path in paths}) == 1 and min(map(len, paths)) > 2:
        paths = [path[1:] for path in paths]
    return paths


def _split_all(found: Sorted) -> None:
    members = found.parts.pop("all")
    number = {label: i for i, label in enumerate(sorted({member.label for member in members}))}
    rest, test = split(torch.tensor([number[member.label] for member in members]))
    found.parts["train"] = [members[i] for i in rest.tolist()]
    found.parts["test"] = [members[i] for i in test.tolist()]


def _checked_classes(files: Files, parts: dict[str, list[Member]]) -> tuple[str, ...]:
    classes = tuple(sorted({member.label for member in parts["train"]}))
    if len(classes) < 2:
        raise DataError(
            f"{files.path} has one class only, '{classes[0]}'; two or more are needed, each a "
            f"folder."
        )
    if not parts["test"]:
        raise DataError(
            f"{files.path} has too few files to set some aside: a fifth of each class is for the "
            f"test, so that one class at least needs 5. Add files, or a test folder."
        )
    for part, members in parts.items():
        if unknown := sorted({member.label for member in members} - set(classes)):
            raise DataError(
                f"{files.path}: the {part} part has the classes {', '.join(unknown)}, which the "
                f"training part has not; it has {', '.join(classes)}."
            )
    return classes
