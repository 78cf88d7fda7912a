"""Reading the settings of a function from its environment."""

from collections.abc import Mapping


class SettingsError(Exception):
    """An environment variable is missing or invalid; the message says which one, and what to set."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        found = f"is {value!r}" if value else "is not set"
        super().__init__(f"{name} {found}; set it to {expected}")


def required(environment: Mapping[str, str], name: str, expected: str) -> str:
    """Return the value of an environment variable, without surrounding blanks.

    ``expected`` describes the value for the error message, such as "the name of a table".

    Raises:
        SettingsError: if the variable is missing or blank.
    """
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(name, value, expected)
    return value
