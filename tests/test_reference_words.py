"""The words are typed twice, so that the reference shares nothing: here they are equal."""

import pytest

import bookflow.events as events
import bookflow.reference as reference


@pytest.mark.parametrize("name", ["Action", "Side", "Flag", "Status"])
def test_words_are_those_of_the_events(name: str) -> None:
    def words(module: object) -> dict[str, int]:
        return {key: int(x) for key, x in getattr(module, name).__members__.items()}

    assert words(reference) == words(events)
