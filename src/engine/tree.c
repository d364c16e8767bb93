/*
 * The book of answers: see tree.h.
 *
 * Lists are of numbers, so that a book is copied nowhere and costs four bytes a link.  Takes no
 * memory after its layout.  Next: strands.c, which moves groups on; room.c, which gives them up.
 */
#include "engine/tree.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

void sc_book_layout(struct sc_book *book, const struct sc_book_sizes *sizes, struct sc_arena *arena)
{
    size_t n_members = sc_size_add(sizes->n_seats, sizes->n_ahead);
    *book = (struct sc_book){.sizes = *sizes, .first_line = SC_NONE};
    book->trees = sc_arena_take(arena, sizes->n_trees, sizeof *book->trees);
    book->groups = sc_arena_take(arena, n_members, sizeof *book->groups);
    book->members = sc_arena_take(arena, n_members, sizeof *book->members);
    size_t n_pieces = sc_size_mul(sizes->n_pages, SC_PAGE_PIECES);
    book->pieces = sc_arena_take(arena, n_pieces, sizeof *book->pieces);
    book->free_pieces = sc_arena_take(arena, sizes->n_pages, sizeof *book->free_pieces);
    book->free_pages = sc_arena_take(arena, sizes->n_pages, sizeof *book->free_pages);
    if (arena->base == NULL)
        return;
    assert(n_members < SC_NONE && n_pieces < SC_NONE && sizes->n_trees < SC_NONE);
    book->free_tree = book->free_group = book->free_member = SC_NONE;
    for (size_t i = sizes->n_trees; i-- > 0; book->free_tree = (uint32_t)i)
        book->trees[i] = (struct sc_tree){.first = book->free_tree};
    for (size_t i = n_members; i-- > 0; book->free_group = book->free_member = (uint32_t)i) {
        book->groups[i] = (struct sc_group){.next = book->free_group};
        book->members[i] = (struct sc_member){.next = book->free_member};
    }
    for (size_t i = 0; i < n_pieces; i++)
        book->pieces[i] = (struct sc_piece){.n_refs = 0};
    for (size_t i = 0; i < sizes->n_pages; i++) { /* last in, first out: the same few stay warm */
        book->free_pieces[i] = SC_PAGE_PIECES;
        book->free_pages[i] = (uint32_t)(sizes->n_pages - 1 - i);
    }
    book->n_free_pages = sizes->n_pages;
    book->n_free_pieces = n_pieces;
}

/* ---- trees ----------------------------------------------------------------------------------- */

uint32_t sc_tree_find(const struct sc_book *book, const struct sc_tree_key *key)
{
    for (size_t i = 0; i < book->sizes.n_trees; i++) {
        const struct sc_tree *t = &book->trees[i];
        if (t->is_open && t->key.prompt_key == key->prompt_key && !t->is_alone &&
            t->key.instance_key == key->instance_key && t->key.seed == key->seed &&
            t->key.rest == key->rest)
            return (uint32_t)i;
    }
    return SC_NONE;
}

uint32_t sc_tree_open(struct sc_book *book, const struct sc_tree_key *key, bool is_alone)
{
    uint32_t tree = book->free_tree;
    if (tree == SC_NONE)
        return SC_NONE;
    book->free_tree = book->trees[tree].first;
    book->trees[tree] = (struct sc_tree){
        .is_open = true, .is_alone = is_alone, .key = *key, .first = SC_NONE, .beginning = SC_NONE};
    return tree;
}

void sc_tree_close(struct sc_book *book, uint32_t tree)
{
    struct sc_tree *t = &book->trees[tree];
    assert(t->is_open && t->n_asked == 0);
    while (t->first != SC_NONE)
        sc_group_close(book, t->first);
    if (t->prompt != NULL)
        sc_prompt_release(t->prompt);
    *t = (struct sc_tree){.first = book->free_tree};
    book->free_tree = tree;
}

void sc_tree_leave(struct sc_book *book, uint32_t tree)
{
    struct sc_tree *t = &book->trees[tree];
    if (t->n_asked > 0)
        return;
    t->idle_since = ++book->clock;
    if (t->first == SC_NONE)
        sc_tree_close(book, tree);
}

