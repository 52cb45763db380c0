"""Series become paths: values of time that solvers can follow."""

from fwp.controls.control import Control as Control
from fwp.controls.control import by_name as by_name
from fwp.controls.control import hermite as hermite
from fwp.controls.control import linear as linear
from fwp.controls.control import log_signature as log_signature
from fwp.controls.control import natural_cubic as natural_cubic
from fwp.controls.control import rectilinear as rectilinear
from fwp.controls.kind import Kind as Kind
from fwp.controls.kind import LogSignature as LogSignature
from fwp.controls.path import Causality as Causality
from fwp.controls.path import Path as Path
from fwp.controls.signature import backend_of as backend_of
