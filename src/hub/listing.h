/* What a hub says that a model's repository holds, and which of it is needed.  Private to this
 * room. */
#ifndef SC_HUB_LISTING_H
#define SC_HUB_LISTING_H

#include "hub/models.h"

struct sc_hub_listing {
    char commit[65];
    bool gated; /* only for those who accepted its terms */
    /* [n] of the repository's top folder, in the order of their names; each name is a plain one,
     * and no two are alike. */
    struct sc_hub_file *files;
    size_t n, cap;
};

/* Parses an answer of /api/models/NAME/revision/REVISION.  Fields that a hub leaves out are absent.
 */
enum sc_status sc_hub_listing_parse(const char *json, size_t n, struct sc_hub_listing *out,
                                    struct sc_error *error);
void sc_hub_listing_free(struct sc_hub_listing *listing); /* zeros are fine */

/* Keeps the files that a model's use takes: its settings and tokenizer and, unless only those are
 * wanted, its weights.  A repository without weights that are read here is refused, with what it
 * has instead. */
enum sc_status sc_hub_listing_choose(struct sc_hub_listing *listing, enum sc_hub_part part,
                                     struct sc_error *error);

/* Sets the file's hash from an ETag: SHA-256 (64 digits), or Git's (40).  Of others nothing is
 * known but that they name the content.  An ETag that cannot be a file's name is an error. */
enum sc_status sc_hub_file_set_etag(struct sc_hub_file *file, const char *etag,
                                    struct sc_error *error);

#endif
