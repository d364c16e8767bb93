/* See tables.h. */
#include "experiment/store/tables.h"

#include <string.h>

const struct sc_table_made *sc_table_made_at(size_t i)
{
    const struct sc_table_made *const lists[] = {
        sc_judgement_tables, sc_score_tables,    sc_reply_tables,  sc_label_tables,
        sc_given_tables,     sc_position_tables, sc_weighed_tables};
    size_t left = i;
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (const struct sc_table_made *table = lists[l]; table->name != NULL; table++)
            if (left-- == 0)
                return table;
    return NULL;
}

const struct sc_table_made *sc_table_made_of(const char *name)
{
    const struct sc_table_made *table = NULL;
    for (size_t i = 0; (table = sc_table_made_at(i)) != NULL; i++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}
