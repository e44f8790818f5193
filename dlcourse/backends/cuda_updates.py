"""The kernels for flat vectors, in CUDA C: update rules with all that precedes them, and the numbers that they use.

Whatever the number of layers, a step of an optimizer is one launch over θ, and one of a single warp before it.
"""

from .cuda_half import ROUND
from .cuda_kernel import Kernel
from .cuda_sources import INDEX, TOTAL, WARP

# What happens to one number x of θ: g is its gradient, rate its share of decay, m and v its states.
L2 = "g += x * rate;"
RULES = {
    "sgd": ((), ("lr",), f"{L2} x -= g * *lr;"),
    "momentum": (("v",), ("lr", "mu"), f"{L2} v = v * *mu + g; x -= v * *lr;"),
    "nesterov": (("v",), ("lr", "mu"), f"{L2} v = v * *mu + g; x -= (v * *mu + g) * *lr;"),
    "rmsprop": (
        ("v",),
        ("lr", "rho", "eps"),
        f"{L2} v = v * *rho + g * g * (1.f - *rho); x -= g / (sqrtf(v) + *eps) * *lr;",
    ),
}
ADAM = (
    "m = m * *beta1 + g * (1.f - *beta1); v = v * *beta2 + g * g * (1.f - *beta2); x -= m / (sqrtf(v) + *eps) * *step;"
)
RULES["adam"] = ("m", "v"), ("step", "beta1", "beta2", "eps"), f"{L2} {ADAM}"
RULES["adamw"] = ("m", "v"), ("step", "beta1", "beta2", "eps"), f"x -= x * rate; {ADAM}"


def rule_kernel(name: str) -> Kernel:
    """θ' = rule(θ, ∇), and the states; ∇ is first set to 0 where the loss was not finite, scaled, and kept as used.

    A pointer that is 0 stands for what is not asked for. copy: θ' in 16 bits, for products on tensor cores.
    """
    states, numbers, rule = RULES[name]
    olds = "".join(f"const float* {s}_, " for s in states)
    news = "".join(f"float* new_{s}, " for s in states)
    load = " ".join(f"float {s} = {s}_[i];" for s in states)
    pointers = "".join(f"const float* {n}, " for n in numbers)
    store = " ".join(f"new_{s}[i] = {s};" for s in states)
    return Kernel(
        f"""
extern "C" __global__ void {name}(const float* theta, float* grad, {olds}{pointers}
    const bool* ok, const float* scale, const float* decay, const float* mask,
    float* new_theta, {news}unsigned short* copy, int kind, long long n) {{
  long long i = here();
  if (i >= n) return;
  float x = theta[i], g = ok && !*ok ? 0.f : grad[i], rate = decay ? *decay * (mask ? mask[i] : 1.f) : 0.f;
  if (scale) g *= *scale;
  {load}
  {rule}
  if (ok || scale || decay) grad[i] = g;
  {store}
  new_theta[i] = x;
  if (copy) copy[i] = half_of(x, kind);
}}
""",
        INDEX + ROUND,
    )


RULE_KERNELS = {name: rule_kernel(name) for name in RULES}

# One warp. Thread 0 moves the running numbers on; a place of -1 says that this optimizer has no such number.
ADVANCE = Kernel(
    """
extern "C" __global__ void advance(float* hp, float* live, const float* identity, const bool* ok, const float* squares,
    int n, int lr, int decay, int clip, int beta1, int beta2, int eps, int power1, int power2, int step, int eps_t,
    int shrink, int scale) {
  __shared__ float x[32];
  int i = threadIdx.x;
  if (i < n) x[i] = hp[i];
  __syncthreads();
  if (i == 0) {
    if (clip >= 0) {
      float length = sqrtf(*squares);
      x[scale] = x[clip] / (length < x[clip] ? x[clip] : length);
    }
    if (step >= 0) {
      x[power1] *= x[beta1];
      x[power2] *= x[beta2];
      float root = sqrtf(1.f - x[power2]);
      x[step] = x[lr] * root / (1.f - x[power1]);
      x[eps_t] = x[eps] * root;
    }
    if (shrink >= 0) x[shrink] = x[lr] * x[decay];
  }
  __syncthreads();
  bool good = !ok || *ok;
  if (i >= n) return;
  live[i] = good ? x[i] : identity[i];
  if (good) hp[i] = x[i];
}
"""
)

SUM_OF_SQUARES = Kernel(
    """
extern "C" __global__ void sum_of_squares(const float* x, volatile float* parts, float* total, unsigned* ticket,
                                          long long n) {
  float sum = 0.f;
  for (long long i = here(); i < n; i += gridDim.x * 256LL) sum += x[i] * x[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
  if (!last_block(ticket, gridDim.x)) return;
  sum = 0.f;
  for (int i = threadIdx.x; i < gridDim.x; i += 256) sum += parts[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *total = sum;
}
""",
    INDEX + WARP + TOTAL,
)

# fp16: ∇ was made from a loss times state[0], the scale. It is divided again, and ok says that all of it is finite, and
# the loss, too. The last block moves the scale: twice as large after `growth` good steps, half after a bad one.
UNSCALE = Kernel(
    """
extern "C" __global__ void unscale(float* grad, volatile float* state, const bool* finite, bool* ok,
                                   volatile unsigned* parts, unsigned* ticket, float growth, float most, long long n) {
  float share = 1.f / state[0];
  int sound = 1;
  for (long long i = here(); i < n; i += gridDim.x * 256LL) {
    float g = grad[i];
    sound &= fabsf(g) <= 3.402823466e38f;
    grad[i] = g * share;
  }
  sound = __syncthreads_and(sound);
  if (threadIdx.x == 0) parts[blockIdx.x] = sound;
  if (!last_block(ticket, gridDim.x)) return;
  sound = *finite;
  for (int i = threadIdx.x; i < gridDim.x; i += 256) sound &= parts[i];
  sound = __syncthreads_and(sound);
  if (threadIdx.x) return;
  float scale = state[0], good = state[1] + 1.f;
  *ok = sound;
  state[0] = !sound ? fmaxf(scale * 0.5f, 1.f / most) : good < growth ? scale : fminf(scale * 2.f, most);
  state[1] = sound && good < growth ? good : 0.f;
}
""",
    INDEX + WARP + TOTAL,
)
