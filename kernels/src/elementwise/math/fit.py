"""The polynomials of single.rs and double.rs: `python fit.py` (needs mpmath) prints their coefficients.

Each is the minimax approximation of a function, with the error weighted so that it is relative to the result that the
polynomial is part of; found by Remez exchange in 50 digits.
"""

from mpmath import cos, erf, erfc, exp, expm1, log, log1p, lu_solve, matrix, mp, mpf, nstr, pi, sin, sqrt, tanh

mp.dps = 50


def remez(f, weight, a, b, degree):
    """The coefficients, constant first, that minimize the largest |weight (p - f)| over [a, b], and that error."""
    a, b = mpf(a), mpf(b)
    n = degree + 2
    nodes = lambda count: [(a + b) / 2 - (b - a) / 2 * cos(pi * k / count) for k in range(count + 1)]
    points = nodes(n - 1)
    grid = nodes(40 * n)
    for _ in range(12):
        system, right = matrix(n, n), matrix(n, 1)
        for i, x in enumerate(points):
            for j in range(n - 1):
                system[i, j] = x**j
            system[i, n - 1] = (-1) ** i / weight(x)
            right[i] = f(x)
        solution = lu_solve(system, right)
        coefficients = [solution[j] for j in range(n - 1)]
        errors = [weight(x) * (mp.polyval(coefficients[::-1], x) - f(x)) for x in grid]
        # The extremes: the largest error of each run of one sign.
        extremes = []
        for i, error in enumerate(errors):
            if extremes and errors[extremes[-1]] * error > 0:
                if abs(error) > abs(errors[extremes[-1]]):
                    extremes[-1] = i
            else:
                extremes.append(i)
        while len(extremes) > n:
            extremes.pop(0 if abs(errors[extremes[0]]) < abs(errors[extremes[-1]]) else -1)
        if len(extremes) < n:
            break
        points = [grid[i] for i in extremes]
    return coefficients, max(abs(error) for error in errors)


def show(name, f, weight, a, b, degree, digits):
    coefficients, error = remez(f, weight, a, b, degree)
    print(f"{name}: 2^{float(mp.log(error, 2)):.1f}")
    for c in coefficients:
        print("   ", nstr(c, digits))


# Near 0 the quotients are replaced by the first terms of their series.
half_ln2 = log(2) / 2 * mpf("1.0001")
exp_rest = lambda r: (expm1(r) - r) / r**2 if abs(r) > 1e-15 else mpf(1) / 2 + r / 6
show("exp f32", exp_rest, lambda r: max(r * r, mpf("1e-4")), -half_ln2, half_ln2, 5, 10)
show("exp f64", exp_rest, lambda r: r if abs(r) > 0.01 else mpf("0.01"), -half_ln2, half_ln2, 9, 17)

log_rest = lambda f: (log1p(f) - f + f * f / 2) / f**3 if abs(f) > 1e-12 else mpf(1) / 3 - f / 4
show("log f32", log_rest, lambda f: max(f * f, mpf("1e-4")), sqrt(mpf(0.5)) - 1, sqrt(mpf(2)) - 1, 8, 10)

atanh_rest = lambda z: (log((1 + sqrt(z)) / (1 - sqrt(z))) - 2 * sqrt(z)) / sqrt(z) ** 3 if z > 1e-15 else mpf(2) / 3
largest = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * mpf("1.0001")
show("log f64", atanh_rest, lambda z: z + mpf("1e-4"), 0, largest, 6, 17)

tanh_rest = lambda z: (tanh(sqrt(z)) - sqrt(z)) / sqrt(z) ** 3 if z > 1e-15 else -mpf(1) / 3
show("tanh f32", tanh_rest, lambda z: z + mpf("1e-4"), 0, mpf("0.65") ** 2, 5, 10)

sin_rest = lambda z: (sin(sqrt(z)) - sqrt(z)) / sqrt(z) ** 3 if z > 1e-12 else -mpf(1) / 6 + z / 120
cos_rest = lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2 if z > 1e-8 else mpf(1) / 24 - z / 720
quarter = (pi / 4) ** 2 * mpf("1.001")
show("sin", sin_rest, lambda z: z + mpf("1e-3"), 0, quarter, 3, 17)
show("cos", cos_rest, lambda z: z * z + mpf("1e-3"), 0, quarter, 3, 17)

# Subtract 1 from the first coefficient of erf(x) / x.
erf_part = lambda z: erf(sqrt(z)) / sqrt(z) if z > 1e-30 else 2 / sqrt(pi)
show("erf f32", erf_part, lambda z: mpf(1), 0, 1, 6, 10)
show("erf f64", erf_part, lambda z: mpf(1), 0, 1, 11, 17)
for name, k, high, degree, digits in [("erfc f32", 3, 10.5, 9, 10), ("erfc f64", 4, 28, 20, 17)]:
    k, low, high = mpf(k), mpf("0.95"), mpf(high)
    x = lambda t: k * (1 + t) / (1 - t)
    part = lambda t: erfc(x(t)) * exp(x(t) ** 2) * (1 + 2 * x(t))
    show(name, part, lambda t: 1 / part(t), (low - k) / (low + k), (high - k) / (high + k), degree, digits)
