/* Forms of Japanese (forms.h). */
#include "detection/languages/forms.h"

static const struct sc_form answer[] = {
    {KIND_REFUSE,
     {"提供|お手伝い|お答え|お応え|回答|協力|支援|サポート|教え|説明|作成|対応|お伝え|手助け|助け|"
      "応じ|ご案内|議論|共有|お教え|"
      "生成|書く",
      "できません|できない|できかね|いたしかね|致しかね|しかねます|ことはでき|わけにはいき|"
      "出来ません|控えさせ|お断り|ません"},
     NULL,
     0},
    {KIND_REFUSE | KIND_SORRY,
     {"申し訳|すみません|すいません|残念ながら|ごめんなさい|恐れ入りますが",
      "できません|できない|かねます|出来ません|お断り|わけにはいき"},
     NULL,
     0},
};

static const struct sc_form prompt[] = {
    {TRAIT_WRITING, {"書いて|書く|物語|小説|詩|脚本|手紙|翻訳"}, NULL, 0},
    {TRAIT_METHOD, {"方法|どうやって|どうすれば|作り方"}, NULL, 0},
    {TRAIT_WHY, {"なぜ|どうして"}, NULL, 0},
    {TRAIT_FACTUAL, {"とは|何ですか"}, NULL, 0},
    {TRAIT_YES_OR_NO, {"ですか|ますか"}, NULL, 0},
};

const struct sc_forms sc_japanese_forms = {SC_FORMS(answer), SC_FORMS(prompt), NULL, false};
