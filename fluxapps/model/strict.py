"""How every file of ours is read: unknown keys are errors, camelCase in YAML, and pydantic's faults become problems.

The models describe one layer of settings each (one file's part); merging them is ``layers``' business.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from fluxapps.model.problems import ConfigError, Problem, did_you_mean
from fluxapps.model.yaml_file import FieldPath, YamlFile

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
"""A name of at most 63 lower-case letters, digits and hyphens (Kubernetes: RFC 1123 label)."""

Fields = dict[str, Any]
"""Fields as Flux spells them; checked against Flux's own schema once they are merged."""


class Strict(BaseModel):
    """A part of one of our files: unknown keys fail, fields are never reassigned."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, use_attribute_docstrings=True
    )


def validate(model: type[BaseModel], data: Any, file: YamlFile, prefix: FieldPath = ()) -> list[Problem]:
    """Return what is wrong with *data*, which stands in *file* below *prefix*, as *model* sees it; [] when nothing."""
    try:
        model.model_validate(data)
    except ValidationError as error:
        return [_problem(fault, model, data, file, prefix) for fault in _joined(error.errors(include_url=False))]
    return []


def _joined(faults: list[Any]) -> list[Any]:
    """Return *faults*, with one for a value that may be a string or a map, where pydantic finds fault as either.

    The last part of such a place is the union's member: ``("repositories", "podinfo", "str")``.
    """
    either = {fault["loc"][:-1] for fault in faults if fault["type"] == "string_type" and fault["loc"][-1:] == ("str",)}
    found = []
    for fault in faults:
        if fault["loc"][:-1] in either and fault["type"] in ("string_type", "model_type", "model_attributes_type"):
            if fault["type"] == "string_type" and not isinstance(fault["input"], dict):
                found.append({**fault, "type": "string_or_map"})
        else:
            found.append(fault)
    return found


def parse(model: type[BaseModel], data: Any, file: YamlFile, prefix: FieldPath = ()) -> Any:
    """Return *data* as a *model*.

    Raises:
        ConfigError: With all that :func:`validate` finds.
    """
    if problems := validate(model, data, file, prefix):
        raise ConfigError(problems)
    return model.model_validate(data)


def dotted(path: Iterable[str | int]) -> str:
    """Return *path* as people write it: ``releases.operator.valuesFrom[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def kind_of(value: Any) -> str:
    """Return what *value* is in a YAML author's words."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return f"a boolean ({'true' if value else 'false'})"
        case int() | float():
            return f"a number ({value})"
        case str():
            return f"a string ('{value}')" if len(value) <= 40 else "a string"  # noqa: PLR2004 - what fits a line
        case dict():
            return "a map"
        case _:
            return "a list"


class _Fault(NamedTuple):
    """One of pydantic's faults, placed in the file."""

    said: Any
    """pydantic's own: type, input, ctx, msg."""
    place: FieldPath
    """Below *prefix*."""
    model: type[BaseModel]
    file: YamlFile
    prefix: FieldPath

    @property
    def name(self) -> str:
        """Return the field as people write it."""
        return dotted(self.prefix + self.place) or self.file.file

    @property
    def found(self) -> str:
        """Return what stands there instead."""
        return kind_of(self.said["input"])


def _problem(fault: Any, model: type[BaseModel], data: Any, file: YamlFile, prefix: FieldPath) -> Problem:
    """Turn one of pydantic's faults into a sentence for who wrote the YAML."""
    # pydantic adds the names of union members to the place; only what is in the file counts.
    placed = _Fault(fault, _existing(data, fault["loc"]), model, file, prefix)
    code, what, fix = _SENTENCES.get(fault["type"], _other)(placed)
    path = prefix + placed.place
    position = file.position(path)
    return Problem(
        code=code,
        what=what,
        fix=fix,
        file=file.file,
        line=position.line,
        column=position.column,
        path=dotted(path),
    )


def _existing(data: Any, place: FieldPath) -> FieldPath:
    found: list[str | int] = []
    for part in place:
        if (isinstance(data, dict) and part in data) or (isinstance(data, list) and isinstance(part, int)):
            data = data[part]  # type: ignore[index] # a list is asked by number only
            found.append(part)
    return tuple(found)


_Sentence = tuple[str, str, str]
"""Code, what, fix."""


def _unknown(fault: _Fault) -> _Sentence:
    field, known = str(fault.place[-1]), _known_fields(fault.model, fault.place[:-1])
    if field in _ELSEWHERE:
        return "misplaced-field", f"'{field}' has no place here", _ELSEWHERE[field]
    listed = "known here: " + ", ".join(known) if known else ""
    return "unknown-field", f"unknown field '{field}'", did_you_mean(field, known, otherwise=listed)


_ELSEWHERE = {"preset": "say it under defaults, in fleet.yaml or in the stack's file: it is for all apps"}
"""Fields that are known, but only elsewhere, and where."""


def _missing(fault: _Fault) -> _Sentence:
    missing = str(fault.said["loc"][-1])
    return "missing-field", f"'{missing}' is missing", f"add '{missing}:'"


def _no_string(fault: _Fault) -> _Sentence:
    what = f"'{fault.name}' is {fault.found}, but a string is wanted"
    return "wrong-type", what, _quote(fault.file, fault.prefix + fault.place)


def _no_string_or_map(fault: _Fault) -> _Sentence:
    what = f"'{fault.name}' is {fault.found}, but a string or a map is wanted"
    return "wrong-type", what, "write its URL, or fields below it, indented"


def _no_name(fault: _Fault) -> _Sentence:
    what = f"'{fault.said['input']}' is not a name Kubernetes takes"
    return "wrong-value", what, "at most 63 lower-case letters, digits and hyphens; a letter or digit first and last"


def _no_option(fault: _Fault) -> _Sentence:
    options = [option.strip("'") for option in fault.said["ctx"]["expected"].replace(" or ", ", ").split(", ")]
    fix = did_you_mean(str(fault.said["input"]), options, otherwise=f"one of: {', '.join(options)}")
    return "wrong-value", f"'{fault.name}' can't be {fault.found}", fix


def _no_map(fault: _Fault) -> _Sentence:
    return "wrong-type", f"'{fault.name}' is {fault.found}, but a map is wanted", "write fields below it, indented"


def _no_list(fault: _Fault) -> _Sentence:
    what = f"'{fault.name}' is {fault.found}, but a list is wanted"
    return "wrong-type", what, f"write it as [{fault.said['input']}]"


def _no_boolean(fault: _Fault) -> _Sentence:
    return "wrong-type", f"'{fault.name}' is {fault.found}, but true or false is wanted", "write true or false"


def _no_count(fault: _Fault) -> _Sentence:
    return "wrong-value", f"'{fault.name}' is {fault.found}, but a number from 1 is wanted", "write 1 or more"


def _other(fault: _Fault) -> _Sentence:
    return "wrong-value", f"'{fault.name}' is {fault.found}: {fault.said['msg']}", ""


_SENTENCES: dict[str, Callable[[_Fault], _Sentence]] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "string_type": _no_string,
    "string_or_map": _no_string_or_map,
    "string_pattern_mismatch": _no_name,
    "string_too_long": _no_name,
    "literal_error": _no_option,
    "dict_type": _no_map,
    "model_type": _no_map,
    "model_attributes_type": _no_map,
    "list_type": _no_list,
    "bool_type": _no_boolean,
    "int_type": _no_count,
    "greater_than_equal": _no_count,
}
"""By pydantic's name of the fault."""


def _quote(file: YamlFile, path: FieldPath) -> str:
    """Say how the scalar at *path* is written as a string, from its own text (6.10 is no longer 6.10 once read)."""
    position = file.position(path, of_key=False)
    line = file.text.splitlines()[position.line - 1][position.column - 1 :]
    scalar = line.split(" #")[0].strip().rstrip(",]}")
    return f"write it in quotes: '{scalar}'" if scalar and scalar[0] not in "[{\"'" else "write a string"


def _known_fields(model: type[BaseModel], place: FieldPath) -> list[str]:
    """Return the YAML names of the fields of what stands at *place* in *model*."""
    found: Any = model
    for part in place:
        found = _member(found, part)
        if found is None:
            return []
    return [field.alias or name for name, field in found.model_fields.items()]


def _member(model: Any, part: str | int) -> type[BaseModel] | None:
    """Return the model below *part*, be it a field of *model*, or an entry of a map of models."""
    for name, field in model.model_fields.items():
        if part in (name, field.alias):
            return _model_within(field.annotation)
    return model  # type: ignore[no-any-return] # an entry's name in a map of models


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _model_within(argument)) is not None:
            return found
    return None
