/* Traditional signs of Chinese and what they are in simplified ones: those that the forms and words
 * of norms in chinese.c use, and no others. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "detection/languages/forms.h"

enum { SIGN_BYTES = 3 };

/* Each sign before its simplified one, in ascending order. */
static const char signs[] =
    "來来個个們们倫伦偽伪備备傳传傷伤傾倾僅仅價价內内別别則则創创劃划劇剧務务勵励區区協协參参"
    "問问單单嗎吗嘗尝嚴严圍围執执報报場场壞坏妳你學学實实審审寫写將将專专尋寻對对導导屬属師师"
    "帶带幫帮幾几強强後后從从復复您你惡恶愛爱慮虑應应採采換换損损撥拨擇择擊击擔担據据擬拟擾扰"
    "數数斷断於于時时暫暂書书會会條条極极構构樂乐標标樣样機机檢检權权歡欢歷历殺杀決决沒没測测"
    "準准溝沟滿满為为無无熱热獲获現现當当療疗發发盜盗監监確确碼码種种積积範范簡简級级細细終终"
    "結结絕绝給给統统維维網网線线編编練练總总繫系繼继續续罰罚聯联職职聽听臺台與与舉举處处虛虚"
    "衝冲裏里裡里製制複复覆复見见規规視视親亲覺觉觀观觸触計计討讨訓训記记訪访設设許许訴诉詐诈"
    "評评詞词詢询試试話话該该詳详認认語语誠诚誤误說说誰谁調调談谈請请諒谅論论謝谢證证識识譯译"
    "議议護护讀读讓让讚赞負负財财責责資资質质贊赞輸输辦办這这連连進进過过達达違违遠远適适選选"
    "遺遗還还釋释錯错長长門门開开關关隨随險险隱隐隻只離离難难電电靜静響响須须預预題题願愿類类"
    "顯显風风騙骗騷骚驗验體体髮发點点";

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, SIGN_BYTES);
}

enum { FIRST = 0x4e00, LAST = 0x9fff, N_SIGNS = (sizeof signs - 1) / (2 * SIGN_BYTES) };

/* A bit for each sign: most have no simpler one, and need no search. */
static uint64_t has_other[(LAST - FIRST) / 64 + 1];
static pthread_once_t noted = PTHREAD_ONCE_INIT;

static void note(void)
{
    for (size_t i = 0; i < N_SIGNS; i++) {
        uint32_t cp;
        size_t bytes = sc_utf8_decode(signs + 2 * SIGN_BYTES * i, SIGN_BYTES, &cp);
        assert(bytes == SIGN_BYTES && cp >= FIRST && cp <= LAST);
        if (bytes == SIGN_BYTES)
            has_other[(cp - FIRST) / 64] |= UINT64_C(1) << (cp - FIRST) % 64;
    }
}

uint32_t sc_simplified_sign(uint32_t cp)
{
    char sign[4];
    if (cp < FIRST || cp > LAST)
        return cp;
    pthread_once(&noted, note);
    if (!(has_other[(cp - FIRST) / 64] >> (cp - FIRST) % 64 & 1) ||
        sc_utf8_encode(cp, sign) != SIGN_BYTES)
        return cp;
    const char *found = bsearch(sign, signs, N_SIGNS, 2 * SIGN_BYTES, compare);
    uint32_t simplified = cp;
    if (found != NULL)
        sc_utf8_decode(found + SIGN_BYTES, SIGN_BYTES, &simplified);
    return simplified;
}
