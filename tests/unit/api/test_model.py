"""What the models of all resources promise."""

import pytest
from pydantic import ValidationError

from zookeeper_operator.api import conditions, ensemble, ensemble_status, model
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.model import ApiModel

MODELS = [
    value
    for module in (model, conditions, ensemble, ensemble_status)
    for value in vars(module).values()
    if isinstance(value, type)
    and issubclass(value, ApiModel)
    and value is not ApiModel
    and value.__module__ == module.__name__
]


@pytest.mark.parametrize("model", MODELS)
def test_every_field_tells_a_user_what_it_is(model: type[ApiModel]) -> None:
    assert model.model_fields
    for name, field in model.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_values_are_frozen() -> None:
    with pytest.raises(ValidationError):
        EnsembleSpec().replicas = 5  # type: ignore[misc]
