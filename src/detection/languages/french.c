/* Forms of French (forms.h). */
#include "detection/languages/forms.h"

static const struct sc_form answer[] = {
    {KIND_REFUSE,
     {"je ne peux|je ne suis pas en mesure|je ne saurais|je ne pourrai|"
      "je ne suis pas capable|je ne vais pas|nous ne pouvons|"
      "je ne souhaite pas|je ne dois pas|je ne suis pas autorisé|je refuse|"
      "il m'est impossible|je dois refuser|je dois décliner|"
      "je ne me sens pas",
      "aider|fournir|répondre|donner|assister|partager|proposer|offrir|"
      "générer|créer|écrire|rédiger|expliquer|discuter|participer|soutenir|"
      "encourager|accéder|satisfaire|faire|dire|aborder|traiter|apporter|"
      "produire|cette|à l'aise"},
     NULL,
     0},
};

static const struct sc_form prompt[] = {
    {TRAIT_WRITING, {"écri|rédige|histoire|poème|lettre|scénario|tradui|dialogue"}, NULL, 0},
    {TRAIT_METHOD, {"comment|façon|manière|moyen|conseils"}, NULL, 0},
    {TRAIT_WHY, {"pourquoi"}, NULL, 0},
    {TRAIT_FACTUAL, {"qu'est-ce qu|définition"}, NULL, 0},
    {TRAIT_YES_OR_NO, {"est-ce qu|peut-on|dois-je|puis-je"}, NULL, 0},
};

const struct sc_forms sc_french_forms = {SC_FORMS(answer), SC_FORMS(prompt), NULL, true};
