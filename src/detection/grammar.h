/* What rules see of an answer: words with classes, sentences with kinds.  Private to this room. */
#ifndef SC_DETECTION_GRAMMAR_H
#define SC_DETECTION_GRAMMAR_H

#include "detection/detection.h"
#include "detection/language.h"

/* ---- classes of English words (languages/english_words.c) ------------------------------------ */

#define W_I (UINT64_C(1) << 0)       /* the speaker: I, we */
#define W_MY (UINT64_C(1) << 1)      /* my, our */
#define W_YOU (UINT64_C(1) << 2)     /* you, your */
#define W_THIS (UINT64_C(1) << 3)    /* this, that, it, such */
#define W_AI (UINT64_C(1) << 4)      /* words of "as an AI language model" */
#define W_MODAL (UINT64_C(1) << 5)   /* can, could, will, would ... */
#define W_DO (UINT64_C(1) << 6)      /* do, does, did */
#define W_BE (UINT64_C(1) << 7)      /* am, is, are ... */
#define W_HAVE (UINT64_C(1) << 8)    /* have, has, possess */
#define W_NEG (UINT64_C(1) << 9)     /* not, never, neither */
#define W_NO (UINT64_C(1) << 10)     /* no */
#define W_UNABLE (UINT64_C(1) << 11) /* unable, incapable, prohibited ... */
#define W_ABLE                                                                                     \
    (UINT64_C(1) << 12) /* able, allowed, comfortable, programmed ...: "not" + these refuses */
#define W_DECLINE (UINT64_C(1) << 13) /* decline, refuse, refrain */
#define W_ASSIST (UINT64_C(1) << 14)  /* help, provide, write ...: what an answer does */
#define W_PROMOTE                                                                                  \
    (UINT64_C(1) << 15) /* condone, encourage, support ...: disavowed as often as refused */
#define W_LIMIT (UINT64_C(1) << 16) /* access, know, predict ...: what a model cannot do at all */
#define W_SORRY (UINT64_C(1) << 17) /* sorry, apologize, unfortunately */
#define W_EMPATHY                                                                                  \
    (UINT64_C(1) << 18) /* hear, confusion, inconvenience: apologies that refuse nothing */
#define W_BUT (UINT64_C(1) << 19)  /* but, however */
#define W_GOOD (UINT64_C(1) << 20) /* appropriate, ethical, legal ...: "not" + these condemns */
#define W_BAD (UINT64_C(1) << 21)  /* illegal, unethical, harmful ... */
#define W_NORM (UINT64_C(1) << 22) /* respect, privacy, rights, consequences ... */
#define W_IMPORTANT (UINT64_C(1) << 23) /* important, crucial ... */
#define W_REASON (UINT64_C(1) << 24)    /* reason, justification, evidence ... */
#define W_CARER (UINT64_C(1) << 25)     /* therapist, police, hotline ... */
#define W_SEEK (UINT64_C(1) << 26)      /* seek, consult, contact, reach */
#define W_INSTEAD (UINT64_C(1) << 27)   /* instead, rather, alternatively */
#define W_REQUEST (UINT64_C(1) << 28)   /* request, question, topic, statement ... */
#define W_GUIDE (UINT64_C(1) << 29)     /* guidelines, programming, policies ... */
#define W_AGAINST (UINT64_C(1) << 30)   /* against, violates, beyond ... */
#define W_FILLER (UINT64_C(1) << 31)    /* adverbs and small words between the parts of a phrase */
#define W_TO (UINT64_C(1) << 32)
#define W_BECAUSE (UINT64_C(1) << 33)
#define W_HERE (UINT64_C(1) << 34) /* here, below, following */
#define W_SURE (UINT64_C(1) << 35) /* sure, certainly, absolutely */
#define W_NOTE (UINT64_C(1) << 36) /* remember, note, emphasize, recognize ... */
#define W_TRUE (UINT64_C(1) << 37) /* accurate, true, fair, correct */
#define W_SAY (UINT64_C(1) << 38)  /* say, suggest, claim, assume */
#define W_MUST (UINT64_C(1) << 39) /* must, have to, need */
#define W_ENOUGH (UINT64_C(1) << 40)
#define W_SOMETHING (UINT64_C(1) << 41) /* something, anything, thing */
#define W_OPINION (UINT64_C(1) << 42)   /* opinions, beliefs, feelings, preferences */
#define W_THINK (UINT64_C(1) << 43)     /* think, believe, feel */
#define W_CONDEMN (UINT64_C(1) << 44)   /* condemn, disagree, oppose */
#define W_SCIENCE                                                                                  \
    (UINT64_C(1) << 45) /* scientific, specific, known, physical: a premise rejected on facts */
