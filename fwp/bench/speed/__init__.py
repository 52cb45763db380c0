"""How fast training steps are, on one machine and in one run: workloads, contenders on equal weights, and what they took."""

from fwp.bench.machine import Limits as Limits
from fwp.bench.machine import Machine as Machine
from fwp.bench.machine import this_machine as this_machine
from fwp.bench.speed.contenders import CONTENDERS as CONTENDERS
from fwp.bench.speed.contenders import Absent as Absent
from fwp.bench.speed.contenders import Contender as Contender
from fwp.bench.speed.contenders import Step as Step
from fwp.bench.speed.gradients import Gradient as Gradient
from fwp.bench.speed.gradients import gradients as gradients
from fwp.bench.speed.measure import Measured as Measured
from fwp.bench.speed.measure import alternate as alternate
from fwp.bench.speed.measure import ratios as ratios
from fwp.bench.speed.results import Result as Result
from fwp.bench.speed.results import Timed as Timed
from fwp.bench.speed.run import speed as speed
from fwp.bench.speed.workloads import SUITES as SUITES
from fwp.bench.speed.workloads import Bar as Bar
from fwp.bench.speed.workloads import Case as Case
from fwp.bench.speed.workloads import Workload as Workload
