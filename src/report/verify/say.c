/* What was verified, for people and for machines (verify.h). */
#include <string.h>

#include "base/json_writer.h"
#include "report/verify/verify.h"

const char *sc_check_name(enum sc_check check)
{
    static const char *const names[SC_N_CHECKS] = {"file", "keys", "values", "model", "files"};
    return names[check];
}

const char *sc_check_result_name(enum sc_check_result result)
{
    static const char *const names[SC_N_CHECK_RESULTS] = {"ok", "wrong", "skipped"};
    return names[result];
}

static void say_run(const struct sc_verified *run, struct sc_text *out)
{
    sc_text_add_visible(out, run->folder, strlen(run->folder), false);
    sc_text_putc(out, '\n');
    for (int check = 0; check < SC_N_CHECKS; check++) {
        const struct sc_text *words = &run->checks[check].words;
        sc_text_printf(out, "  %-8s %-7s ", sc_check_result_name(run->checks[check].result),
                       sc_check_name((enum sc_check)check));
        sc_text_add_visible(out, words->data != NULL ? words->data : "", words->len, false);
        sc_text_putc(out, '\n');
    }
    if (run->mends == NULL)
        return;
    sc_text_printf(out, "  what helps: %s ", run->mends);
    sc_text_add_visible(out, run->folder, strlen(run->folder), false);
    sc_text_putc(out, '\n');
}

void sc_verification_say(const struct sc_verification *verification, struct sc_text *out)
{
    for (size_t i = 0; i < verification->n; i++)
        say_run(&verification->runs[i], out);
}

static void put_run(struct sc_json_writer *json, const struct sc_verified *run)
{
    sc_json_put_object(json, NULL);
    sc_json_put_string(json, "folder", run->folder);
    for (int check = 0; check < SC_N_CHECKS; check++) {
        const struct sc_text *words = &run->checks[check].words;
        sc_json_put_object(json, sc_check_name((enum sc_check)check));
        sc_json_put_string(json, "result", sc_check_result_name(run->checks[check].result));
        sc_json_put_string(json, "words", words->data != NULL ? words->data : "");
        sc_json_put_end_object(json);
    }
    sc_json_put_raw(json, "damaged", run->damaged.data != NULL ? run->damaged.data : "[]");
    if (run->mends != NULL)
        sc_json_put_string(json, "mends", run->mends);
    else
        sc_json_put_null(json, "mends");
    sc_json_put_end_object(json);
}

enum sc_status sc_verification_json(const struct sc_verification *verification, struct sc_text *out,
                                    struct sc_error *error)
{
    struct sc_json_writer json = {.text = out, .pretty = true, .pretty_depth = 3};
    sc_json_put_object(&json, NULL);
    sc_json_put_bool(&json, "whole", verification->whole);
    sc_json_put_array(&json, "runs");
    for (size_t i = 0; i < verification->n; i++)
        put_run(&json, &verification->runs[i]);
    sc_json_put_end_array(&json);
    sc_json_put_end_object(&json);
    sc_text_putc(out, '\n');
    return out->failed ? sc_fail_nomem(error, "what was verified") : SC_OK;
}
