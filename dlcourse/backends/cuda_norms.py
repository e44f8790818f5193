"""The kernels of batch norm and layer norm, in CUDA C. x is seen as R rows of C channels, channels side by side.

A channel is summed over the rows in two levels: a block of 8 x 32 threads takes 32 channels and some of the rows; the
last block to finish for these channels adds the parts up. So a sum has the same order every time.
"""

from .cuda_kernel import Kernel
from .cuda_sources import INDEX, TOTAL, WARP

# add_up: threads with y = 0 get the sum over the 8 threads of their channel. joined: two means and two sums of squared
# distances become one of each, without a difference of two large numbers (Chan, Golub & LeVeque 1979).
TILES = """
__device__ float add_up(float mine) {
  __shared__ float tile[8][32];
  int x = threadIdx.x % 32, y = threadIdx.x / 32;
  __syncthreads();
  tile[y][x] = mine;
  __syncthreads();
  float sum = 0.f;
  if (y == 0) for (int i = 0; i < 8; i++) sum += tile[i][x];
  return sum;
}
struct Spread { float n, mean, squares; };
__device__ Spread joined(Spread a, Spread b) {
  Spread all = {a.n + b.n, a.mean, a.squares};
  if (b.n == 0.f) return all;
  float apart = b.mean - a.mean, part = b.n / all.n;
  all.mean += apart * part;
  all.squares += b.squares + apart * apart * a.n * part;
  return all;
}
"""

CHANNEL_STATISTICS = Kernel(
    """
extern "C" __global__ void channel_statistics(const REAL* rows, volatile float* parts, float* mean, float* var,
                                              float* n, unsigned* tickets, long long R, int C, int tiles) {
  __shared__ Spread tile[8][32];
  int x = threadIdx.x % 32, y = threadIdx.x / 32, many = gridDim.x / tiles, part = blockIdx.x / tiles;
  int c = blockIdx.x % tiles * 32 + x;
  Spread mine = {0.f, 0.f, 0.f};
  if (c < C)
    for (long long r = part * 8 + y; r < R; r += many * 8) {
      Spread one = {1.f, rows[r * C + c], 0.f};
      mine = joined(mine, one);
    }
  tile[y][x] = mine;
  __syncthreads();
  if (y == 0 && c < C) {
    for (int i = 1; i < 8; i++) mine = joined(mine, tile[i][x]);
    volatile float* place = parts + ((long long)part * C + c) * 3;
    place[0] = mine.n, place[1] = mine.mean, place[2] = mine.squares;
  }
  if (!last_block(tickets + blockIdx.x % tiles, many)) return;
  if (y == 0 && c < C) {
    Spread all = {0.f, 0.f, 0.f};
    for (int i = 0; i < many; i++) {
      volatile float* place = parts + ((long long)i * C + c) * 3;
      Spread next = {place[0], place[1], place[2]};
      all = joined(all, next);
    }
    mean[c] = all.mean;
    var[c] = all.squares / R;
    if (c == 0) n[0] = R;
  }
}
""",
    WARP + TOTAL + TILES,
)

# dβ and dγ of a channel. mean and scale belong to the channel, or (by_row) to the row; scale is 1/σ, with eps >= 0 σ².
CHANNEL_GRADIENTS = Kernel(
    """
extern "C" __global__ void channel_gradients(const REAL* dy, const REAL* rows, const float* mean, const float* scale,
                                             volatile float* parts, float* dgamma, float* dbeta, unsigned* tickets,
                                             long long R, int C, int tiles, int by_row, float eps) {
  int x = threadIdx.x % 32, y = threadIdx.x / 32, many = gridDim.x / tiles, part = blockIdx.x / tiles;
  int c = blockIdx.x % tiles * 32 + x;
  float sum = 0.f, product = 0.f;
  if (c < C)
    for (long long r = part * 8 + y; r < R; r += many * 8) {
      long long owner = by_row ? r : c;
      float d = dy[r * C + c], inv = eps < 0.f ? scale[owner] : 1.f / sqrtf(scale[owner] + eps);
      sum += d;
      product += d * ((rows[r * C + c] - mean[owner]) * inv);
    }
  sum = add_up(sum);
  product = add_up(product);
  if (y == 0 && c < C) {
    parts[((long long)part * C + c) * 2] = sum;
    parts[((long long)part * C + c) * 2 + 1] = product;
  }
  if (!last_block(tickets + blockIdx.x % tiles, many)) return;
  if (y == 0 && c < C) {
    sum = product = 0.f;
    for (int i = 0; i < many; i++) {
      sum += parts[((long long)i * C + c) * 2];
      product += parts[((long long)i * C + c) * 2 + 1];
    }
    dbeta[c] = sum;
    dgamma[c] = product;
  }
}
""",
    WARP + TOTAL + TILES,
)

