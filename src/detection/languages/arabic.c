/* Forms of Arabic (forms.h). */
#include "detection/languages/forms.h"

static const struct sc_form answer[] = {
    {KIND_REFUSE,
     {"لا أستطيع|لا استطيع|لا يمكنني|لن أستطيع|لن يمكنني|لا أقدر|لست قادر|"
      "غير قادر|لن أقوم|أرفض|لا يسعني|لا نستطيع|لا يمكننا",
      "مساعد|تقديم|تزويد|الإجابة|الاجابة|توفير|إعطاء|مشارك|الرد|تنفيذ|كتابة|"
      "دعم|إنشاء|شرح|أن أ|القيام|التحدث|المساعد|تلبية|أقدم|مناقش"},
     NULL,
     0},
    {KIND_REFUSE | KIND_SORRY,
     {"آسف|أسف|أعتذر|عذر|للأسف", "لا يمكن|لا أستطيع|لا استطيع|لن |لست"},
     NULL,
     0},
};

static const struct sc_form prompt[] = {
    {TRAIT_WRITING, {"اكتب|كتابة|قصة|قصيدة|رسالة|سيناريو|ترجم"}, NULL, 0},
    {TRAIT_METHOD, {"كيف|طريقة|خطوات"}, NULL, 0},
    {TRAIT_WHY, {"لماذا"}, NULL, 0},
    {TRAIT_FACTUAL, {"ما هو|ما هي|ما معنى"}, NULL, 0},
    {TRAIT_YES_OR_NO, {"هل "}, NULL, 0},
};

const struct sc_forms sc_arabic_forms = {SC_FORMS(answer), SC_FORMS(prompt), NULL, true};
