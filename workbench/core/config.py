"""Config: whatever a person can turn. Frozen, unknown keys refused with the nearest name, a sentence per field.

The sentence under a field is its help (``use_attribute_docstrings``), in forms, errors and docs alike.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_serializer, model_validator
from pydantic.fields import FieldInfo

from workbench.core.entry import Paper
from workbench.core.errors import ConfigError, nearest


class Config(BaseModel):
    """Base of everything a person can turn."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )

    papers: ClassVar[tuple[Paper, ...]] = ()
    """sources of the method that this config turns, for ``wb.cite``"""

    # Hidden from type checkers, so that they keep the typed keywords of the fields.
    if not TYPE_CHECKING:

        def __init__(self, /, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise ConfigError(_sentences(type(self), error)) from None

        def __setattr__(self, name: str, value: Any) -> None:
            if name in type(self).model_fields:
                raise ConfigError(
                    f"{type(self).__name__} is frozen: use .but({name}={value!r}) for a copy with another {name}."
                )
            super().__setattr__(name, value)

    def but(self, **changes: Any) -> Self:
        """A copy with some fields changed, validated again (``model_copy`` would not validate).

        Raises:
            ConfigError: A change is unknown or out of range.
        """
        return type(self)(**({name: getattr(self, name) for name in type(self).model_fields} | changes))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The config that ``model_dump_json`` wrote.

        Raises:
            ConfigError: The text is no JSON, or a field in it is unknown or out of range.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError(_sentences(cls, error)) from None


class Chosen(Config):
    """A config that is one of several classes; its JSON says which.

    Only classes of the workbench are resolved from JSON; others must be handed over as objects, so that
    nothing is imported because a file says so.
    """

    @model_serializer(mode="wrap")
    def _named(self, handler: Any) -> Any:
        return {"is": f"{type(self).__module__}:{type(self).__qualname__}"} | handler(self)

    @model_validator(mode="wrap")
    @classmethod
    def _pick(cls, value: Any, handler: Any) -> Any:
        if not (isinstance(value, dict) and "is" in value):
            return handler(value)
        fields = {str(k): v for k, v in value.items() if k != "is"}
        target = _resolve(cls, str(value["is"]))
        return handler(fields) if target is cls else target(**fields)


def _resolve(expected: type[Chosen], address: str) -> type[Chosen]:
    module, _, name = address.partition(":")
    if (expected.__module__, expected.__qualname__) == (module, name):
        return expected
    if not module.startswith("workbench."):
        raise ValueError(f"{address} is not a class of the workbench: pass the object itself")
    found = getattr(import_module(module), name, None)
    if not (isinstance(found, type) and issubclass(found, expected)):
        raise ValueError(f"{address} is no {expected.__name__}")
    return found


def _sentences(cls: type[BaseModel], error: ValidationError) -> str:
    """Every mistake in one message, each with the path of its field."""
    return " ".join(_sentence(cls, dict(e)) for e in error.errors())


def _sentence(cls: type[BaseModel], mistake: dict[str, Any]) -> str:
    path = ".".join(str(part) for part in mistake["loc"])
    inner = mistake.get("ctx", {}).get("error")
    if isinstance(inner, ConfigError):  # a nested config has already spoken
        return f"In {cls.__name__}.{path}: {inner}" if path else str(inner)
    if mistake["type"] == "extra_forbidden":
        return f"{cls.__name__} has no setting {path!r}.{nearest(path, cls.model_fields)}"
    if mistake["type"] == "missing":
        return f"{cls.__name__}.{path} must be given."
    message = str(mistake["msg"]).removeprefix("Value error, ")
    where = f"{cls.__name__}.{path}" if path else cls.__name__
    given = f"; got {mistake['input']!r}" if path else ""
    return f"{where}: {message[:1].lower()}{message[1:]}{given}."


def sized_by(field: FieldInfo) -> str | None:
    """The size of the data that sizes this field (``Field(json_schema_extra={"data": "classes"})``), if one does."""
    extra = field.json_schema_extra
    return str(extra["data"]) if isinstance(extra, dict) and "data" in extra else None
