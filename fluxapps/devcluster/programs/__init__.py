"""The programs a local cluster is made of, and how they are had."""

from fluxapps.devcluster.errors import ProgramError
from fluxapps.devcluster.programs.lookup import find, find_all
from fluxapps.devcluster.programs.table import PROGRAMS, Program

__all__ = ["PROGRAMS", "Program", "ProgramError", "find", "find_all"]
