/* See toml_numbers.h. */
#include "base/toml_numbers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- dates and times --------------------------------------------------------------------------
 */

/* Reads `n` digits at *at and passes them; -1 where they are none. */
static int take_digits(const char **at, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++, ++*at) {
        if (!is_digit(**at))
            return -1;
        value = 10 * value + (**at - '0');
    }
    return value;
}

static bool take(const char **at, char c)
{
    bool there = **at == c;
    *at += there;
    return there;
}

/* YYYY-MM-DD of the calendar. */
static bool take_date(const char **at)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = take_digits(at, 4);
    int month = year >= 0 && take(at, '-') ? take_digits(at, 2) : -1;
    int day = month >= 1 && month <= 12 && take(at, '-') ? take_digits(at, 2) : -1;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* HH:MM, hours below 24. */
static bool take_minutes(const char **at)
{
    int hour = take_digits(at, 2);
    int minute = hour >= 0 && hour < 24 && take(at, ':') ? take_digits(at, 2) : -1;
    return minute >= 0 && minute < 60;
}

/* HH:MM:SS, with a fraction where there is one. */
static bool take_time(const char **at)
{
    if (!take_minutes(at) || !take(at, ':'))
        return false;
    int second = take_digits(at, 2);
    if (second < 0 || second > 59)
        return false;
    if (!take(at, '.'))
        return true;
    if (!is_digit(**at))
        return false;
    while (is_digit(**at))
        ++*at;
    return true;
}

/* Nothing, Z, or the distance from universal time. */
static bool take_offset(const char **at)
{
    if (take(at, 'Z') || take(at, 'z'))
        return true;
    return take(at, '+') || take(at, '-') ? take_minutes(at) : true;
}

static bool is_moment(const char *word)
{
    const char *at = word;
    if (word[2] == ':')
        return take_time(&at) && *at == '\0';
    if (!take_date(&at))
        return false;
    if (*at == '\0')
        return true;
    return (take(&at, 'T') || take(&at, 't') || take(&at, ' ')) && take_time(&at) &&
           take_offset(&at) && *at == '\0';
}

/* Whether a word means to be a date or a time: digits up to the sign between them. */
static bool looks_like_moment(const char *word)
{
    size_t n = strspn(word, "0123456789");
    return (n == 4 && word[4] == '-') || (n == 2 && word[2] == ':');
}

/* ---- numbers ----------------------------------------------------------------------------------
 */

/* The word without the underscores between its digits; false where one stands elsewhere. */
static bool strip(const char *word, char *out)
{
    size_t n = 0;
    const char *kind = word[0] == '0' && word[1] == 'x' ? "0123456789abcdefABCDEF" : "0123456789";
    for (size_t i = 0; word[i] != '\0'; i++) {
        bool between = i > 0 && strspn(word + i + 1, kind) > 0 && strspn(word + i - 1, kind) > 0;
        if (word[i] != '_')
            out[n++] = word[i];
        else if (!between)
            return false;
    }
    out[n] = '\0';
    return true;
}

static bool whole(const char *digits, int base, json_t **out)
{
    char *end;
    errno = 0;
    long long value = strtoll(digits, &end, base);
    if (errno != 0 || *end != '\0')
        return false;
    *out = json_integer(value);
    return true;
}

/* 0x, 0o and 0b with digits of theirs. */
static bool based(const char *word, json_t **out)
{
    static const struct {
        char letter;
        int base;
        const char *digits;
    } kinds[] = {{'x', 16, "0123456789abcdefABCDEF"}, {'o', 8, "01234567"}, {'b', 2, "01"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strspn(word + 2, kinds[i].digits);
        if (word[1] == kinds[i].letter && n > 0 && word[2 + n] == '\0')
            return whole(word + 2, kinds[i].base, out);
    }
    return false;
}

/* Digits of ten: no leading zero; a fraction and an exponent have digits of their own. */
static bool decimal(const char *word, json_t **out)
{
    const char *at = word + (*word == '+' || *word == '-');
    size_t n = strspn(at, "0123456789");
    if (n == 0 || (n > 1 && *at == '0'))
        return false;
    at += n;
    if (*at == '\0')
        return whole(word, 10, out);
    if (*at == '.') {
        n = strspn(++at, "0123456789");
        if (n == 0)
            return false;
        at += n;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        n = strspn(at, "0123456789");
        if (n == 0)
            return false;
        at += n;
    }
    double value = strtod(word, NULL);
    if (*at != '\0' || !isfinite(value))
        return false;
    *out = json_real(value);
    return true;
}

static bool is_beyond_numbers(const char *word)
{
    const char *name = word + (*word == '+' || *word == '-');
    return strcmp(name, "inf") == 0 || strcmp(name, "nan") == 0;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

bool sc_toml_bare_value(const char *word, json_t **out, const char **expected)
{
    char digits[128];
    *out = NULL;
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
        *out = json_boolean(*word == 't');
        return true;
    }
    if (looks_like_moment(word)) {
        *expected = "a date or time of the calendar (other texts stand in quotes)";
        if (!is_moment(word))
            return false;
        *out = json_string(word);
        return true;
    }
    if (is_beyond_numbers(word)) {
        *out = json_string(word);
        return true;
    }
    bool number = is_digit(word[*word == '+' || *word == '-']);
    *expected = number ? "a number (64 bits at most, no leading zero, _ only between digits; "
                         "texts stand in quotes)"
                       : "true, false, a number or a text in quotes";
    if (!number || strlen(word) >= sizeof digits || !strip(word, digits))
        return false;
    bool has_base = *digits == '0' && digits[1] != '\0' && strchr("xob", digits[1]) != NULL;
    return has_base ? based(digits, out) : decimal(digits, out);
}
