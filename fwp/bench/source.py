"""Where the data of a task come from, as values: equal sources load equal series."""

from dataclasses import dataclass
from pathlib import Path

from fwp.data import Dataset, load_sepsis, load_speech, uea_dataset
from fwp.data.sepsis import sepsis_files
from fwp.data.speech import GOOGLES, WORDS, speech_file
from fwp.data.uea import uea_files

__all__ = ["Sepsis", "Source", "Speech", "Uea"]


@dataclass(frozen=True)
class Uea:
    """A data set of the UEA or UCR archive, by its name there."""

    archive: str

    @property
    def features(self) -> int:
        """Static features of each series."""
        return 0

    def load(self, root: Path | None = None) -> Dataset:
        """All its series. Raises: DataError."""
        return uea_dataset(self.archive, root)

    def files(self, root: Path | None = None) -> tuple[Path, ...]:
        """Where its files are, or would be if they were here."""
        return uea_files(self.archive, root)


@dataclass(frozen=True)
class Sepsis:
    """The PhysioNet/CinC Challenge 2019, with or without how often each quantity has been measured so far (OI)."""

    intensity: bool = False

    @property
    def features(self) -> int:
        """Static features: age, gender, two units, hours from hospital to ICU; with OI whether the units are known."""
        return 7 if self.intensity else 5

    def load(self, root: Path | None = None) -> Dataset:
        """All patients. Raises: DataError."""
        return load_sepsis(root, intensity=self.intensity)

    def files(self, root: Path | None = None) -> tuple[Path, ...]:
        """Where its files are, or would be if they were here."""
        return sepsis_files(root)


@dataclass(frozen=True)
class Speech:
    """Spoken words in Google's layout, as 161 frames of 20 mel cepstral coefficients."""

    archive: str = GOOGLES
    words: tuple[str, ...] = WORDS

    @property
    def features(self) -> int:
        """Static features of each series."""
        return 0

    def load(self, root: Path | None = None) -> Dataset:
        """All clips of these words that last one second. Raises: DataError."""
        return load_speech(root, words=self.words, archive=self.archive)

    def files(self, root: Path | None = None) -> tuple[Path, ...]:
        """Where its files are, or would be if they were here."""
        return (speech_file(root, self.archive),)


Source = Uea | Sepsis | Speech
