/* strftime_now: the date that a run is given, at midnight, as C's strftime writes it in English. */
#ifndef SC_JINJA_DATE_H
#define SC_JINJA_DATE_H

#include "jinja/string.h"

enum sc_status sc_jinja_add_date(struct builder *b, const struct string *format);

#endif
