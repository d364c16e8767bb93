/*
 * The book of answers: which traces of a prompt have said the same so far, where that is kept, and
 * what nobody has asked for yet.
 *
 * All traces of a prompt begin at the same place, so its answers are a tree.  The traces that stand
 * at one node of it are a *group*.  A trace that a request asked for has a seat; one that may be
 * asked for later goes along *ahead* as long as it says what others say, and waits where its path
 * leaves theirs.  What a path is made of lies in *pieces* of a few tokens, with their keys and
 * values on the device, where SC_PAGE_PIECES of them are a page: a branch takes a piece of its own
 * where the piece that it comes from has gone on.
 *
 * Everything is a pool laid out once.  The book decides nothing: scheduler.c and room.c do.
 */
#ifndef SC_ENGINE_TREE_H
#define SC_ENGINE_TREE_H

#include "engine/prompts.h"

/* No tree, group, member, piece or seat. */
#define SC_NONE UINT32_MAX

/* Tokens of a piece: short, so that answers that part soon leave little unfilled. */
#define SC_PIECE_TOKENS 8
#define SC_PAGE_PIECES (SC_PAGE_POSITIONS / SC_PIECE_TOKENS)

/* A trace in a group. */
struct sc_member {
    uint64_t order; /* of its seat; UINT64_MAX without one */
    uint32_t trace; /* its index */
    uint32_t seat;  /* of the request that asked for it; SC_NONE: nobody has, yet */
    uint32_t next;  /* in its group, those that were asked for first */
};

enum sc_group_state {
    SC_GROUP_BEGINS,  /* nothing is drawn yet: it waits for its prompt or for a row */
    SC_GROUP_RUNS,    /* a strand has it: a row of each step */
    SC_GROUP_PENDING, /* asked for; waits for a row */
    SC_GROUP_PARKED   /* not asked for */
};

/* Traces that have said the same so far: the first piece_n tokens of the piece with all before it,
 * and then the token, whose keys and values are not computed. */
struct sc_group {
    enum sc_group_state state;
    uint32_t tree;
    uint32_t piece, piece_n; /* SC_NONE: the token is the answer's first */
    int32_t token;           /* not given where nothing is drawn yet */
    struct sc_token_stats stats;
    uint32_t first, last, n_members, n_asked;
    uint64_t oldest;         /* least order of its seats; UINT64_MAX without any */
    uint32_t previous, next; /* in its tree */
    uint32_t before, after;  /* in the line of those that are pending */
};

/* Tokens of answers.  Piece i has positions (i % SC_PAGE_PIECES) * SC_PIECE_TOKENS and on of page
 * i / SC_PAGE_PIECES of the device. */
struct sc_piece {
    uint32_t parent, parent_n; /* comes after the first parent_n tokens of that piece */
    uint32_t depth;            /* tokens of the answer before it */
    uint32_t n;                /* used: the longest path through it */
    uint32_t n_refs;           /* groups that stand in it and pieces after it; 0: it is free */
    int32_t ids[SC_PIECE_TOKENS];
    struct sc_token_stats stats[SC_PIECE_TOKENS];
};

/* What traces must have in common to stand in one tree. */
struct sc_tree_key {
    uint64_t prompt_key, instance_key, seed;
    uint64_t rest; /* everything else that a trace follows from, hashed */
};

struct sc_tree {
    bool is_open;
    bool is_alone; /* for one trace: others do not join */
    struct sc_tree_key key;
    struct sc_prompt *prompt; /* one reference; NULL until there was room for it */
    uint32_t first;           /* of its groups */
    uint32_t beginning;       /* the group that begins; SC_NONE */
    uint32_t n_asked;         /* seats; 0: the tree is idle */
    uint32_t ahead_to;        /* traces below were taken into account once */
    uint64_t idle_since;
};

struct sc_book_sizes {
    size_t n_trees;
    size_t n_seats; /* traces asked for at once */
    size_t n_ahead; /* traces that go along or wait ahead */
    size_t n_pages;
};

