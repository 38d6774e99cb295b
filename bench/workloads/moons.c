/* One training step of the moons network by hand: see moons.py, which states the work.
 *
 * The parameters lie in one array: w1 (2,16), b1, w2 (16,16), b2, w3 (16), b3. Writes the new
 * parameters and returns the loss. The loops over the 16 neurons have constant length, so that the
 * compiler unrolls and vectorises them.
 */

enum { D = 2, H = 16, W1 = 0, B1 = W1 + D * H, W2 = B1 + H, B2 = W2 + H * H, W3 = B2 + H,
       B3 = W3 + H, SIZE = B3 + 1 };

double moons_step(int n, const double *restrict x, const double *restrict y,
                  const double *restrict p, double *restrict next, double alpha, double rate)
{
    double g[SIZE], loss = 0.0, squares = 0.0;

    for (int i = 0; i < SIZE; i++) {
        g[i] = 2.0 * alpha * p[i];
        squares += p[i] * p[i];
    }
    for (int k = 0; k < n; k++) {
        double h1[H], h2[H], g1[H], g2[H], score = p[B3];

        for (int j = 0; j < H; j++) {
            double a = p[B1 + j] + x[D * k] * p[W1 + j] + x[D * k + 1] * p[W1 + H + j];
            h1[j] = a > 0.0 ? a : 0.0;
            h2[j] = p[B2 + j];
            g1[j] = 0.0;
        }
        for (int i = 0; i < H; i++)
            for (int j = 0; j < H; j++)
                h2[j] += h1[i] * p[W2 + i * H + j];
        for (int j = 0; j < H; j++) {
            h2[j] = h2[j] > 0.0 ? h2[j] : 0.0;
            score += h2[j] * p[W3 + j];
        }
        double margin = 1.0 - y[k] * score;
        if (margin <= 0.0)
            continue;
        loss += margin;

        double slope = -y[k] / n;
        g[B3] += slope;
        for (int j = 0; j < H; j++) {
            g[W3 + j] += slope * h2[j];
            g2[j] = h2[j] > 0.0 ? slope * p[W3 + j] : 0.0;
            g[B2 + j] += g2[j];
        }
        for (int i = 0; i < H; i++) {
            double sum = 0.0;
            for (int j = 0; j < H; j++) {
                g[W2 + i * H + j] += h1[i] * g2[j];
                sum += p[W2 + i * H + j] * g2[j];
            }
            g1[i] = h1[i] > 0.0 ? sum : 0.0;
        }
        for (int j = 0; j < H; j++) {
            g[B1 + j] += g1[j];
            g[W1 + j] += x[D * k] * g1[j];
            g[W1 + H + j] += x[D * k + 1] * g1[j];
        }
    }
    for (int i = 0; i < SIZE; i++)
        next[i] = p[i] - rate * g[i];
    return loss / n + alpha * squares;
}
