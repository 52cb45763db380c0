"""Files that are whole or not there: writing in one step, locks, and digests that say whether a byte has changed."""

from fwp.files.lock import held as held
from fwp.files.seal import sealed_json as sealed_json
from fwp.files.seal import sealed_lines as sealed_lines
from fwp.files.seal import sealed_tensors as sealed_tensors
from fwp.files.seal import unsealed_json as unsealed_json
from fwp.files.seal import unsealed_lines as unsealed_lines
from fwp.files.seal import unsealed_tensors as unsealed_tensors
from fwp.files.stream import write_all as write_all
from fwp.files.write import make_folder as make_folder
from fwp.files.write import opened_part as opened_part
from fwp.files.write import settle as settle
from fwp.files.write import write_bytes as write_bytes
from fwp.files.write import write_json as write_json
