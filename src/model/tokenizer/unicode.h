/*
 * What Unicode says of code points, at the versions that the tokenizers of Hugging Face have: their
 * split patterns know 16.0, their normalizers 9.0.  PCRE2 and utf8proc have what the system brings;
 * the tables here are where the two may differ, so that a text is cut as it was in training.
 */
#ifndef SC_MODEL_TOKENIZER_UNICODE_H
#define SC_MODEL_TOKENIZER_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sc_unicode_range {
    uint32_t first, last;
};
struct sc_unicode_category {
    uint32_t first, last;
    char category[3]; /* such as "Lo" */
};

/* Code points whose category is another one than in Unicode 14.0, or that it does not have. */
extern const struct sc_unicode_category sc_unicode_newer[]; /* [sc_n_unicode_newer], ascending */
extern const size_t sc_n_unicode_newer;
extern const struct sc_unicode_range sc_unicode_not_normalized[]; /* ascending, as those below */
extern const size_t sc_n_unicode_not_normalized;
extern const struct sc_unicode_range sc_unicode_no_punctuation[];
extern const size_t sc_n_unicode_no_punctuation;
extern const struct sc_unicode_range sc_unicode_more_punctuation[];
extern const size_t sc_n_unicode_more_punctuation;
extern const struct sc_unicode_range sc_unicode_more_numbers[];
extern const size_t sc_n_unicode_more_numbers;

/* Whether valid UTF-8 has a code point of sc_unicode_newer. */
bool sc_unicode_has_newer(const char *text, size_t n);
/* Whether a normalizer leaves the code point as it is, whatever stands beside it. */
bool sc_unicode_is_left(uint32_t point);
/* White_Space, and what \w stands for in the patterns of Rust. */
bool sc_unicode_is_space(uint32_t point);
bool sc_unicode_is_word(uint32_t point);

#endif
