"""The chunk of a scan as C text: padded copies of its inputs, room for what follows from them, and how inputs are loaded."""

from fwp.solvers.kernels.spec import KernelSpec, Step, shapes

__all__ = ["chunk"]


def chunk(spec: KernelSpec, derived: str) -> str:
    """The type `Chunk`, with the fields `derived` of the kind of step, and `load`, which fills in the inputs."""
    fields, loads = [], []
    for name, own in shapes(spec).items():
        place = f"inputs[IN_{name.upper()}]"
        if not own:
            fields.append(f"  real {name}[CHUNK][G];")
            loads.append(f"      c->{name}[t][g] = {place}[at];")
        elif spec.step is Step.AFFINE and name in ("gain", "erase"):
            fields.append(f"  real {name}[CHUNK][R * R][G];")
            loads.append(f"      for (int k = 0; k < R * R; k++) c->{name}[t][k][g] = {place}[at * (R * R) + k];")
        else:
            size, pad, lanes = ("M", "MP", "L") if name in ("offset", "value") else ("D", "DP", "Q")
            fields.append(f"  real {name}[CHUNK][R][{lanes}] ALIGNED;")
            loads.append(
                f"      for (int r = 0; r < R; r++)\n"
                f"        for (int i = 0; i < {size}; i++)\n"
                f"          c->{name}[t][r][g * {pad} + i] = {place}[(at * R + r) * {size} + i];"
            )
    return "\n".join(
        [
            "typedef struct {",
            *fields,
            derived.strip("\n"),
            "  real add[CHUNK][R][L] ALIGNED;      /* what each step adds along `write` */",
            "  real d_add[CHUNK][R][L] ALIGNED;    /* gradients: of that, */",
            "  real d_seen[CHUNK][R][L] ALIGNED;   /* of what was read, */",
            "  real d_write[CHUNK][R][Q] ALIGNED;  /* and of the vectors; `d_write` of both where they are one. */",
            "  real d_read[CHUNK][R][Q] ALIGNED;",
            "  real d_decay[CHUNK][Q] ALIGNED;",
            "} Chunk;",
            "#define READ write" if spec.shared or not spec.reading else "#define READ read",
            "",
            "INLINE void load(Chunk *c, const real *const *inputs, const long *base, long first, long count, long H) {",
            "  for (long t = 0; t < count; t++)",
            "    for (int g = 0; g < G; g++) {",
            "      const long at = base[g] + (first + t) * H;",
            *loads,
            "    }",
            "}",
        ]
    )
