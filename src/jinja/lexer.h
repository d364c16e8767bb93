/* A template's source as tokens. */
#ifndef SC_JINJA_LEXER_H
#define SC_JINJA_LEXER_H

#include "jinja/string.h"

enum token_kind {
    TOKEN_END, /* of the source */
    TOKEN_TEXT,
    TOKEN_BLOCK_BEGIN,
    TOKEN_BLOCK_END,
    TOKEN_PRINT_BEGIN,
    TOKEN_PRINT_END,
    TOKEN_NAME,
    TOKEN_STRING,
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_OPERATOR /* op: its characters, '/' + '/' * 256 for two */
};

struct token {
    enum token_kind kind;
    int line;
    unsigned op;
    const char *bytes; /* TEXT and NAME [n] of the source */
    size_t n;
    struct value value; /* STRING, INTEGER, FLOAT */
};

#define MAX_OPEN_BRACKETS 200

struct lexer {
    const char *source; /* line ends are \n alone */
    size_t n, at;
    int line;
    enum { IN_TEXT, IN_BLOCK, IN_PRINT } mode;
    bool line_starting;      /* whether what was read last ended a line */
    enum token_kind pending; /* a BEGIN that follows the text just given, else END */
    size_t pending_end;
    char open[MAX_OPEN_BRACKETS]; /* brackets to be closed */
    size_t n_open;
    struct run *run; /* memory for strings, and where an error goes */
};

/* A copy of the source as the lexer wants it: one kind of line end, none at the very end. */
enum sc_status sc_jinja_lexer_init(struct lexer *lexer, struct run *run, const char *source,
                                   size_t n);
enum sc_status sc_jinja_next_token(struct lexer *lexer, struct token *out);

/* An error at a line: SC_ERR_FORMAT, or SC_ERR_UNSUPPORTED for what is known and not done here. */
enum sc_status sc_jinja_fail_at(struct run *run, int line, const char *format, ...) SC_PRINTF(3, 4);

#endif
