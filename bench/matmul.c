/*
 * matmul.c - the product of two matrices, its rows shared among as many goroutines as there are Ps.
 *
 * matmul128  one product of 128x128 doubles
 */
#include "bench/bench.h"
#include "rt0/sync.h"

enum { SIZE = 128 };

typedef double matrix[SIZE][SIZE];

static matrix a, b, product;

struct share {
    int from, to; // rows
    struct waitgroup *all;
};

static void rows(void *arg)
{
    struct share *s = arg;

    for (int i = s->from; i < s->to; i++)
        for (int j = 0; j < SIZE; j++) {
            double sum = 0;
            for (int k = 0; k < SIZE; k++)
                sum += a[i][k] * b[k][j];
            product[i][j] = sum;
        }
    waitgroup_done(s->all);
}

static double matmul128(void)
{
    struct share shares[SIZE];
    struct waitgroup all = {0};
    int n = gomaxprocs(0) < SIZE ? gomaxprocs(0) : SIZE;
    int64_t start = nanotime();

    waitgroup_add(&all, n);
    for (int i = 0; i < n; i++) {
        shares[i] = (struct share){SIZE * i / n, SIZE * (i + 1) / n, &all};
        bench_require(go(rows, &shares[i]) == 0);
    }
    waitgroup_wait(&all);
    int64_t ns = nanotime() - start;
    /* a[i][k] = i + k, b[k][j] = k - j: whole numbers, so the sum is exact. */
    double expected = 0;
    for (int k = 0; k < SIZE; k++)
        expected += (double)(SIZE - 1 + k) * (k - 1);
    bench_require(product[SIZE - 1][1] == expected);
    return (double)ns;
}

static const struct bench benches[] = {
    {"matmul128", .sample = matmul128},
};

int main(int argc, char **argv)
{
    for (int i = 0; i < SIZE; i++)
        for (int k = 0; k < SIZE; k++) {
            a[i][k] = i + k;
            b[i][k] = i - k;
        }
    return bench_main(benches, LENGTH(benches), argc, argv);
}
