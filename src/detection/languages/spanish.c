/* Forms of Spanish (forms.h). */
#include "detection/languages/forms.h"

static const struct sc_form answer[] = {
    {KIND_REFUSE,
     {"no puedo|no podemos|no me es posible|no soy capaz|me niego|"
      "no estoy en condiciones|no voy a|no debo|no podré|no me siento|"
      "no estoy autorizad|no es posible para mí|debo rechazar|"
      "tengo que rechazar",
      "ayudar|proporcion|ofrecer|dar|responder|cumplir|asisti|compartir|"
      "generar|crear|escribir|hablar|brindar|facilitar|apoyar|participar|"
      "explicar|decir|contestar|discutir|hacer|atender|satisfacer|redactar|"
      "promover|fomentar|cómod|esa|esta|este|ese"},
     NULL,
     0},
};

static const struct sc_form prompt[] = {
    {TRAIT_WRITING,
     {"escrib|redact|historia|cuento|poema|carta|guion|guión|traduc|diálogo"},
     NULL,
     0},
    {TRAIT_METHOD, {"cómo|como |manera|forma de|método|pasos"}, NULL, 0},
    {TRAIT_WHY, {"por qué"}, NULL, 0},
    {TRAIT_FACTUAL, {"qué es|qué significa"}, NULL, 0},
    {TRAIT_YES_OR_NO, {"¿es |¿debo|¿puedo|¿se puede"}, NULL, 0},
};

const struct sc_forms sc_spanish_forms = {SC_FORMS(answer), SC_FORMS(prompt), NULL, true};
