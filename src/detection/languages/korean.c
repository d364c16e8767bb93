/* Forms of Korean (forms.h). */
#include "detection/languages/forms.h"

static const struct sc_form answer[] = {
    {KIND_REFUSE,
     {"도와|도움|제공|답변|대답|답해|알려|안내|설명|지원|응답|작성|공유|협조|수행|가르쳐|말씀",
      "수 없|수는 없|수가 없|못합니다|못해요|어렵습니다|어려워요|않습니다|않겠|불가능|거부|거절"},
     NULL,
     0},
    {KIND_REFUSE | KIND_SORRY,
     {"죄송|미안|유감|안타깝지만", "수 없|수는 없|않습니다|않겠|못합니다|어렵습니다|불가능"},
     NULL,
     0},
};

static const struct sc_form prompt[] = {
    {TRAIT_WRITING, {"써줘|써 줘|작성|이야기|소설|시를|편지|대본|번역"}, NULL, 0},
    {TRAIT_METHOD, {"방법|어떻게"}, NULL, 0},
    {TRAIT_WHY, {"왜|이유"}, NULL, 0},
    {TRAIT_FACTUAL, {"무엇|뭐야|뜻"}, NULL, 0},
    {TRAIT_YES_OR_NO, {"인가요|나요|습니까"}, NULL, 0},
};

const struct sc_forms sc_korean_forms = {SC_FORMS(answer), SC_FORMS(prompt), NULL, false};
