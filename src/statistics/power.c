/*
 * power.c - how much would be needed to know, and a share corrected for a detector that errs.
 */
#include <math.h>

#include "statistics/internal.h"
#include "statistics/models.h"

static double normal_below(double x)
{
    return erfc(-x / sqrt(2.0)) / 2;
}

double sc_power(double effect, double standard_error)
{
    if (!(standard_error > 0))
        return NAN;
    double shift = fabs(effect) / standard_error;
    return normal_below(shift - SC_Z95) + normal_below(-shift - SC_Z95);
}

/* The effect in standard errors that has that power: sc_power grows with it. */
static double needed_shift(double power)
{
    if (!(power > 0.05 && power < 1))
        return NAN;
    double low = 0, high = 50;
    for (int i = 0; i < 200; i++) {
        double middle = (low + high) / 2;
        if (sc_power(middle, 1) < power)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double sc_detectable_effect(double standard_error, double power)
{
    return standard_error > 0 ? needed_shift(power) * standard_error : NAN;
}

size_t sc_units_needed(double effect, double standard_error, size_t n, double power)
{
    double shift = needed_shift(power) * standard_error / fabs(effect);
    double units = ceil((double)n * shift * shift * (1 - 1e-12));
    return units >= 0 && units <= 9007199254740992.0 ? (size_t)units : SIZE_MAX;
}

size_t sc_trials_needed(double rate, double half_width)
{
    if (!(rate >= 0 && rate <= 1) || !(half_width > 0 && half_width < 0.5))
        return SIZE_MAX;
    double low_n = 0, high_n = 1; /* too few; enough */
    for (int i = 0; i < 200; i++) {
        double low, high;
        sc_wilson_limits(rate, high_n, &low, &high);
        if ((high - low) / 2 <= half_width)
            break;
        low_n = high_n;
        high_n *= 2;
    }
    while (high_n - low_n > 1 && high_n < 9007199254740992.0) {
        double low, high, middle = floor((low_n + high_n) / 2);
        sc_wilson_limits(rate, middle, &low, &high);
        if ((high - low) / 2 <= half_width)
            high_n = middle;
        else
            low_n = middle;
    }
    return (size_t)high_n;
}

struct sc_estimate sc_rogan_gladen_of(double found, double n_found, struct sc_seen positives,
                                      struct sc_seen negatives)
{
    size_t n = n_found > 0 && n_found < 1e15 ? (size_t)(n_found + 0.5) : 0;
    if (!(found >= 0 && found <= 1) || !(n_found > 0))
        return sc_estimate_none(n, "no share to correct");
    if (!(positives.n > 0 && negatives.n > 0 && positives.right >= 0 && negatives.right >= 0 &&
          positives.right <= positives.n && negatives.right <= negatives.n))
        return sc_estimate_none(n, "the detector's errors are not known");
    double sensitivity = positives.right / positives.n;
    double specificity = negatives.right / negatives.n;
    if (sensitivity + specificity <= 1)
        return sc_estimate_none(n, "the detector is no better than chance");
    double value = (found + specificity - 1) / (sensitivity + specificity - 1);
    struct sc_estimate out = {.value = fmin(1, fmax(0, value)), .low = NAN, .high = NAN, .n = n};

    /* Lang and Reiczigel: added observations, and a shift for the skew that they leave */
    double z2 = SC_Z95 * SC_Z95, trials = n_found + z2;
    double q = (n_found * found + z2 / 2) / trials;
    double se = (positives.right + 1) / (positives.n + 2);
    double sp = (negatives.right + 1) / (negatives.n + 2);
    double gain = se + sp - 1;
    if (gain <= 0) {
        out.reason = "too few labelled answers for an interval";
        return out;
    }
    double share = (q + sp - 1) / gain;
    double from_se = se * (1 - se) / (positives.n + 2), from_sp = sp * (1 - sp) / (negatives.n + 2);
    double shift = 2 * z2 * (share * from_se - (1 - share) * from_sp);
    double half =
        SC_Z95 / gain *
        sqrt(q * (1 - q) / trials + share * share * from_se + (1 - share) * (1 - share) * from_sp);
    out.low = fmin(out.value, fmin(1, fmax(0, share + shift - half)));
    out.high = fmax(out.value, fmin(1, fmax(0, share + shift + half)));
    return out;
}

struct sc_estimate sc_rogan_gladen(double found, double n_found, size_t true_positive,
                                   size_t n_positive, size_t true_negative, size_t n_negative)
{
    return sc_rogan_gladen_of(found, n_found,
                              (struct sc_seen){(double)true_positive, (double)n_positive},
                              (struct sc_seen){(double)true_negative, (double)n_negative});
}
