"""Log-signatures of windows of a series, in the basis of Lyndon words."""

from fwp.controls.signature.backend import Backend as Backend
from fwp.controls.signature.backend import backend_of as backend_of
from fwp.controls.signature.windows import log_signatures as log_signatures
from fwp.controls.signature.windows import window_ends as window_ends
from fwp.controls.signature.words import lyndon_words as lyndon_words