uint32_t sc_tree_idlest(const struct sc_book *book)
{
    uint32_t idlest = SC_NONE;
    for (size_t i = 0; i < book->sizes.n_trees; i++) {
        const struct sc_tree *t = &book->trees[i];
        if (t->is_open && t->n_asked == 0 &&
            (idlest == SC_NONE || t->idle_since < book->trees[idlest].idle_since))
            idlest = (uint32_t)i;
    }
    return idlest;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Gives a reference back; a piece that nobody needs is free, and so may be the one before it. */
static void piece_release(struct sc_book *book, uint32_t piece)
{
    while (piece != SC_NONE) {
        struct sc_piece *p = &book->pieces[piece];
        const uint32_t page = piece / SC_PAGE_PIECES;
        assert(p->n_refs > 0);
        if (--p->n_refs > 0)
            return;
        book->n_free_pieces++;
        if (++book->free_pieces[page] == SC_PAGE_PIECES)
            book->free_pages[book->n_free_pages++] = page;
        piece = p->parent;
    }
}

/* A free piece for what the group says next: the one after its own in the page, so that a path lies
 * in one stretch; else the first of a page that is all free; else any.  There is one. */
static uint32_t find_free(struct sc_book *book, const struct sc_group *g)
{
    if (g->piece != SC_NONE && g->piece_n == SC_PIECE_TOKENS &&
        (g->piece + 1) % SC_PAGE_PIECES != 0 && book->pieces[g->piece + 1].n_refs == 0)
        return g->piece + 1;
    if (book->n_free_pages > 0)
        return book->free_pages[--book->n_free_pages] * SC_PAGE_PIECES;
    while (book->free_pieces[book->looked_at] == 0)
        book->looked_at = (book->looked_at + 1) % book->sizes.n_pages;
    uint32_t piece = (uint32_t)book->looked_at * SC_PAGE_PIECES;
    while (book->pieces[piece].n_refs > 0)
        piece++;
    return piece;
}

bool sc_group_feed(struct sc_book *book, uint32_t group)
{
    struct sc_group *g = &book->groups[group];
    struct sc_piece *p = g->piece != SC_NONE ? &book->pieces[g->piece] : NULL;
    if (p != NULL && p->n_refs == 1) /* what came after it is needed no more */
        p->n = g->piece_n;
    if (p == NULL || p->n != g->piece_n || p->n == SC_PIECE_TOKENS) {
        if (book->n_free_pieces == 0)
            return false;
        uint32_t piece = find_free(book, g);
        book->n_free_pieces--;
        book->free_pieces[piece / SC_PAGE_PIECES]--;
        /* The group's reference to its piece becomes the new one's. */
        book->pieces[piece] = (struct sc_piece){.parent = g->piece,
                                                .parent_n = g->piece_n,
                                                .depth = (uint32_t)sc_group_depth(book, group),
                                                .n_refs = 1};
        g->piece = piece;
        p = &book->pieces[piece];
    }
    p->ids[p->n] = g->token;
    p->stats[p->n] = g->stats;
    g->piece_n = ++p->n;
    return true;
}

/* The first n positions of a piece. */
static struct sc_span span_of(uint32_t piece, uint32_t n)
{
    return (struct sc_span){.page = piece / SC_PAGE_PIECES,
                            .begin = (uint16_t)(piece % SC_PAGE_PIECES * SC_PIECE_TOKENS),
                            .n = (uint16_t)n};
}

struct sc_span sc_group_position(const struct sc_book *book, uint32_t group)
{
    const struct sc_group *g = &book->groups[group];
    struct sc_span span = span_of(g->piece, 1);
    span.begin = (uint16_t)(span.begin + g->piece_n - 1);
    return span;
}

size_t sc_group_depth(const struct sc_book *book, uint32_t group)
{
    const struct sc_group *g = &book->groups[group];
    return g->piece != SC_NONE ? book->pieces[g->piece].depth + g->piece_n : 0;
}

void sc_group_path(const struct sc_book *book, uint32_t group, int32_t *ids,
                   struct sc_token_stats *stats)
{
    const struct sc_group *g = &book->groups[group];
    uint32_t n = g->piece_n;
    for (uint32_t piece = g->piece; piece != SC_NONE;) {
        const struct sc_piece *p = &book->pieces[piece];
        memcpy(ids + p->depth, p->ids, n * sizeof *ids);
        memcpy(stats + p->depth, p->stats, n * sizeof *stats);
        piece = p->parent;
        n = p->parent_n;
    }
}

size_t sc_group_spans(const struct sc_book *book, uint32_t group, struct sc_span *spans)
{
    const struct sc_group *g = &book->groups[group];
    size_t n_spans = 0;
    uint32_t n = g->piece_n;
    for (uint32_t piece = g->piece; piece != SC_NONE;) { /* the last one first */
        const struct sc_piece *p = &book->pieces[piece];
        const struct sc_span span = span_of(piece, n);
        struct sc_span *after = n_spans > 0 ? &spans[n_spans - 1] : NULL;
        if (after != NULL && after->page == span.page && span.begin + span.n == after->begin) {
            after->begin = span.begin;
            after->n = (uint16_t)(after->n + span.n);
        } else {
            spans[n_spans++] = span;
        }
        piece = p->parent;
        n = p->parent_n;
    }
    for (size_t i = 0; i < n_spans / 2; i++) {
        const struct sc_span span = spans[i];
        spans[i] = spans[n_spans - 1 - i];
        spans[n_spans - 1 - i] = span;
    }
    return n_spans;
}

/* ---- the line of pending groups -------------------------------------------------------------- */

static void line_leave(struct sc_book *book, uint32_t group)
{
    struct sc_group *g = &book->groups[group];
    if (g->before != SC_NONE)
        book->groups[g->before].after = g->after;
    else
        book->first_line = g->after;
    if (g->after != SC_NONE)
        book->groups[g->after].before = g->before;
    book->n_pending--;
}

/* Oldest seats first. */
static void line_enter(struct sc_book *book, uint32_t group)
{
    struct sc_group *g = &book->groups[group];
    uint32_t before = SC_NONE, after = book->first_line;
    while (after != SC_NONE && book->groups[after].oldest <= g->oldest) {
        before = after;
        after = book->groups[after].after;
    }
    g->before = before;
    g->after = after;
    if (before != SC_NONE)
        book->groups[before].after = group;
    else
        book->first_line = group;
    if (after != SC_NONE)
        book->groups[after].before = group;
    book->n_pending++;
}

/* ---- groups ---------------------------------------------------------------------------------- */

uint32_t sc_group_open(struct sc_book *book, uint32_t tree, uint32_t piece, uint32_t piece_n)
{
    struct sc_tree *t = &book->trees[tree];
    uint32_t group = book->free_group;
    assert(group != SC_NONE);
    struct sc_group *g = &book->groups[group];
    book->free_group = g->next;
    *g = (struct sc_group){.state = SC_GROUP_PARKED,
                           .tree = tree,
                           .piece = piece,
                           .piece_n = piece_n,
                           .first = SC_NONE,
                           .last = SC_NONE,
                           .oldest = UINT64_MAX,
                           .previous = SC_NONE,
                           .next = t->first,
                           .before = SC_NONE,
                           .after = SC_NONE};
    if (t->first != SC_NONE)
        book->groups[t->first].previous = group;
    t->first = group;
    if (piece != SC_NONE)
        book->pieces[piece].n_refs++;
    return group;
}

void sc_group_close(struct sc_book *book, uint32_t group)
{
    struct sc_group *g = &book->groups[group];
    struct sc_tree *t = &book->trees[g->tree];
    assert(g->n_asked == 0);
    sc_group_turn(book, group, SC_GROUP_PARKED);
    for (uint32_t member = sc_group_take_members(book, group); member != SC_NONE;) {
        uint32_t next = book->members[member].next;
        sc_member_drop(book, member);
        member = next;
    }
    piece_release(book, g->piece);
    if (g->previous != SC_NONE)
        book->groups[g->previous].next = g->next;
    else
        t->first = g->next;
    if (g->next != SC_NONE)
        book->groups[g->next].previous = g->previous;
    g->next = book->free_group;
    book->free_group = group;
}

void sc_group_turn(struct sc_book *book, uint32_t group, enum sc_group_state state)
{
    struct sc_group *g = &book->groups[group];
    struct sc_tree *t = &book->trees[g->tree];
    if (g->state == SC_GROUP_PENDING)
        line_leave(book, group);
    if (t->beginning == group)
        t->beginning = SC_NONE;
    g->state = state;
    if (state == SC_GROUP_PENDING)
        line_enter(book, group);
    if (state == SC_GROUP_BEGINS)
        t->beginning = group;
}

void sc_group_join(struct sc_book *book, uint32_t group, uint32_t from)
{
    struct sc_group *g = &book->groups[group], *f = &book->groups[from];
    assert(group != from && g->tree == f->tree && g->piece == f->piece && g->piece_n == f->piece_n);
    uint32_t mine = sc_group_take_members(book, group), theirs = sc_group_take_members(book, from);
    for (int asked = 1; asked >= 0; asked--)
        for (int side = 0; side < 2; side++) {
            uint32_t *list = side == 0 ? &mine : &theirs;
            while (*list != SC_NONE && (!asked || book->members[*list].seat != SC_NONE)) {
                uint32_t member = *list;
                *list = book->members[member].next;
                sc_group_put_member(book, group, member);
            }
        }
    sc_group_close(book, from);
}

/* ---- members --------------------------------------------------------------------------------- */

void sc_member_add(struct sc_book *book, uint32_t group, uint32_t trace)
{
    uint32_t member = book->free_member;
    assert(member != SC_NONE);
    book->free_member = book->members[member].next;
    book->members[member] =
        (struct sc_member){.order = UINT64_MAX, .trace = trace, .seat = SC_NONE};
    book->n_ahead++;
    sc_group_put_member(book, group, member);
}

void sc_member_drop(struct sc_book *book, uint32_t member)
{
    if (book->members[member].seat == SC_NONE)
        book->n_ahead--;
    book->members[member].next = book->free_member;
    book->free_member = member;
}

uint32_t sc_member_find(const struct sc_book *book, uint32_t tree, uint32_t trace)
{
    for (uint32_t group = book->trees[tree].first; group != SC_NONE;
         group = book->groups[group].next)
        for (uint32_t m = book->groups[group].first; m != SC_NONE; m = book->members[m].next)
            if (book->members[m].trace == trace && book->members[m].seat == SC_NONE)
                return group;
    return SC_NONE;
}

void sc_member_seat(struct sc_book *book, uint32_t group, uint32_t trace, uint32_t seat,
                    uint64_t order)
{
    struct sc_group *g = &book->groups[group];
    uint32_t before = SC_NONE, member = g->first;
    while (book->members[member].trace != trace || book->members[member].seat != SC_NONE) {
        before = member;
        member = book->members[member].next;
    }
    struct sc_member *m = &book->members[member];
    if (before != SC_NONE) { /* to the front */
        book->members[before].next = m->next;
        if (g->last == member)
            g->last = before;
        m->next = g->first;
        g->first = member;
    }
    m->seat = seat;
    m->order = order;
    g->n_asked++;
    if (order < g->oldest)
        g->oldest = order;
    book->trees[g->tree].n_asked++;
    book->n_ahead--;
}

uint32_t sc_group_take_members(struct sc_book *book, uint32_t group)
{
    struct sc_group *g = &book->groups[group];
    uint32_t list = g->first;
    book->trees[g->tree].n_asked -= g->n_asked;
    g->first = g->last = SC_NONE;
    g->n_members = g->n_asked = 0;
    g->oldest = UINT64_MAX;
    return list;
}

void sc_group_put_member(struct sc_book *book, uint32_t group, uint32_t member)
{
    struct sc_group *g = &book->groups[group];
    struct sc_member *m = &book->members[member];
    m->next = SC_NONE;
    if (g->last != SC_NONE)
        book->members[g->last].next = member;
    else
        g->first = member;
    g->last = member;
    g->n_members++;
    if (m->seat == SC_NONE)
        return;
    g->n_asked++;
    if (m->order < g->oldest)
        g->oldest = m->order;
    book->trees[g->tree].n_asked++;
}
