"""The elementary functions as C text.

All are written out, without branches, so that the compiler inlines and vectorises them and the same source gives the same
numbers under every mathematics library.
"""

from math import factorial

__all__ = ["functions", "polynomial"]


def polynomial(coefficients: list[float], x: str) -> str:
    """Horner's scheme as one expression, from the constant term on."""
    text = f"CONSTANT({coefficients[-1]!r})"
    for c in reversed(coefficients[:-1]):
        text = f"({text} * {x} + CONSTANT({c!r}))"
    return text


def functions(single: bool) -> str:
    """exp, exp - 1, log, log(1 + x) and the absolute value, to the precision of float32 or of float64."""
    # Of Taylor's series of exp on |r| ≤ log(2) / 2 and of 2 artanh(f) on f² ≤ 0.03, what the precision can see.
    exp = polynomial([1 / factorial(n + 2) for n in range(6 if single else 12)], "r")
    log = polynomial([2 / (2 * n + 3) for n in range(4 if single else 9)], "s")
    high, low = ("0x1.62ep-1", "0x1.0bfbe8e7bcd5ep-15") if single else ("0x1.62e42fefap-1", "0x1.cf79abc9e3b3ap-40")
    return f"""
typedef {"uint32_t" if single else "uint64_t"} u_bits;

/* 2^n, and exp(x) / 2^n - 1 for the n that makes it small; NaN stays NaN, and x beyond the exponents is their bound. */
INLINE real reduced(real x, real *power) {{
  const real magic = CONSTANT({1.5 * 2 ** (23 if single else 52)!r}), bound = CONSTANT({87.0 if single else 708.0});
  x = x < -bound ? -bound : x;
  x = x > bound ? bound : x;
  const real shifted = x * CONSTANT(1.4426950408889634) + magic, n = shifted - magic;
  const real r = (x - n * CONSTANT({high})) - n * CONSTANT({low});
  bits b;
  memcpy(&b, &shifted, sizeof b);
  b = (bits)((u_bits)b << MANTISSA) + ((bits)BIAS << MANTISSA);
  memcpy(power, &b, sizeof b);
  return r + r * r * {exp};
}}

INLINE real exponential(real x) {{
  real power;
  const real p = reduced(x, &power);
  return power * p + power;
}}

INLINE real exponential_less_1(real x) {{
  real power;
  const real p = reduced(x, &power);
  return power * p + (power - 1);
}}

/* For normal x > 0; NaN stays NaN. */
INLINE real logarithm(real x) {{
  const real magic = CONSTANT({1.5 * 2 ** (23 if single else 52)!r});
  const bits root = {"0x3f3504f3" if single else "0x3fe6a09e667f3bcdLL"};
  bits b, magic_b;
  memcpy(&b, &x, sizeof b);
  memcpy(&magic_b, &magic, sizeof b);
  const bits exponent = (b - root) >> MANTISSA;
  b -= (bits)((u_bits)exponent << MANTISSA);
  magic_b += exponent;
  real m, n;
  memcpy(&m, &b, sizeof b);
  memcpy(&n, &magic_b, sizeof b);
  n -= magic;
  const real f = (m - 1) / (m + 1), s = f * f;
  return (n * CONSTANT({high}) + (2 * f + (f * s * {log} + n * CONSTANT({low})))) + (x - x);
}}

INLINE real logarithm_of_1_and(real x) {{
  const real u = 1 + x;
  return logarithm(u) + (x - (u - 1)) / u;
}}

INLINE real absolute(real x) {{ return x < 0 ? -x : x; }}
"""
