"""Numbers in 16 bits, in CUDA C: how they are read and written. Sums and everything between are float, always."""

# kind 1: float16, kind 2: bfloat16, both rounded to the nearest, ties to even.
ROUND = """
__device__ unsigned short half_of(float x, int kind) {
  union { float number; unsigned bits; } u;
  u.number = x;
  if (kind == 2) return x == x ? (u.bits + 0x7FFFu + (u.bits >> 16 & 1u)) >> 16 : 0x7FFFu;
#ifdef __CUDA_ARCH__
  unsigned short h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(x));
  return h;
#else
  union { _Float16 number; unsigned short bits; } half;
  half.number = (_Float16)x;
  return half.bits;
#endif
}
"""

# Half stands where float stands: reading one gives a float, writing a float rounds it.
HALF = """
__device__ float float_of(unsigned short bits) {
  if (KIND == 2) {
    union { unsigned bits; float number; } u;
    u.bits = (unsigned)bits << 16;
    return u.number;
  }
#ifdef __CUDA_ARCH__
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
#else
  union { unsigned short bits; _Float16 number; } half;
  half.bits = bits;
  return (float)half.number;
#endif
}
#ifdef __CUDA_ARCH__
#define MEMBER __device__
#else
#define MEMBER
#endif
struct Half {
  unsigned short bits;
  MEMBER operator float() const { return float_of(bits); }
  MEMBER void operator=(float x) { bits = half_of(x, KIND); }
};
"""
KINDS = {"float16": 1, "bfloat16": 2}


def half(dtype: str) -> str:
    """The type Half, for numbers of this dtype."""
    return ROUND + HALF.replace("KIND", str(KINDS[dtype]))
