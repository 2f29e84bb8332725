from playground.core import errors


def all_errors():
    found, todo = [], [errors.PlaygroundError]
    while todo:
        error = todo.pop()
        found.append(error)
        todo += error.__subclasses__()
    return found


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = {word for word in errors.__doc__.replace("─", " ").split() if word.isalpha()}
    assert {error.__name__ for error in all_errors() if error.__module__ == errors.__name__} <= drawn


def test_kinds_are_snake_case():
    assert errors.RateLimited("slow down").kind == "rate_limited"
    assert errors.PlaygroundError("x").kind == "playground_error"


def test_a_very_long_unknown_name_is_shortened():
    assert len(str(errors.UnknownName("model", "x" * 10_000))) < 150
