/* Prompts that are lists, in JSON or as Python prints them: messages that can be asked, or an
 * error. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "benchmark/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sc_messages *messages)
{
    const struct sc_conversation *turns = &messages->conversation;
    if (turns->n == 0 || strcmp(turns->messages[turns->n - 1].role, "user") != 0)
        abort();
    for (size_t i = 0; i < turns->n; i++) {
        const char *text = turns->messages[i].text;
        if (sc_utf8_valid(text, strlen(text)) != strlen(text))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *source = sc_strndup((const char *)data, size);
    json_t *value = NULL;
    struct sc_error error = {0};
    if (source == NULL)
        return 0;
    bool are;
    enum sc_status status = sc_messages_are(source, true, &are, NULL);
    if (status != SC_OK)
        abort();
    status = sc_messages_parse(source, &value, &error);
    if ((status == SC_OK) != (value != NULL) || (status == SC_OK) != (error.text[0] == '\0'))
        abort();
    for (int multi_turn = 0; multi_turn < 2 && value != NULL; multi_turn++) {
        struct sc_messages messages;
        struct sc_error why = {0};
        status = sc_messages_read(value, multi_turn == 1, &messages, &why);
        if (status == SC_OK)
            check(&messages);
        else if (why.text[0] == '\0' || messages.conversation.n > 0)
            abort();
        sc_messages_free(&messages);
    }
    json_decref(value);
    sc_free(source);
    return 0;
}
