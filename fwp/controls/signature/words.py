"""How many numbers a log-signature has: one for each Lyndon word, a word smaller than all its own rotations."""

__all__ = ["lyndon_words"]


def lyndon_words(letters: int, depth: int) -> int:
    """How many Lyndon words over so many letters have at most `depth` of them.

    Every word is a power of a rotation of exactly one Lyndon word, so that lettersᵏ = Σ m L(m) over the divisors m of k.
    """
    count: dict[int, int] = {}
    for k in range(1, depth + 1):
        powers = sum(m * n for m, n in count.items() if k % m == 0)
        count[k] = (letters**k - powers) // k
    return sum(count.values())
