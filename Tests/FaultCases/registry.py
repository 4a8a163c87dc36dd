"""All the faults there are, in the order in which their files name them."""
import dataclasses
import os
import shutil
from typing import Callable

from harness.places import AGENT, IS_ROOT

faults = []


@dataclasses.dataclass
class Fault:
    area: str
    name: str
    expected: str
    # How many requests may fail, with why where it is not 0.
    lost: str
    # It loads or fills the whole machine: nothing else runs meanwhile.
    alone: bool
    function: Callable


class Skip(Exception):
    pass


def fault(area, name, expected, lost="0", alone=False):
    def register(function):
        faults.append(Fault(area, name, expected, lost, alone, function))
        return function
    return register


def need(condition, what):
    if not condition:
        raise Skip("needs " + what)


def need_program(name):
    need(shutil.which(name), name)


def need_root(program):
    """And what it takes to use its rights."""
    need(IS_ROOT and shutil.which(program), "root and " + program)


def need_agent():
    need(os.access(AGENT, os.X_OK), "baton-agent")