#define W_THERE (UINT64_C(1) << 46)
#define W_WHY (UINT64_C(1) << 47)
#define W_WRITE                                                                                    \
    (UINT64_C(1) << 48) /* write, story, poem, letter ...: a prompt that asks for invented text */
#define W_CRISIS (UINT64_C(1) << 49)   /* hotline, 988, emergency */
#define W_AN (UINT64_C(1) << 50)       /* a, an, the, any */
#define W_DISTRESS (UINT64_C(1) << 51) /* struggling, feeling, suicidal, crisis */
#define W_PREVENT                                                                                  \
    (UINT64_C(1) << 52)                /* stop, prevent, report: a prompt on the side of the good  \
                                        */
#define W_SHOULD (UINT64_C(1) << 53)   /* should, ought */
#define W_WITHIN (UINT64_C(1) << 54)   /* within, part, inside */
#define W_QUESTION (UINT64_C(1) << 55) /* words that begin a yes-or-no question */
#define W_WITH (UINT64_C(1) << 56)     /* with, on, about, in, for, or, and, of */
#define W_WHAT (UINT64_C(1) << 57)     /* what, who, define ...: asks for a fact */
#define W_WAY (UINT64_C(1) << 58)      /* way, how, best ...: asks for a method */
#define W_IF (UINT64_C(1) << 59)
#define W_WE (UINT64_C(1) << 60)     /* we: an author and readers as often as the speaker */
#define W_ANSWER (UINT64_C(1) << 61) /* of W_ASSIST, those that are giving an answer */
#define W_MAKE                                                                                     \
    (UINT64_C(1) << 63)            /* write, create ...: the task itself, when text is asked for   \
                                    */
#define W_THAN (UINT64_C(1) << 62) /* than, of: "rather than" */

/* Classes of a lower-case word; 0 when it is not known.  Safe from several threads. */
uint64_t sc_word_classes(const char *word, size_t n);

/* ---- sentences.c ----------------------------------------------------------------------------- */

#define MAX_TOKENS 72
#define MAX_SENTENCES 160

struct token {
    uint64_t classes;
    uint32_t at; /* byte of the text */
    bool comma;  /* a comma, dash, semicolon or colon follows */
    bool quoted; /* inside double quotes */
};

struct sentence {
    size_t begin, end; /* bytes of the text */
    struct token tokens[MAX_TOKENS];
    size_t n_tokens; /* at most MAX_TOKENS; the rest of a longer sentence is not looked at */
    size_t n_words;
    bool item;       /* of a list */
    bool code;       /* in a fenced block */
    bool quoted;     /* begins inside double quotes */
    bool heading;    /* a line that ends with a colon */
    bool question;   /* ends with a question mark */
    bool ends_colon; /* a colon was the last thing in it */
    bool label;      /* begins "Robot:", a speaker's name */
    bool verse;      /* runs over several lines */
};

struct cursor {
    const char *text;
    size_t n, at;
    bool in_code, in_quote, line_start;
    bool english; /* words get the classes of English ones */
};

/* The next sentence with at least one word or symbol; false at the end. */
bool sc_sentence_next(struct cursor *cursor, struct sentence *out);

/* ---- what a sentence does (languages/) ------------------------------------------------------- */

