/* Forms of Portuguese (forms.h). */
#include "detection/languages/forms.h"

static const struct sc_form answer[] = {
    {KIND_REFUSE,
     {"não posso|não podemos|não consigo|não sou capaz|não vou|"
      "não estou em condições|não me sinto|não devo|recuso|nao posso|"
      "não poderei|não tenho permissão|devo recusar",
      "ajud|fornec|oferec|dar|responder|atender|compartilh|partilh|gerar|"
      "criar|escrev|explic|auxili|apoiar|particip|fazer|discut|promov|"
      "incentiv|confort|prestar|ensin|esse|essa"},
     NULL,
     0},
};

static const struct sc_form prompt[] = {
    {TRAIT_WRITING, {"escrev|redij|história|conto|poema|carta|roteiro|traduz|diálogo"}, NULL, 0},
    {TRAIT_METHOD, {"como |maneira|forma de|método|passos"}, NULL, 0},
    {TRAIT_WHY, {"por que|por quê"}, NULL, 0},
    {TRAIT_FACTUAL, {"o que é|o que significa"}, NULL, 0},
    {TRAIT_YES_OR_NO, {"é possível|devo|posso"}, NULL, 0},
};

const struct sc_forms sc_portuguese_forms = {SC_FORMS(answer), SC_FORMS(prompt), NULL, true};
