/* See tables.h. */
#include "experiment/store/tables.h"

#include <stddef.h>
#include <string.h>

const char *sc_table_made_sql(const char *name)
{
    const struct sc_table_made *const lists[] = {
        sc_judgement_tables, sc_score_tables,    sc_reply_tables,  sc_label_tables,
        sc_given_tables,     sc_position_tables, sc_weighed_tables};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct sc_table_made *table = lists[i]; table->name != NULL; table++)
            if (strcmp(table->name, name) == 0)
                return table->sql;
    return NULL;
}
