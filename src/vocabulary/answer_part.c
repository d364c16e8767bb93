/* See answer_part.h. */
#include "vocabulary/answer_part.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* The marks that stand around a reasoning. */
static const struct pair {
    const char *opens, *closes;
    bool alone; /* the closing mark is enough: the opening one may have been part of the prompt */
} pairs[] = {
    {"<think>", "</think>", true},
    {"<thinking>", "</thinking>", true},
    {"<thought>", "</thought>", true},
    {"[THINK]", "[/THINK]", true},
    {"\xe2\x97\x81think\xe2\x96\xb7", "\xe2\x97\x81/think\xe2\x96\xb7", true},
    {"<|begin_of_thought|>", "<|end_of_thought|>", true},
    {"<|START_THINKING|>", "<|END_THINKING|>", true},
    {"<seed:think>", "</seed:think>", true},
    {"<|channel>", "<channel|>", true},
    {"<|inner_prefix|>", "<|inner_suffix|>", true},
    {"<longcat_think>", "</longcat_think>", true},
    {"<reasoning>", "</reasoning>", false},
    {"<analysis>", "</analysis>", false},
    {"<scratchpad>", "</scratchpad>", false},
    {"<SCRATCHPAD_REASONING>", "</SCRATCHPAD_REASONING>", false},
    {"<inner_monologue>", "</inner_monologue>", false},
};
enum { N_PAIRS = sizeof pairs / sizeof *pairs };

/* The marks that may stand around the answer. */
static const char *const wrappers[][2] = {
    {"<answer>", "</answer>"},
    {"<response>", "</response>"},
    {"<final_answer>", "</final_answer>"},
    {"<output>", "</output>"},
    {"<|begin_of_solution|>", "<|end_of_solution|>"},
    {"<|START_RESPONSE|>", "<|END_RESPONSE|>"},
};

struct mark {
    size_t at, end;
    const struct pair *pair;
    bool opens;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_blanks(const char *text, size_t at, size_t end)
{
    while (at < end && is_blank(text[at]))
        at++;
    return at;
}

static bool starts(const char *text, size_t at, size_t n, const char *mark)
{
    size_t m = strlen(mark);
    return n - at >= m && strncasecmp(text + at, mark, m) == 0;
}

/* Where the last one stands, SIZE_MAX: nowhere. */
static size_t find_last(const char *text, size_t n, const char *mark)
{
    size_t found = SIZE_MAX;
    const char *next = text;
    while ((next = memmem(next, n - (size_t)(next - text), mark, strlen(mark))) != NULL)
        found = (size_t)(next++ - text);
    return found;
}

/* Whether a place is in a fenced block; asked of places that ascend. */
struct fence {
    size_t at;
    bool open;
};

static bool in_fence(struct fence *fence, const char *text, size_t at)
{
    const char *next;
    while (at > fence->at && (next = memmem(text + fence->at, at - fence->at, "```", 3)) != NULL) {
        fence->open = !fence->open;
        fence->at = (size_t)(next - text) + 3;
    }
    fence->at = at > fence->at + 2 ? at - 2 : fence->at; /* one may run on over it */
    return fence->open;
}

static bool is_quoted(const char *text, size_t n, size_t at, size_t end)
{
    return (at > 0 && strchr("`\"'", text[at - 1]) != NULL && text[at - 1] != '\0') ||
           (end < n && text[end] == '`');
}

/* The next mark from `at` on that is not in quotes. */
static bool next_mark(const char *text, size_t n, size_t at, struct mark *out)
{
    for (; at < n; at++) {
        char c = text[at];
        if (c != '<' && c != '[' && c != '\xe2')
            continue;
        for (size_t i = 0; i < N_PAIRS; i++) {
            bool opens = starts(text, at, n, pairs[i].opens);
            if (!opens && !starts(text, at, n, pairs[i].closes))
                continue;
            size_t end = at + strlen(opens ? pairs[i].opens : pairs[i].closes);
            if (is_quoted(text, n, at, end))
                break;
            *out = (struct mark){.at = at, .end = end, .pair = &pairs[i], .opens = opens};
            return true;
        }
    }
    return false;
}

/* Whether a mark stands where one would open: at the beginning, or of a line outside code. */
static bool opens_here(const char *text, size_t begin, struct fence *fence, const struct mark *mark)
{
    size_t at = mark->at;
    while (at > begin && (text[at - 1] == ' ' || text[at - 1] == '\t'))
        at--;
    return at == begin || (text[at - 1] == '\n' && !in_fence(fence, text, at));
}

/* Whether a closing mark without an opening one ends a reasoning, and is not spoken of. */
static bool closes_alone(const char *text, size_t n, struct fence *fence, const struct mark *mark)
{
    bool within = mark->at > 0 && text[mark->at - 1] == ' ' && mark->end < n &&
                  strchr(" .,;:?!)", text[mark->end]) != NULL;
    return mark->pair->alone && !within && !in_fence(fence, text, mark->at);
}

/* Takes off what stands between marks. */
static void skip_marked(const char *text, struct sc_answer_part *part)
{
    struct mark mark, open = {0};
    struct fence fence = {0};
    size_t n = part->end;
    for (size_t at = part->begin; next_mark(text, n, at, &mark); at = mark.end) {
        if (mark.opens) {
            if (open.pair == NULL && opens_here(text, part->begin, &fence, &mark))
                open = mark;
            continue;
        }
        if (open.pair == NULL && !closes_alone(text, n, &fence, &mark))
            continue;
        if (open.pair != NULL && open.pair != mark.pair)
            continue; /* part of the reasoning */
        if (open.pair != NULL && skip_blanks(text, mark.end, n) == n &&
            skip_blanks(text, part->begin, open.at) < open.at)
            break; /* a thought after the answer */
        part->begin = mark.end;
        open.pair = NULL;
        fence = (struct fence){.at = mark.end};
    }
    if (open.pair == NULL)
        return;
    part->reached = skip_blanks(text, part->begin, open.at) < open.at;
    part->end = open.at;
}

static void unwrap(const char *text, struct sc_answer_part *part)
{
    size_t begin = skip_blanks(text, part->begin, part->end);
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++) {
        if (!starts(text, begin, part->end, wrappers[i][0]))
            continue;
        part->begin = begin + strlen(wrappers[i][0]);
        const char *end = memmem(text + part->begin, part->end - part->begin, wrappers[i][1],
                                 strlen(wrappers[i][1]));
        part->end = end != NULL ? (size_t)(end - text) : part->end;
        return;
    }
}

