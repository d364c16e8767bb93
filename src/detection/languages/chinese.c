/* Forms of Chinese (forms.h). */
#include "detection/languages/forms.h"

static const struct sc_form answer[] = {
    {KIND_REFUSE,
     {"我不能|我无法|我無法|我不会|我不會|我们不能|我们无法|我們無法|我不可以|我不便|我没有办法|"
      "我没办法|不能为|无法为|無法為|"
      "我拒绝|我拒絕|我不应",
      "提供|帮助|幫助|帮你|帮您|幫您|协助|協助|回答|满足|滿足|给出|給出|支持|参与|參與|讨论|討論|"
      "生成|完成|执行|執行|继续|"
      "告诉|告訴|分享|编写|編寫|撰写|撰寫|创作|為您|为您|为你|处理|回应|回應|响应|解答|教你|教您|"
      "这样做|這樣做|遵从|写|描述|"
      "推荐"},
     NULL,
     0},
    {KIND_REFUSE | KIND_SORRY,
     {"抱歉|对不起|對不起|很遗憾|很遺憾|不好意思|作为一个ai|作为ai|作为一个人工智能|作为人工智能",
      "无法|無法|不能|不会|不會|不便|不适合|不適合"},
     NULL,
     0},
};

static const struct sc_form prompt[] = {
    {TRAIT_WRITING, {"写|寫|创作|撰写|故事|小说|诗|剧本|信|翻译"}, NULL, 0},
    {TRAIT_METHOD, {"如何|怎么|怎样|怎麼|方法"}, NULL, 0},
    {TRAIT_WHY, {"为什么|為什麼|为何"}, NULL, 0},
    {TRAIT_FACTUAL, {"什么是|是什么"}, NULL, 0},
    {TRAIT_YES_OR_NO, {"吗|嗎|是否"}, NULL, 0},
};

const struct sc_forms sc_chinese_forms = {SC_FORMS(answer), SC_FORMS(prompt), NULL, false};
