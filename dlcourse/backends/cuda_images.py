"""The kernels for images, in CUDA C: windows as rows of a matrix and back, and pooling. Images are (B,Y,X,C).

Each thread makes one number of the result and gathers what it needs: nothing is added by two threads, so the order of
every sum is fixed. Neighbouring threads are neighbouring channels: they read and write side by side.
"""

from .cuda_kernel import Kernel
from .cuda_sources import INDEX

# The place (n, i, j, c) of number i of an array (B,Y,X,C).
PLACE = """
struct Place { long long n; int i, j, c; };
__device__ __forceinline__ Place place(long long at, int Y, int X, int C) {
  Place p;
  p.c = at % C, at /= C;
  p.j = at % X, at /= X;
  p.i = at % Y, p.n = at / Y;
  return p;
}
"""

# rows[(n,i,j), (r,s,c)] = x[n, iS+r-P, jS+s-P, c], 0 beyond the edge.
IM2COL = Kernel(
    """
extern "C" __global__ void im2col(const REAL* x, REAL* rows, long long size, int Y, int X, int C, int kY, int kX,
                                  int Yout, int Xout, int S, int P) {
  long long at = here();
  if (at >= size) return;
  Place tap = place(at, kY, kX, C), out = place(tap.n, Yout, Xout, 1);
  int i = out.i * S + tap.i - P, j = out.j * S + tap.j - P;
  bool inside = i >= 0 && i < Y && j >= 0 && j < X;
  rows[at] = inside ? x[((out.n * Y + i) * X + j) * C + tap.c] : 0.f;
}
""",
    INDEX + PLACE,
)

# The way back: each pixel adds up the places of `rows` that were copied from it.
COL2IM = Kernel(
    """
extern "C" __global__ void col2im(const REAL* rows, REAL* dx, long long size, int Y, int X, int C, int kY, int kX,
                                  int Yout, int Xout, int S, int P) {
  long long at = here();
  if (at >= size) return;
  Place pixel = place(at, Y, X, C);
  float sum = 0.f;
  for (int r = 0; r < kY; r++) {
    int i = pixel.i + P - r;
    if (i < 0 || i % S || i / S >= Yout) continue;
    for (int s = 0; s < kX; s++) {
      int j = pixel.j + P - s;
      if (j < 0 || j % S || j / S >= Xout) continue;
      sum += rows[((((pixel.n * Yout + i / S) * Xout + j / S) * kY + r) * kX + s) * C + pixel.c];
    }
  }
  dx[at] = sum;
}
""",
    INDEX + PLACE,
)

POOL = """
extern "C" __global__ void {name}(const REAL* x, REAL* y, long long size, int Y, int X, int C, int Yout, int Xout,
                                 int window, int S) {{
  long long at = here();
  if (at >= size) return;
  Place out = place(at, Yout, Xout, C);
  float {start};
  for (int r = 0; r < window; r++)
    for (int s = 0; s < window; s++) {{
      float seen = x[((out.n * Y + out.i * S + r) * X + out.j * S + s) * C + out.c];
      {take}
    }}
  y[at] = {result};
}}
"""
MAXPOOL2D = Kernel(
    POOL.format(
        name="maxpool2d",
        start="most = x[((out.n * Y + out.i * S) * X + out.j * S) * C + out.c]",
        take="most = seen > most || seen != seen ? seen : most;",
        result="most",
    ),
    INDEX + PLACE,
)
AVGPOOL2D = Kernel(
    POOL.format(name="avgpool2d", start="sum = 0.f", take="sum += seen;", result="sum * (1.f / (window * window))"),
    INDEX + PLACE,
)

# A pixel gathers from each window that saw it: from the maximum only where it is the window's first largest number.
UNPOOL = """
extern "C" __global__ void {name}(const REAL* dy, const REAL* x, REAL* dx, long long size, int Y, int X, int C,
                                 int Yout, int Xout, int window, int S) {{
  long long at = here();
  if (at >= size) return;
  Place pixel = place(at, Y, X, C);
  float sum = 0.f;
  int top = pixel.i < window ? 0 : (pixel.i - window) / S + 1, left = pixel.j < window ? 0 : (pixel.j - window) / S + 1;
  for (int i = top; i < Yout && i * S <= pixel.i; i++)
    for (int j = left; j < Xout && j * S <= pixel.j; j++) {{
      float d = dy[((pixel.n * Yout + i) * Xout + j) * C + pixel.c];
      {take}
    }}
  dx[at] = {result};
}}
"""
MAXPOOL2D_BACKWARD = Kernel(
    UNPOOL.format(
        name="maxpool2d_backward",
        take="""bool first = x[at] == x[at];
      for (int r = 0; r < window && first; r++)
        for (int s = 0; s < window && first; s++) {
          int a = i * S + r, b = j * S + s;
          float other = x[((pixel.n * Y + a) * X + b) * C + pixel.c];
          bool before = a < pixel.i || (a == pixel.i && b < pixel.j);
          first = other == other && (before ? other < x[at] : other <= x[at]);
        }
      if (first) sum += d;""",
        result="sum",
    ),
    INDEX + PLACE,
)
AVGPOOL2D_BACKWARD = Kernel(
    UNPOOL.format(name="avgpool2d_backward", take="sum += d;", result="sum * (1.f / (window * window))"),
    INDEX + PLACE,
)
