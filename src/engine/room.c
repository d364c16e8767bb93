/*
 * What is given up when room is short, in this order: idle trees, groups that nobody asked for,
 * pending groups and strands, youngest first, whose traces begin again and say the same again.
 *
 * Every run ends: the group with the oldest request is spared.  Its trace goes on in each step, or
 * it is pending and gets the first row that is free, which comes since strands end or are given up.
 * Where it is the only thing left that holds pieces and still needs one, its path is scattered over
 * pieces that it fills in part: then its oldest trace begins again by itself, with nothing else
 * running until it has ended.  It has no branches then, so that it fills its pieces, and those of
 * one longest answer are there.
 *
 * Next: strands.c, tree.c.
 */
#include "engine/room.h"

#include <assert.h>

#include "engine/strands.h"

bool sc_room_give_up_idle(struct sc_sampling_run *s)
{
    uint32_t tree = sc_tree_idlest(&s->b->book);
    if (tree != SC_NONE)
        sc_tree_close(&s->b->book, tree);
    return tree != SC_NONE;
}

/* A parked group that holds a piece, better one whose piece is free without it; SC_NONE. */
static uint32_t find_parked(const struct sc_book *book)
{
    uint32_t found = SC_NONE;
    for (size_t t = 0; t < book->sizes.n_trees; t++) {
        if (!book->trees[t].is_open)
            continue;
        for (uint32_t group = book->trees[t].first; group != SC_NONE;
             group = book->groups[group].next) {
            const struct sc_group *g = &book->groups[group];
            if (g->state != SC_GROUP_PARKED || g->piece == SC_NONE)
                continue;
            found = group;
            if (book->pieces[g->piece].n_refs == 1)
                return found;
        }
    }
    return found;
}

/* The group that has the oldest request of those that run or are pending. */
static uint32_t find_oldest(const struct sc_sampling_run *s)
{
    const struct sc_book *book = &s->b->book;
    uint32_t oldest = book->first_line;
    for (size_t i = 0; i < s->b->n_strands; i++) {
        uint32_t group = s->b->strands[s->b->order[i]].group;
        if (oldest == SC_NONE || book->groups[group].oldest < book->groups[oldest].oldest)
            oldest = group;
    }
    return oldest;
}

/* The youngest pending group that holds a piece, the youngest strand where there is none. */
static uint32_t find_youngest(const struct sc_sampling_run *s, uint32_t spared)
{
    const struct sc_book *book = &s->b->book;
    uint32_t youngest = SC_NONE;
    for (uint32_t group = book->first_line; group != SC_NONE; group = book->groups[group].after)
        if (group != spared && book->groups[group].piece != SC_NONE)
            youngest = group;
    for (size_t i = 0; i < s->b->n_strands && (i > 0 || youngest == SC_NONE); i++) {
        uint32_t group = s->b->strands[s->b->order[i]].group;
        if (group != spared &&
            (youngest == SC_NONE || book->groups[group].oldest > book->groups[youngest].oldest))
            youngest = group;
    }
    return youngest;
}

/* Tokens of the group's answer that were sampled. */
static size_t n_sampled(const struct sc_sampling_run *s, uint32_t group)
{
    struct sc_book *book = &s->b->book;
    const struct sc_trace_request *r = sc_group_lead(s, group);
    if (book->groups[group].state == SC_GROUP_RUNS) {
        const struct sc_path *path = &sc_strand_of(s, group)->path;
        return path->n - path->n_forced;
    }
    struct sc_path path;
    size_t depth = sc_group_depth(book, group);
    sc_group_path(book, group, s->b->path_ids, s->b->path_stats);
    sc_path_begin(&path, r, s->engine->config.max_positions);
    for (size_t i = 0; i < depth; i++)
        sc_path_add(&path, r, s->b->path_ids[i]);
    sc_path_add(&path, r, book->groups[group].token);
    return path.n - path.n_forced;
}

/* The group's traces that were asked for begin again; the others are forgotten. */
static void begin_again(struct sc_sampling_run *s, uint32_t group)
{
    struct sc_book *book = &s->b->book;
    const uint32_t tree = book->groups[group].tree;
    s->report.n_generated -= n_sampled(s, group) * book->groups[group].n_asked;
    s->gave_up = true;
    if (book->groups[group].state == SC_GROUP_RUNS)
        sc_strand_end(s, sc_strand_of(s, group));
    uint32_t list = sc_group_take_members(book, group), next;
    uint32_t beginning = book->trees[tree].beginning;
    sc_group_close(book, group);
    if (beginning == SC_NONE) {
        beginning = sc_group_open(book, tree, SC_NONE, 0);
        sc_group_turn(book, beginning, SC_GROUP_BEGINS);
    }
    for (uint32_t m = list; m != SC_NONE; m = next) {
        next = book->members[m].next;
        if (book->members[m].seat != SC_NONE)
            sc_group_put_member(book, beginning, m);
        else
            sc_member_drop(book, m);
    }
    sc_tree_wait(s, tree);
}

void sc_room_make(struct sc_sampling_run *s, struct sc_strand *strand)
{
    struct sc_book *book = &s->b->book;
    uint32_t parked = SC_NONE, spared = SC_NONE, given_up = SC_NONE;
    if (sc_room_give_up_idle(s))
        return;
    parked = find_parked(book);
    if (parked != SC_NONE) {
        sc_group_close(book, parked);
        return;
    }
    spared = find_oldest(s);
    given_up = find_youngest(s, spared);
    if (given_up == SC_NONE) {
        given_up = spared;
        assert(strand->group == spared && s->careful == SC_NONE);
        s->careful = book->members[book->groups[spared].first].seat;
        for (uint32_t m = book->groups[spared].first; m != SC_NONE; m = book->members[m].next)
            if (book->members[m].order == book->groups[spared].oldest)
                s->careful = book->members[m].seat;
    }
    begin_again(s, given_up);
}
