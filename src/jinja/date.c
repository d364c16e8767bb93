#include "jinja/date.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct date {
    int year, month, day;   /* 1..12, 1..31 */
    int of_year, of_week;   /* 0..365; 0 is Sunday */
    int iso_year, iso_week; /* ISO 8601 */
};

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 0001-01-01 to the year's first. */
static int days_before(int year)
{
    int y = year - 1;

    return y * 365 + y / 4 - y / 100 + y / 400;
}

/* 0 is Monday. */
static int weekday_of_first(int year)
{
    return days_before(year) % 7;
}

static int weeks_in(int year)
{
    int first = weekday_of_first(year);

    return first == 3 || (first == 2 && is_leap(year)) ? 53 : 52;
}

static struct date complete(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    struct date d = {.year = year, .month = month, .day = day};

    assert(month >= 1 && month <= 12 && year >= 1);
    d.of_year = before[month - 1] + day - 1 + (month > 2 && is_leap(year));
    int monday_based = (days_before(year) + d.of_year) % 7;
    d.of_week = (monday_based + 1) % 7;
    d.iso_year = year;
    d.iso_week = (d.of_year - monday_based + 10) / 7;
    if (d.iso_week < 1) {
        d.iso_year--;
        d.iso_week = d.iso_year >= 1 ? weeks_in(d.iso_year) : 52;
    } else if (d.iso_week > weeks_in(year)) {
        d.iso_year++;
        d.iso_week = 1;
    }
    return d;
}

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};

/* A number and how it is filled up to a width. */
struct number {
    int value, width;
    char fill;
};

static bool find_number(const struct date *d, char code, struct number *out)
{
    const struct number numbers[] = {['Y'] = {d->year, 4, '0'},
                                     ['C'] = {d->year / 100, 2, '0'},
                                     ['y'] = {d->year % 100, 2, '0'},
                                     ['m'] = {d->month, 2, '0'},
                                     ['d'] = {d->day, 2, '0'},
                                     ['e'] = {d->day, 2, ' '},
                                     ['H'] = {0, 2, '0'},
                                     ['k'] = {0, 2, ' '},
                                     ['I'] = {12, 2, '0'},
                                     ['l'] = {12, 2, ' '},
                                     ['M'] = {0, 2, '0'},
                                     ['S'] = {0, 2, '0'},
                                     ['f'] = {0, 6, '0'},
                                     ['j'] = {d->of_year + 1, 3, '0'},
                                     ['u'] = {d->of_week ? d->of_week : 7, 1, '0'},
                                     ['w'] = {d->of_week, 1, '0'},
                                     ['U'] = {(d->of_year + 7 - d->of_week) / 7, 2, '0'},
                                     ['W'] = {(d->of_year + 7 - (d->of_week + 6) % 7) / 7, 2, '0'},
                                     ['G'] = {d->iso_year, 4, '0'},
                                     ['g'] = {d->iso_year % 100, 2, '0'},
                                     ['V'] = {d->iso_week, 2, '0'}};
    size_t i = (unsigned char)code;

    if (i >= sizeof numbers / sizeof *numbers || numbers[i].width == 0)
        return false;
    *out = numbers[i];
    return true;
}

static const char *find_pattern(char code)
{
    static const char *const patterns[] = {['D'] = "%m/%d/%y",    ['x'] = "%m/%d/%y",
                                           ['F'] = "%Y-%m-%d",    ['T'] = "%H:%M:%S",
                                           ['X'] = "%H:%M:%S",    ['R'] = "%H:%M",
                                           ['r'] = "%I:%M:%S %p", ['c'] = "%a %b %e %H:%M:%S %Y"};
    size_t i = (unsigned char)code;

    return i < sizeof patterns / sizeof *patterns ? patterns[i] : NULL;
}

static bool find_word(const struct date *d, char code, const char **word, int *length)
{
    *length = 100;
    switch (code) {
    case 'B':
        *word = months[d->month - 1];
        return true;
    case 'b':
    case 'h':
        *word = months[d->month - 1];
        *length = 3;
        return true;
    case 'A':
        *word = weekdays[d->of_week];
        return true;
    case 'a':
        *word = weekdays[d->of_week];
        *length = 3;
        return true;
    case 'p':
        *word = "AM";
        return true;
    case 'P':
        *word = "am";
        return true;
    case 'n':
        *word = "\n";
        return true;
    case 't':
        *word = "\t";
        return true;
    case '%':
        *word = "%";
        return true;
    case 'Z':
    case 'z': /* the date has no zone */
        *word = "";
        return true;
    default:
        return false;
    }
}

/* What stands before a code: how its number is filled up, and whether its letters are large. */
struct flags {
    char fill; /* '-': not at all, '_': blanks, '0'; 0: as the code has it */
    bool large;
};

static void number_text(const struct number *number, struct flags flags, char *text, size_t size)
{
    char fill = flags.fill == '_' ? ' ' : flags.fill == '0' ? '0' : number->fill;
    int width = flags.fill == '-' ? 1 : number->width;

    snprintf(text, size, fill == '0' ? "%0*d" : "%*d", width, number->value);
}

/* What stands for a code: a word, a number, or several of them. */
static bool code_text(const struct date *d, struct flags flags, char code, char *text, size_t size)
{
    const char *word, *pattern = find_pattern(code);
    struct number number;
    int length;

    text[0] = 0;
    if (code == 'f' && (flags.fill || flags.large))
        return false;
    if (find_word(d, code, &word, &length))
        snprintf(text, size, "%.*s", length, word);
    else if (find_number(d, code, &number))
        number_text(&number, flags, text, size);
    else if (pattern == NULL)
        return false;
    for (; pattern != NULL && *pattern; pattern++) {
        size_t n = strlen(text);
        if (*pattern == '%')
            code_text(d, (struct flags){.large = flags.large}, *++pattern, text + n, size - n);
        else
            snprintf(text + n, size - n, "%c", *pattern);
    }
    for (char *c = text; flags.large && code != 'P' && *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
    return true;
}

enum sc_status sc_jinja_add_date(struct builder *b, const struct string *format)
{
    const struct sc_jinja_input *input = b->run->input;
    struct date date = complete(input->year, input->month, input->day);
    char text[80];

    SC_TRY(sc_jinja_step_bytes(b->run, format->n));
    for (size_t i = 0; i < format->n; i++) {
        struct flags flags = {0};
        if (format->bytes[i] != '%') {
            sc_jinja_add_part(b, format, i, i + 1);
            continue;
        }
        size_t begin = i++;
        for (; i < format->n && format->bytes[i] && strchr("-_0^", format->bytes[i]); i++) {
            flags.large = flags.large || format->bytes[i] == '^';
            flags.fill = format->bytes[i] == '^' ? flags.fill : format->bytes[i];
        }
        if (i >= format->n || !code_text(&date, flags, format->bytes[i], text, sizeof text))
            return sc_jinja_fail(b->run, "strftime_now: \"%.*s\" is not known",
                                 (int)(i + 1 - begin < 4 ? i - begin + 1 : 4),
                                 i < format->n ? format->bytes + begin : "%");
        sc_jinja_add_bytes(b, text, strlen(text), sc_jinja_part_outside(format, begin, i + 1));
    }
    return SC_OK;
}