/* ---- channels -------------------------------------------------------------------------------- */

#define CHANNEL "<|channel|>"
#define FINAL "<|channel|>final"
#define MESSAGE "<|message|>"
#define SPOKEN_FINAL "assistantfinal" /* the same without special tokens */

static void end_message(const char *text, struct sc_answer_part *part)
{
    static const char *const ends[] = {"<|return|>", "<|end|>", "<|start|>", "<|call|>"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const char *end =
            memmem(text + part->begin, part->end - part->begin, ends[i], strlen(ends[i]));
        part->end = end != NULL ? (size_t)(end - text) : part->end;
    }
}

/* Whether the text is of messages in channels; then *part is the last one to the reader. */
static bool read_channels(const char *text, struct sc_answer_part *part)
{
    size_t n = part->end, first = skip_blanks(text, 0, n);
    size_t final = find_last(text, n, FINAL);
    if (final != SIZE_MAX && !is_quoted(text, n, final, final + strlen(FINAL)) &&
        !in_fence(&(struct fence){0}, text, final)) {
        part->begin = final + strlen(FINAL);
        size_t left = n - part->begin < 80 ? n - part->begin : 80; /* a format may be named here */
        const char *message = memmem(text + part->begin, left, MESSAGE, strlen(MESSAGE));
        part->begin = message != NULL ? (size_t)(message - text) + strlen(MESSAGE) : part->begin;
        end_message(text, part);
        return true;
    }
    bool other = starts(text, first, n, CHANNEL) || starts(text, first, n, "analysis" MESSAGE) ||
                 starts(text, first, n, "<|start|>assistant" CHANNEL);
    if (!other)
        return false;
    *part = (struct sc_answer_part){.begin = n, .end = n};
    return true;
}

/* Whether a word stands at `at` with the next one directly behind it. */
static bool is_run_on(const char *text, size_t at, size_t n, const char *word)
{
    size_t end = at + strlen(word);
    return end < n && strncmp(text + at, word, strlen(word)) == 0 &&
           ((text[end] >= 'A' && text[end] <= 'Z') ||
            ((unsigned char)text[end] >= 0x80 && text[end] != '\xe2')); /* no dash or quote */
}

static bool read_spoken_channels(const char *text, struct sc_answer_part *part)
{
    size_t n = part->end, first = skip_blanks(text, 0, n);
    size_t final = find_last(text, n, SPOKEN_FINAL);
    if (final != SIZE_MAX && !is_quoted(text, n, final, final + strlen(SPOKEN_FINAL))) {
        part->begin = final + strlen(SPOKEN_FINAL);
        return true;
    }
    if (is_run_on(text, first, n, "final")) {
        part->begin = first + strlen("final");
        return true;
    }
    if (!is_run_on(text, first, n, "analysis"))
        return false;
    *part = (struct sc_answer_part){.begin = n, .end = n};
    return true;
}

struct sc_answer_part sc_answer_part(const char *text, size_t n)
{
    assert(text != NULL);
    struct sc_answer_part part = {.end = n, .reached = true};
    if (!read_channels(text, &part) && !read_spoken_channels(text, &part))
        skip_marked(text, &part);
    if (!part.reached)
        return (struct sc_answer_part){.begin = n, .end = n};
    unwrap(text, &part);
    return part;
}
