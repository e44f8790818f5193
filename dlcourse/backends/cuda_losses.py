"""The kernels of the two losses for numbers, in CUDA C; that for classes stands in cuda_sources.py, which says more."""

from .cuda_kernel import Kernel
from .cuda_sources import INDEX, ROWS, TOTAL, WARP

# A warp for each row.
MEAN_SQUARED_ERROR = Kernel(
    """
extern "C" __global__ void mean_squared_error(const float* y, const float* t, float* e, volatile float* losses,
                                              float* total, unsigned* ticket, int B, int O, const float* n) {
  int row = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row < B) {
    long long at = (long long)row * O;
    float sum = 0.f;
    for (int o = lane; o < O; o += 32) {
      float off = y[at + o] - t[at + o];
      e[at + o] = off;
      sum += off * off;
    }
    sum = warp_sum(sum);
    if (lane == 0) losses[row] = counts(row, n) ? sum / O : 0.f;
  }
  add_up(losses, total, ticket, B);
}
""",
    WARP + TOTAL + ROWS,
)

MEAN_SQUARED_ERROR_BACKWARD = Kernel(
    """
extern "C" __global__ void mean_squared_error_backward(const float* e, float* dy, long long size, int O, float whole,
                                                       const float* n) {
  long long i = here();
  if (i < size) dy[i] = counts(i / O, n) ? e[i] * (2.f / ((n ? *n : whole) * O)) : 0.f;
}
""",
    INDEX + WARP + TOTAL + ROWS,
)

# From the logits z as max(z, 0) - t z + log(1 + e^-|z|): no power overflows, and no logarithm meets 0.
BINARY_CROSS_ENTROPY = Kernel(
    """
extern "C" __global__ void binary_cross_entropy(const float* z, const float* t, float* p, volatile float* losses,
                                                float* total, unsigned* ticket, int B, int O, const float* n) {
  int row = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row < B) {
    long long at = (long long)row * O;
    float sum = 0.f;
    for (int o = lane; o < O; o += 32) {
      float logit = z[at + o], power = expf(-fabsf(logit));
      sum += (logit > 0.f ? logit : 0.f) - t[at + o] * logit + log1pf(power);
      p[at + o] = (logit >= 0.f ? 1.f : power) / (1.f + power);
    }
    sum = warp_sum(sum);
    if (lane == 0) losses[row] = counts(row, n) ? sum / O : 0.f;
  }
  add_up(losses, total, ticket, B);
}
""",
    WARP + TOTAL + ROWS,
)

BINARY_CROSS_ENTROPY_BACKWARD = Kernel(
    """
extern "C" __global__ void binary_cross_entropy_backward(const float* p, const float* t, float* dz, long long size,
                                                         int O, float whole, const float* n) {
  long long i = here();
  if (i < size) dz[i] = counts(i / O, n) ? (p[i] - t[i]) * (1.f / ((n ? *n : whole) * O)) : 0.f;
}
""",
    INDEX + WARP + TOTAL + ROWS,
)
