"""The kernels for rows and for flat vectors, in CUDA C: loss, dropout, ReLU, sums, update rules.

REAL is the type of activations: float, or Half, a number in 16 bits; all else is float. Built-in names only, no header
(NVRTC knows no INFINITY). CuPy compiles with -ftz=true: numbers below 1.2e-38 become 0. The compiler may join a product
and a sum into one rounding. A sum is always taken in the same order.
"""

from .cuda_kernel import Kernel

INDEX = """
__device__ __forceinline__ long long here() { return blockIdx.x * (long long)blockDim.x + threadIdx.x; }
"""

# All 32 threads of a warp get the sum, or the largest, of their numbers.
WARP = """
__device__ __forceinline__ float warp_sum(float x) {
  for (int far = 16; far; far >>= 1) x += __shfl_xor_sync(0xffffffffu, x, far);
  return x;
}
__device__ __forceinline__ float warp_max(float x) {
  for (int far = 16; far; far >>= 1) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, far));
  return x;
}
"""

# block_sum: thread 0 gets the sum over a block of 256 threads. last_block: true in that block which is the last to come
# here; by then it can read what the others have written. The ticket then stands at 0 again, for the next launch.
TOTAL = """
__device__ float block_sum(float x) {
  __shared__ float part[8];
  x = warp_sum(x);
  __syncthreads();
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = x;
  __syncthreads();
  return warp_sum(threadIdx.x < 8 ? part[threadIdx.x] : 0.f);
}
__device__ bool last_block(unsigned* ticket, unsigned blocks) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) last = atomicInc(ticket, blocks - 1) == blocks - 1;
  __syncthreads();
  __threadfence();
  return last;
}
"""

RELU_BACKWARD = Kernel(
    """
extern "C" __global__ void relu_backward(const REAL* da, const REAL* a, REAL* dz, long long n) {
  long long i = here();
  if (i < n) dz[i] = a[i] > 0.f ? da[i] : da[i] * 0.f;
}
""",
    INDEX,
)

# Losses: n, where it is given, says on the device how many rows count; those after them only fill a batch up.
ROWS = """
__device__ __forceinline__ bool counts(long long row, const float* n) { return !n || row < *n; }
__device__ void add_up(volatile float* losses, float* total, unsigned* ticket, int B) {
  if (!last_block(ticket, gridDim.x)) return;
  float sum = 0.f;
  for (int i = threadIdx.x; i < B; i += 256) sum += losses[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *total = sum;
}
"""

# A warp for each row. Three passes over K scores: the largest, the sum of powers, p. T is never stored.
SOFTMAX_CROSS_ENTROPY = Kernel(
    """
extern "C" __global__ void softmax_cross_entropy(const float* z, const LABEL* t, float* p, volatile float* losses,
                                                 float* total, unsigned* ticket, int B, int K, float smoothing,
                                                 const float* n) {
  int row = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row < B) {
    const float* scores = z + (long long)row * K;
    long long label = (long long)t[row];
    float top = -3.402823466e38f, sum = 0.f, right = 0.f;
    for (int k = lane; k < K; k += 32) top = fmaxf(top, scores[k]);
    top = warp_max(top);
    for (int k = lane; k < K; k += 32) sum += expf(scores[k] - top);
    float log_sum = logf(warp_sum(sum));
    for (int k = lane; k < K; k += 32) {
      float logp = scores[k] - top - log_sum;
      right += ((k == label ? 1.f - smoothing : 0.f) + smoothing / K) * logp;
      p[(long long)row * K + k] = expf(logp);
    }
    right = warp_sum(right);
    if (lane == 0) losses[row] = counts(row, n) ? -right : 0.f;
  }
  add_up(losses, total, ticket, B);
}
""",
    WARP + TOTAL + ROWS,
)

SOFTMAX_CROSS_ENTROPY_BACKWARD = Kernel(
    """
extern "C" __global__ void softmax_cross_entropy_backward(const float* p, const LABEL* t, float* dz, long long size,
                                                          int K, float smoothing, float whole, const float* n) {
  long long i = here();
  if (i >= size) return;
  float target = (i % K == (long long)t[i / K] ? 1.f - smoothing : 0.f) + smoothing / K;
  dz[i] = counts(i / K, n) ? (p[i] - target) * (1.f / (n ? *n : whole)) : 0.f;
}
""",
    INDEX + WARP + TOTAL + ROWS,
)

# Philox4x32-10 of (feature / 4, row, step, layer) under the key: four numbers for four neighbours (Salmon et al. 2011).
DROPOUT = Kernel(
    """
extern "C" __global__ void dropout(const REAL* x, REAL* y, bool* mask, const long long* step, int rows, int F,
                                   unsigned limit, float scale, unsigned k0, unsigned k1, unsigned layer,
                                   unsigned row) {
  int quads = (F + 3) / 4;
  long long i = here(), n = i / quads;
  if (n >= rows) return;
  unsigned first = i % quads;
  unsigned c0 = first, c1 = row + (unsigned)n, c2 = (unsigned)*step, c3 = layer;
  for (int round = 0; round < 10; round++) {
    unsigned high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    unsigned high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ k0, c1 = low1, c2 = high0 ^ c3 ^ k1, c3 = low0;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  unsigned word[4] = {c0, c1, c2, c3};
  for (int lane = 0; lane < 4; lane++) {
    long long f = 4LL * first + lane, at = n * F + f;
    if (f >= F) return;
    mask[at] = word[lane] >= limit;
    y[at] = x[at] * (mask[at] ? 1.f : 0.f) * scale;
  }
}
""",
    INDEX,
)

DROPOUT_BACKWARD = Kernel(
    """
extern "C" __global__ void dropout_backward(const REAL* dy, const bool* mask, REAL* dx, long long n, float scale) {
  long long i = here();
  if (i < n) dx[i] = dy[i] * (mask[i] ? 1.f : 0.f) * scale;
}
""",
    INDEX,
)
