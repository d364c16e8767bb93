/* Any bytes as the formula of a rubric: what is accepted has a value, the same twice. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "judge/formula.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a", "b"};
    static const double values[] = {2, -0.25};
    struct sc_formula *formula = NULL;
    struct sc_error error = {0};
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    enum sc_status status = sc_formula_parse(&formula, text, names, 2, &error);
    free(text);
    if (status != SC_OK)
        return error.text[0] != '\0' ? 0 : (abort(), 0);
    double one = sc_formula_value(formula, values), two = sc_formula_value(formula, values);
    if (isinf(one) || !(one == two || (isnan(one) && isnan(two))))
        abort();
    sc_formula_free(formula);
    return 0;
}
