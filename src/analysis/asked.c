/* What was asked beside the prompts: earlier turns, system messages, beginnings of answers. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"

static void count_asked(const struct sc_run_instance *instance, struct sc_asked *out)
{
    const struct sc_conversation *turns = &instance->conversation;
    size_t n_system = 0;
    for (size_t i = 0; i < turns->n; i++)
        n_system += strcmp(turns->messages[i].role, "system") == 0;
    out->n_system += n_system > 0;
    out->n_conversations += turns->n > n_system + 1;
    out->n_prefilled += instance->prefill != NULL;
}

/* Adds a sentence, whole or not at all. */
static void say(struct sc_asked *asked, const char *format, ...) SC_PRINTF(2, 3);
static void say(struct sc_asked *asked, const char *format, ...)
{
    size_t used = strlen(asked->note), room = sizeof asked->note - used;
    va_list values;
    if (used > 0 && room > 1)
        asked->note[used++] = ' ', room--;
    va_start(values, format);
    int n = vsnprintf(asked->note + used, room, format, values);
    va_end(values);
    if (n < 0 || (size_t)n >= room)
        asked->note[used] = '\0';
}

/* What the configuration says of the frame, which is read from a file and not trusted. */
static void say_frame(struct sc_asked *asked, const char *frame)
{
    static const char mark[] = ", date ", shape[] = "dddd-dd-dd";
    const char *date = frame != NULL ? strstr(frame, mark) : NULL;
    if (frame != NULL && strcmp(frame, "raw") == 0)
        say(asked, "Prompts were given as they are, without a chat template (raw).");
    if (date == NULL)
        return;
    date += strlen(mark);
    for (size_t i = 0; shape[i] != '\0'; i++) {
        bool digit = date[i] >= '0' && date[i] <= '9';
        if (shape[i] == 'd' ? !digit : date[i] != shape[i])
            return;
    }
    say(asked, "The chat template told the model that today is %.10s.", date);
}

void sc_analyse_asked(struct sc_analysis *a, struct sc_error *error)
{
    (void)error;
    const struct sc_run *run = a->run;
    struct sc_asked *asked = &a->asked;
    size_t n = run->n_instances;
    *asked = (struct sc_asked){
        .special = json_is_true(json_object_get(json_object_get(a->config, "model"), "special"))};
    for (size_t i = 0; i < n; i++)
        count_asked(&run->instances[i], asked);
    if (asked->n_system > 0)
        say(asked, "%zu of %zu prompts were asked under a system message.", asked->n_system, n);
    if (asked->n_conversations > 0)
        say(asked, "%zu of %zu prompts came after earlier turns of a conversation.",
            asked->n_conversations, n);
    if (asked->n_conversations > 0 && run->multi_turn)
        say(asked,
            "Their earlier turns were answered by the model itself, one after another; verdicts "
            "and confidence are those of the last answer.");
    if (asked->n_prefilled > 0)
        say(asked,
            "The answers to %zu of %zu prompts begin with a text that was given to the model and "
            "not sampled (a prefill): verdicts read it and what follows together, confidence is "
            "that of what follows.",
            asked->n_prefilled, n);
    if (asked->special)
        say(asked, "Control tokens written in prompts were control tokens (--special).");
    say_frame(asked,
              json_string_value(json_object_get(json_object_get(a->config, "model"), "frame")));
}