NORMALIZE = Kernel(
    """
extern "C" __global__ void normalize(const REAL* x, const float* gamma, const float* beta, const float* mean,
                                     const float* var, REAL* y, long long size, int C, float eps) {
  long long i = here();
  if (i >= size) return;
  int c = i % C;
  y[i] = (x[i] - mean[c]) * (gamma[c] / sqrtf(var[c] + eps)) + beta[c];
}
""",
    INDEX,
)

BATCHNORM_DX = Kernel(
    """
extern "C" __global__ void batchnorm_dx(const REAL* dy, const REAL* x, const float* gamma, const float* mean,
                                        const float* var, const float* n, const float* dgamma, const float* dbeta,
                                        REAL* dx, long long size, int C, float eps) {
  long long i = here();
  if (i >= size) return;
  int c = i % C;
  float inv = 1.f / sqrtf(var[c] + eps), xhat = (x[i] - mean[c]) * inv;
  dx[i] = (dy[i] - xhat * (dgamma[c] / n[0]) - dbeta[c] / n[0]) * (gamma[c] * inv);
}
""",
    INDEX,
)

# One block: all channels must be sound before any running number moves.
UPDATE_RUNNING = Kernel(
    """
extern "C" __global__ void update_running(float* running_mean, float* running_var, const float* mean, const float* var,
                                          const float* n, int C, float momentum) {
  const float most = 3.402823466e38f;
  int sound = n[0] > 1.f;
  for (int c = threadIdx.x; c < C; c += 256) sound &= fabsf(mean[c]) <= most && fabsf(var[c]) <= most;
  if (!__syncthreads_and(sound)) return;
  for (int c = threadIdx.x; c < C; c += 256) {
    running_mean[c] += momentum * (mean[c] - running_mean[c]);
    running_var[c] += momentum * (var[c] * (n[0] / (n[0] - 1.f)) - running_var[c]);
  }
}
"""
)

# A warp for each row.
LAYERNORM = Kernel(
    """
extern "C" __global__ void layernorm(const REAL* x, const float* gamma, const float* beta, float* mean, float* inv,
                                     REAL* y, int B, int C, float eps) {
  int row = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row >= B) return;
  const REAL* mine = x + (long long)row * C;
  float sum = 0.f, squares = 0.f;
  for (int c = lane; c < C; c += 32) sum += mine[c];
  float mu = warp_sum(sum) / C;
  for (int c = lane; c < C; c += 32) squares += (mine[c] - mu) * (mine[c] - mu);
  float scale = 1.f / sqrtf(warp_sum(squares) / C + eps);
  for (int c = lane; c < C; c += 32) y[(long long)row * C + c] = (mine[c] - mu) * scale * gamma[c] + beta[c];
  if (lane == 0) mean[row] = mu, inv[row] = scale;
}
""",
    WARP,
)

LAYERNORM_DX = Kernel(
    """
extern "C" __global__ void layernorm_dx(const REAL* dy, const REAL* x, const float* gamma, const float* mean,
                                        const float* inv, REAL* dx, int B, int C) {
  int row = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row >= B) return;
  long long start = (long long)row * C;
  float mu = mean[row], scale = inv[row], sum = 0.f, product = 0.f;
  for (int c = lane; c < C; c += 32) {
    float g = dy[start + c] * gamma[c];
    sum += g;
    product += g * ((x[start + c] - mu) * scale);
  }
  sum = warp_sum(sum) / C;
  product = warp_sum(product) / C;
  for (int c = lane; c < C; c += 32)
    dx[start + c] = (dy[start + c] * gamma[c] - sum - (x[start + c] - mu) * scale * product) * scale;
}
""",
    WARP,
)