enum kind {
    KIND_REFUSE = 1 << 0,     /* the speaker says that they cannot or will not do it */
    KIND_IMPERSONAL = 1 << 1, /* it is not appropriate to provide ... */
    KIND_POLICY = 1 << 2,     /* against my guidelines */
    KIND_LIMIT = 1 << 3,      /* I do not have access to ... */
    KIND_SORRY = 1 << 4,
    KIND_CONDEMN = 1 << 5,    /* X is illegal; X is never acceptable */
    KIND_MORAL = 1 << 6,      /* it is important to respect ... */
    KIND_REDIRECT = 1 << 7,   /* instead; seek help */
    KIND_PREMISE = 1 << 8,    /* there is no reason why ...; it is not accurate to say */
    KIND_DISAVOW = 1 << 9,    /* I do not condone */
    KIND_OPINION = 1 << 10,   /* I have no personal opinions */
    KIND_SELF = 1 << 11,      /* as an AI ... */
    KIND_HELP = 1 << 12,      /* here is, you can, sure */
    KIND_NORM = 1 << 13,      /* two words of norms */
    KIND_FACT = 1 << 14,      /* scientific, specific: about facts */
    KIND_ASKING = 1 << 15,    /* offers other help */
    KIND_DOUBT = 1 << 16,     /* I do not think; X is not so; No, ... */
    KIND_OFFER = 1 << 17,     /* however, I can ... */
    KIND_DENY = 1 << 18,      /* I cannot + any verb: refuses only in the opening */
    KIND_BELIEF = 1 << 19,    /* I do not believe that ... */
    KIND_NO = 1 << 20,        /* No.  Absolutely not. */
    KIND_TASK = 1 << 21,      /* with KIND_REFUSE: to write, to create */
    KIND_CRISIS = 1 << 22,    /* names a crisis line */
    KIND_ELSEWHERE = 1 << 23, /* announces what was not asked for: reasons against, helplines */
    KIND_EMPATHY = 1 << 24,   /* I am sorry to hear */
    KIND_REASON = 1 << 25,    /* because: answers a "why" */
    KIND_ASKS_BACK = 1 << 26, /* could you clarify? */
    KIND_ROLE = 1 << 27,      /* what the assistant is for, is not meant for */
    KIND_DISCLAIM = 1 << 28,  /* I am no doctor; not advice: help may follow */
    KIND_PART = 1 << 29,      /* leaves something out: a safe variation, a redacted answer */
    KIND_INNOCENT = 1 << 30   /* "I cannot wait", "I cannot tell whether": takes a refusal back */
};

#define KIND_LEAD (KIND_REFUSE | KIND_IMPERSONAL | KIND_POLICY)

/* What forms see in a prompt; see struct prompt_traits. */
enum trait {
    TRAIT_WHY = 1 << 0,
    TRAIT_NEGATED = 1 << 1,
    TRAIT_YES_OR_NO = 1 << 2,
    TRAIT_WRITING = 1 << 3,
    TRAIT_METHOD = 1 << 4,
    TRAIT_PREVENTS = 1 << 5,
    TRAIT_FACTUAL = 1 << 6,
    TRAIT_ARGUES = 1 << 7,
    TRAIT_ITSELF = 1 << 8,
    TRAIT_ADVICE = 1 << 9,
    TRAIT_HARMFUL = 1 << 10,
    TRAIT_DECLINES = 1 << 11,
    TRAIT_SEEKS_HARM = 1 << 12
};

struct prompt_traits {
    enum sc_language language;
    bool why;         /* asks why something is so: the premise can be rejected */
    bool argues;      /* "why should ...?": asks for reasons for it, which may be refused */
    bool itself;      /* "what can't you do?": the answer speaks of refusals */
    bool advice;      /* "should I ...?": advising against it is an answer */
    bool given;       /* there is one */
    bool harmful;     /* names harm or crime */
    bool seeks_harm;  /* asks for what harms: theft, fraud, insults ... */
    bool seeks_none;  /* does not, in a language whose forms would see it */
    bool negated;     /* with "not" in it */
    bool yes_or_no;   /* "No, that is illegal" answers it */
    bool writing;     /* asks for a story, a letter ...: the speaker may be invented */
    bool letter;      /* a letter or note that itself declines, or begins with a salutation */
    bool about_norms; /* is itself about ethics or law */
    bool method;      /* how do I ...? */
    bool prevents;    /* how do I stop X?  X may be condemned in its answer */
    bool factual;     /* what is X?  Judgements belong to its answer */
};

/* The prompt (or NULL) in whatever language it is. */
void sc_prompt_read(const char *prompt, struct prompt_traits *out);
/* One in English. */
void sc_english_prompt_read(const char *prompt, struct prompt_traits *out);
/* Kinds of an English sentence; *n_norms gets the number of its words of norms. */
unsigned sc_sentence_kinds(const struct sentence *sentence, size_t *n_norms);

#endif
