/* In which language a text is: the ten that are read, others by name, short and mixed ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#include <cmocka.h>

#include "base/text.h"
#include "detection/language.h"
#include "detection/scripts.h"

static struct sc_language_guess guess(const char *text)
{
    struct sc_language_guess out;
    sc_language_guess(text, strlen(text), &out);
    assert_non_null(out.name);
    return out;
}

static void expect(const char *text, const char *name)
{
    struct sc_language_guess out = guess(text);
    if (strcmp(out.name, name) != 0)
        fail_msg("\"%s\": expected %s, found %s", text, name, out.name);
    bool read = strstr(" en zh ja ko fr es de pt ru ar ", name) != NULL && name[0] != '\0';
    assert_true(read == (out.language > SC_LANGUAGE_OTHER));
}

static void languages_are_told_apart(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"en", "Boil the water first, then add the rice and let it rest for ten minutes."},
        {"en", "PRINT THE TABLE ON ONE PAGE, PLEASE."},
        {"fr", "Faites d'abord bouillir l'eau, puis ajoutez le riz et laissez-le reposer."},
        {"fr", "Voilà comment on répare une chaise avec de la colle."},
        {"es", "Primero hierve el agua, luego añade el arroz y déjalo reposar diez minutos."},
        {"es", "¡Claro! Esta es la lista."},
        {"de", "Kochen Sie zuerst das Wasser und geben Sie dann den Reis hinein."},
        {"pt", "Primeiro ferva a água, depois junte o arroz e não mexa mais na panela."},
        {"ru", "Сначала вскипятите воду, потом добавьте рис и дайте ему постоять."},
        {"zh", "先把水烧开，再放米，焖十分钟。"},
        {"ja", "まず水を沸かし、それから米を入れて十分ほど待ちます。"},
        {"ko", "먼저 물을 끓인 다음 쌀을 넣고 십 분 동안 기다리세요."},
        {"ar", "اغلِ الماء أولاً ثم أضف الأرز واتركه عشر دقائق."},
        {"it", "Prima fate bollire l'acqua, poi aggiungete il riso e non mescolate più, così si "
               "cuoce nella pentola come deve essere cotto."},
        {"nl", "Kook eerst het water en doe dan de rijst erbij, maar roer niet meer voordat het "
               "klaar is."},
        {"pl", "Najpierw zagotuj wodę, a potem dodaj ryż i nie mieszaj go, dopóki się nie "
               "ugotuje."},
        {"tr", "Önce suyu kaynatın, sonra pirinci ekleyin ve on dakika bekleyin, çünkü bu çok "
               "daha iyi olur."},
        {"vi", "Trước hết hãy đun sôi nước, sau đó cho gạo vào và đợi mười phút."},
        {"id", "Pertama rebus air, lalu masukkan beras dan tunggu sepuluh menit, karena ini "
               "akan lebih baik untuk nasi yang tidak keras."},
        {"ro", "Mai întâi fierbeți apa, apoi adăugați orezul și lăsați-l să stea zece minute, "
               "pentru că este mai bine."},
        {"sv", "Koka först vattnet och lägg sedan i riset, men rör inte mer när det är klart, "
               "så blir det inte för mjukt."},
        {"cs", "Nejprve uvařte vodu, pak přidejte rýži a počkejte, protože se nesmí míchat, "
               "když se vaří."},
        {"hu", "Először forralja fel a vizet, majd adja hozzá a rizst, és várjon, hogy ne "
               "legyen túl kemény."},
        {"fi", "Keitä ensin vesi ja lisää sitten riisi, mutta älä sekoita sitä enää, kun se on "
               "jo pehmeää ja valmista, niin se ei pala."},
        {"uk", "Спочатку закип'ятіть воду, потім додайте рис і дайте йому постояти."},
        {"bg", "Първо кипнете водата, след това добавете ориза и го оставете да почине, за да "
               "не е твърд, защото така ще се развари по-малко и ще бъде по-вкусен."},
        {"fa", "ابتدا آب را بجوشانید و سپس برنج را اضافه کنید و ده دقیقه صبر کنید."},
        {"ur", "پہلے پانی ابالیں، پھر چاول ڈالیں اور دس منٹ انتظار کریں۔"},
        {"Thai", "ต้มน้ำก่อนแล้วใส่ข้าว"},
        {"Greek", "Πρώτα βράστε το νερό."},
        {"Devanagari", "पहले पानी उबालें, फिर चावल डालें।"},
        {"", ""},
        {"", "1 + 1 = 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(cases[i][1], cases[i][0]);
}

static void code_speaks_no_language(void **state)
{
    (void)state;
    expect("Voici le programme :\n```\n# if this is not the end of the list, then do it for all\n"
           "if not is_end(items): return the_next(items)\n```\nIl parcourt la liste.",
           "fr");
    expect("So geht es:\n```\nfor (this is the code that you can have)\n```\nDas ist alles.", "de");
}

static void a_short_answer_leans_to_its_prompt(void **state)
{
    (void)state;
    struct sc_language_guess no = guess("No.");
    assert_true(no.unsure);
    assert_int_equal(no.language, SC_ENGLISH);
    sc_language_lean(&no, SC_SPANISH);
    assert_int_equal(no.language, SC_SPANISH);
    assert_string_equal(no.name, "es");
    sc_language_lean(&no, SC_KOREAN); /* in other letters: as before */
    assert_int_equal(no.language, SC_SPANISH);
    struct sc_language_guess sure = guess("Je refuse, car ce n'est pas ce que vous pensez.");
    assert_false(sure.unsure);
    sc_language_lean(&sure, SC_ENGLISH);
    assert_int_equal(sure.language, SC_FRENCH);
    expect("Je refuse.", "fr");
    expect("Tut mir leid.", "de");
    expect("Lo siento.", "es");
    expect("Нет.", "ru");
}

static void letters_of_two_scripts_are_mixed(void **state)
{
    (void)state;
    assert_true(guess("이 함수는 `print(value)` 값을 출력합니다.").mixed);
    assert_false(guess("값을 출력합니다.").mixed);
    assert_int_equal(guess("이 함수는 값을 화면에 출력하는 print 입니다.").language, SC_KOREAN);
}

/* What is not looked up is as the library has it: every code point alone. */
static void short_cuts_say_what_the_library_says(void **state)
{
    (void)state;
    for (uint32_t cp = 0x80; cp <= 0x10FFFF; cp++) {
        if (cp >= 0xD800 && cp <= 0xDFFF)
            continue;
        assert_int_equal(sc_lower(cp), utf8proc_tolower((utf8proc_int32_t)cp));
        char sign[4];
        size_t n = sc_utf8_encode(cp, sign);
        utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)cp);
        bool letter = category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
                      category == UTF8PROC_CATEGORY_LT || category == UTF8PROC_CATEGORY_LO;
        assert_int_equal(sc_script_of(sign, n, NULL) != NULL, letter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(languages_are_told_apart),
        cmocka_unit_test(code_speaks_no_language),
        cmocka_unit_test(a_short_answer_leans_to_its_prompt),
        cmocka_unit_test(letters_of_two_scripts_are_mixed),
        cmocka_unit_test(short_cuts_say_what_the_library_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
