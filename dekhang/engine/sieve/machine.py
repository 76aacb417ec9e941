"""The few machine instructions that Python has no word for: eight bytes at once, a full product, the lowest bit.

Loads and stores go through no bounds check: callers keep PADDING readable bytes behind every text.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from dekhang.engine.native import instruction

PADDING = 16

# every constant of 64 bits; numba would otherwise mix signed and unsigned into floating point
ONES = np.uint64(0x0101010101010101)
HIGHS = np.uint64(0x8080808080808080)
QUOTES = np.uint64(0x2222222222222222)
BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
BLANKS = np.uint64(0x2020202020202020)
FROM_A = np.uint64(0x3F3F3F3F3F3F3F3F)  # added to an ASCII byte: the high bit says ≥ "A"
BEYOND_Z = np.uint64(0x2525252525252525)  # … > "Z"


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any, bits: int) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    address = builder.gep(array.data, [arguments[1]])
    return builder.bitcast(address, ir.IntType(bits).as_pointer())


@instruction
def load8(typing: Any, text: Any, at: Any) -> Any:
    """Return the eight bytes of a uint8 array from `at`, the first one lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(context, builder, signature, arguments, 64), align=1)

    return types.uint64(text, types.intp), generate


@instruction
def load4(typing: Any, text: Any, at: Any) -> Any:
    """Return the four bytes of a uint8 array from `at`, the first one lowest, as uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = builder.load(_pointer(context, builder, signature, arguments, 32), align=1)
        return builder.zext(word, ir.IntType(64))

    return types.uint64(text, types.intp), generate


@instruction
def store8(typing: Any, text: Any, at: Any, word: Any) -> Any:
    """Write eight bytes into a uint8 array from `at`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _pointer(context, builder, signature, arguments, 64), align=1)
        return context.get_dummy_value()

    return types.void(text, types.intp, types.uint64), generate


@instruction
def lowest_byte(typing: Any, mask: Any) -> Any:
    """Return which byte (0–7) holds the lowest set bit; the mask is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zeros = builder.cttz(arguments[0], cgutils.true_bit)
        return builder.lshr(zeros, ir.Constant(ir.IntType(64), 3))

    return types.intp(types.uint64), generate


@instruction
def mix(typing: Any, left: Any, right: Any) -> Any:
    """Return both halves of the 128-bit product, exclusive-ored."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))
        return builder.xor(high, builder.trunc(product, ir.IntType(64)))

    return types.uint64(types.uint64, types.uint64), generate
