/* A document as JSON, as it stands in every file that the program writes. */
#ifndef SC_REPORT_JSON_DOCUMENT_H
#define SC_REPORT_JSON_DOCUMENT_H

#include "analysis/document/document.h"
#include "base/json_writer.h"

/* An estimate is {"value","low","high","n"}; what could not be computed is null with "KEY_reason"
 * beside it, or as an element of an array {"value":null,...,"reason"}. */
void sc_json_put_document(struct sc_json_writer *out, const struct sc_document *document);

#endif
