/* Any bytes as TOML: a value that its JSON text gives again, or one line about what is wrong. */
#include <stdlib.h>
#include <string.h>

#include "base/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *value = NULL, *back = NULL;
    struct sc_error error = {0};
    struct sc_text text = {0};
    enum sc_status status = sc_toml_parse((const char *)data, size, "fuzz", &value, &error);
    expect((status == SC_OK) == (value != NULL) && (status == SC_OK) == (error.text[0] == '\0'));
    if (status != SC_OK) {
        expect(status == SC_ERR_FORMAT && strstr(error.text, ": line ") != NULL);
        return 0;
    }
    expect(json_is_object(value));
    sc_json_write(&text, value);
    expect(!text.failed);
    expect(sc_json_parse(text.data, text.len, "own", &back, &error) == SC_OK);
    expect(json_equal(value, back));
    json_decref(back);
    json_decref(value);
    sc_text_free(&text);
    return 0;
}