struct sc_book {
    struct sc_book_sizes sizes;
    struct sc_tree *trees;
    struct sc_group *groups;   /* [n_seats + n_ahead], as many as members: none is empty */
    struct sc_member *members; /* [n_seats + n_ahead] */
    uint32_t free_tree, free_group, free_member; /* first of each list */
    struct sc_piece *pieces;                     /* [n_pages * SC_PAGE_PIECES] */
    uint8_t *free_pieces;                        /* [n_pages] how many of each page's are free */
    uint32_t *free_pages;                        /* [n_free_pages] of which all are */
    size_t n_free_pages, n_free_pieces;
    size_t looked_at;    /* the page from which on a free piece is looked for */
    size_t n_ahead;      /* members without a seat */
    uint32_t first_line; /* the pending group with the oldest seat */
    size_t n_pending;
    uint64_t clock;
};

void sc_book_layout(struct sc_book *book, const struct sc_book_sizes *sizes,
                    struct sc_arena *arena);

/* ---- trees ----------------------------------------------------------------------------------- */

uint32_t sc_tree_find(const struct sc_book *book, const struct sc_tree_key *key); /* SC_NONE */
/* SC_NONE: all are open. */
uint32_t sc_tree_open(struct sc_book *book, const struct sc_tree_key *key, bool is_alone);
/* Lets go of all that it holds, its prompt as well; nobody may ask for any of it. */
void sc_tree_close(struct sc_book *book, uint32_t tree);
/* Notes that a seat of the tree was left: an idle tree keeps what it holds for later requests, and
 * is closed where it holds nothing. */
void sc_tree_leave(struct sc_book *book, uint32_t tree);
/* The tree that is idle longest; SC_NONE. */
uint32_t sc_tree_idlest(const struct sc_book *book);

/* ---- groups ---------------------------------------------------------------------------------- */

/* An empty group, parked behind the first piece_n tokens of the piece. */
uint32_t sc_group_open(struct sc_book *book, uint32_t tree, uint32_t piece, uint32_t piece_n);
/* Lets go of it and of its members, which have no seats. */
void sc_group_close(struct sc_book *book, uint32_t group);
void sc_group_turn(struct sc_book *book, uint32_t group, enum sc_group_state state);
/* All members of `from`, of the same tree and node, join `group`; `from` is closed. */
void sc_group_join(struct sc_book *book, uint32_t group, uint32_t from);

/* A trace joins a group; there is a free member as long as sizes are kept to. */
void sc_member_add(struct sc_book *book, uint32_t group, uint32_t trace);
/* Finds a trace of the tree that nobody asked for; returns its group or SC_NONE. */
uint32_t sc_member_find(const struct sc_book *book, uint32_t tree, uint32_t trace);
/* Gives the seat to that trace of the group, which has none. */
void sc_member_seat(struct sc_book *book, uint32_t group, uint32_t trace, uint32_t seat,
                    uint64_t order);
/* Takes all members out of a group, as a list; the group is empty then. */
uint32_t sc_group_take_members(struct sc_book *book, uint32_t group);
/* Puts one member of such a list at the group's end. */
void sc_group_put_member(struct sc_book *book, uint32_t group, uint32_t member);
/* Lets go of a member that is in no group. */
void sc_member_drop(struct sc_book *book, uint32_t member);

/* ---- pieces and paths ------------------------------------------------------------------------ */

/* The group comes to stand behind its token: in its piece where nobody else has gone on there, in a
 * new one otherwise.  False: there is no free piece; nothing has changed. */
bool sc_group_feed(struct sc_book *book, uint32_t group);

/* The position of the device that belongs to the last token before the group's own. */
struct sc_span sc_group_position(const struct sc_book *book, uint32_t group);
/* Tokens before the group's own. */
size_t sc_group_depth(const struct sc_book *book, uint32_t group);
/* Copies them to ids and stats [depth]. */
void sc_group_path(const struct sc_book *book, uint32_t group, int32_t *ids,
                   struct sc_token_stats *stats);
/* Where their keys and values are: writes spans, returns how many.  Pieces side by side are one. */
size_t sc_group_spans(const struct sc_book *book, uint32_t group, struct sc_span *spans);

#endif
