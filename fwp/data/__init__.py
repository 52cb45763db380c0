"""Files and arrays become series."""

from fwp.data.archive import extract as extract
from fwp.data.dataset import Dataset as Dataset
from fwp.data.labelled import Labelled as Labelled
from fwp.data.normalise import Normaliser as Normaliser
from fwp.data.sepsis import load_sepsis as load_sepsis
from fwp.data.series import Series as Series
from fwp.data.series import collate as collate
from fwp.data.series import series as series
from fwp.data.speech import load_speech as load_speech
from fwp.data.table import Named as Named
from fwp.data.table import read_table as read_table
from fwp.data.uea import load_uea as load_uea
from fwp.data.uea import read_ts as read_ts
from fwp.data.uea import uea_dataset as uea_dataset
from fwp.data.valued import Valued as Valued
