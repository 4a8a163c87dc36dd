"""All the faults there are, in the order in which their files name them."""

faults = []


class Skip(Exception):
    pass


def fault(area, name, expected, lost="0"):
    """lost: how many requests may fail, with why where it is not 0."""
    def register(function):
        faults.append((area, name, expected, lost, function))
        return function
    return register


def need(condition, what):
    if not condition:
        raise Skip("needs " + what)
