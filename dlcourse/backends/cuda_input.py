"""The kernel that makes a batch of examples which lie on the device as bytes."""

from .cuda_kernel import Kernel
from .cuda_sources import INDEX

# A true division: the numbers are those of the host, bit for bit.
GATHER_BYTES = Kernel(
    """
extern "C" __global__ void gather_bytes(const unsigned char* x, const long long* rows, float* y, long long size,
                                        long long F, float scale) {
  long long i = here();
  if (i < size) y[i] = (float)x[rows[i / F] * F + i % F] / scale;
}
""",
    INDEX,
)
