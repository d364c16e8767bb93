/* Any bytes as a hub's listing of a model: what is kept of it are plain names inside one folder. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hub_cache.h"
#include "hub/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct sc_hub_listing *listing)
{
    expect(sc_hub_revision_fits(listing->commit) && strchr(listing->commit, '/') == NULL);
    for (size_t i = 0; i < listing->n; i++) {
        const struct sc_hub_file *file = &listing->files[i];
        expect(sc_is_plain_name(file->name));
        expect(i == 0 || strcmp(listing->files[i - 1].name, file->name) < 0);
        expect(*file->etag == '\0' || (sc_is_plain_name(file->etag) && strlen(file->etag) <= 128));
        expect(*file->sha256 == '\0' || strlen(file->sha256) == 64);
        expect(*file->git_sha1 == '\0' || strlen(file->git_sha1) == 40);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int part = 0; part < 2; part++) {
        struct sc_hub_listing listing;
        struct sc_error error = {0};
        char *text = malloc(size ? size : 1); /* its end is the sanitizer's business */
        if (text == NULL)
            return 0;
        if (size)
            memcpy(text, data, size);
        if (sc_hub_listing_parse(text, size, &listing, &error) == SC_OK) {
            check(&listing);
            if (sc_hub_listing_choose(&listing, (enum sc_hub_part)part, &error) == SC_OK)
                check(&listing);
        }
        expect(error.status == SC_OK || error.text[0] != '\0');
        sc_hub_listing_free(&listing);
        free(text);
    }
    return 0;
}
