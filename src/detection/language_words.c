/*
 * Languages in Latin and Cyrillic letters, told by their most frequent words and by letters that
 * few of them use: those whose refusals are read, and others, so that one that is not read is known
 * as such.
 */
#include "detection/language_words.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "detection/scripts.h"

/* ISO 639-1; none of the words is written with an apostrophe. */
static const struct {
    const char *code;
    enum sc_language language;
    bool cyrillic;
    const char *words;
} tables[] = {
    {"en", SC_ENGLISH, false,
     "a an am no all me so up out such the of and to is that it for you with are this not "
     "have be as or can your from i we they but if there which would should how what will "
     "my do was by at on in has he his their its when who more about any could some only "
     "other than then these also been because while into use here sorry unable help write "
     "tell give make explain create translate"},
    {"fr", SC_FRENCH, false,
     "le la les des et est une du dans pour vous je ne pas qui sur avec au ce cette il "
     "sont votre ou nous mais puis un de en que par plus aux se son sa ses être peut fait "
     "tout si comme elle on leur désolé peux qu afin cela ces entre sans donc non même vos "
     "ainsi très aussi à été ont dont dit te comment quel quelle quels quelles mon ma mes "
     "ton tes faire quand refuse voici tu imagine donne traduis écris explique bonjour "
     "merci roman"},
    {"es", SC_SPANISH, false,
     "el la los las y es una del para por con lo su que se como pero no más puedo este "
     "esta al tu hay algo un de en o si sus le puede son ser ha está siento esto cuando "
     "muy sin sobre también me te mi yo qué fue entre cada desde hasta porque donde todo "
     "usted información ayudar a veo aquí puedes algunas varias mis tus eso esa ese nos "
     "les soy niego quien estoy hacer tiene ya haz escribe dime cómo explica dame correo "
     "hola gracias cuál hago"},
    {"de", SC_GERMAN, false,
     "der die das und ist nicht ich sie zu den mit ein eine von für auf dem kann es sind "
     "oder werden bei des im sich als auch wie an aus wird nach dass einer um wenn nur wir "
     "einen zum zur aber durch hat über einem diese dieser noch leid tut mir kein keine "
     "ihnen ihre so nein was man haben können vom am leider mein ihr mich dich ihm hier "
     "diesem ihren meine dir wurde habe du kannst schreib schreibe erkläre mach meinen gib "
     "sag warum welche"},
    {"pt", SC_PORTUGUESE, false,
     "o os as e é um uma do da não para com em que você por ao dos das posso isso mas seu "
     "sua no na nos nas se mais como ou foi ser são tem este esta pode também à pelo pela "
     "sobre desculpe eu até quando muito lamento de a sem nem às meu essa esse me minha "
     "meus minhas suas ele ela já só porque fazer vou devo preciso esteja lhe consigo "
     "pedido aqui escreva escreve explique diga faça dê crie olá obrigado qual ensina "
     "ensine faço"},
    {"it", SC_LANGUAGE_OTHER, false,
     "il lo la gli le e è un una di del della dei delle non che per con sono in da al alla "
     "nel nella questo questa si come più ma ho anche se o mi posso può essere ha i l "
     "dispiace ed sul sulla cui dal dalla ai tra suo sua loro tutti quando stato dell nell "
     "all così mio mia miei aiutarti aiutare qui tuo fare"},
    {"nl", SC_LANGUAGE_OTHER, false,
     "de het een en van is dat niet ik je te in op voor met zijn aan die er maar om als "
     "ook dit bij naar wordt door kan geen ze uit worden of wel deze heeft hebben meer nog "
     "over kunnen u uw sorry was dan tot wat moet"},
    {"pl", SC_LANGUAGE_OTHER, false,
     "w i na nie z się do jest to że o jak dla po od są czy przez co lub oraz ale za tym "
     "tego może można być jako jego które który ten mogę przepraszam bez tylko jeśli ich "
     "aby ze przy pod"},
    {"tr", SC_LANGUAGE_OTHER, false,
     "ve bir bu için ile de da olarak olan çok daha gibi ne değil en veya var ben ama her "
     "ise kadar sonra olduğu bana bunu değildir şey üzgünüm size yardımcı bilgi olabilir "
     "edilir olur eğer nasıl"},
    {"vi", SC_LANGUAGE_OTHER, false,
     "và của là không tôi bạn có các cho một được trong với để này những người thể về khi "
     "đã rất xin lỗi việc như từ đến hoặc nếu sẽ ra thì phải"},
    {"id", SC_LANGUAGE_OTHER, false,
     "yang dan di untuk dengan ini itu tidak dari dalam pada saya anda adalah akan atau "
     "dapat bisa juga karena oleh sebagai ada maaf membantu tersebut ke bahwa lebih jika "
     "secara seperti kita mereka telah"},
    {"ro", SC_LANGUAGE_OTHER, false,
     "și este o un de la în cu pe nu că să pentru care din mai sau sunt poate fi dacă al "
     "ai ale după dar aceasta acest această prin cele îmi pot rău fost ce am ca unui unei "
     "lor se"},
    {"sv", SC_LANGUAGE_OTHER, false,
     "och att det är som en på för av inte med jag till den har kan om ett men de du vi "
     "från eller var så också kommer när ska nej detta denna finns vid efter under hade "
     "blir din"},
    {"da", SC_LANGUAGE_OTHER, false,
     "og at det er som en på for af ikke med jeg til den har kan om et men de du vi fra "
     "eller var så også når skal nej dette denne findes ved efter under hvis blev din være "
     "kun"},
    {"no", SC_LANGUAGE_OTHER, false,
     "og å det er som en på for av ikke med jeg til den har kan om et men de du vi fra "
     "eller var så også når skal nei dette denne finnes ved etter under hvis ble din være "
     "bare"},
    {"cs", SC_LANGUAGE_OTHER, false,
     "a je se na že v to s z do jsem není pro jako ale by jsou o tak si který jeho nebo "
     "byl po při které být jsme může lze podle této ve k od pokud omlouvám mohu nemohu "
     "také jen tento"},
    {"sk", SC_LANGUAGE_OTHER, false,
     "a je sa na že v to s z do som nie pre ako ale by sú o tak si ktorý jeho alebo bol po "
     "pri ktoré byť sme môže podľa tejto vo k od ak ospravedlňujem môžem nemôžem tiež len "
     "tento"},
    {"hu", SC_LANGUAGE_OTHER, false,
     "a az és hogy nem is egy ez van meg de csak azt mint vagy volt ha el lehet nagyon "
     "kell már még akkor sajnálom tudok minden ki be fel után ezt között amely ami"},
    {"fi", SC_LANGUAGE_OTHER, false,
     "ja on ei se että en hän mutta ovat oli kuin joka olla tai myös voi jos kun niin ole "
     "sen tämä minä sinun olen mitä voit valitettavasti pahoillani"},
    {"hr", SC_LANGUAGE_OTHER, false,
     "i je u na da se za su ne od s koji kao ali to ili sam što nije bi iz po može ako "
     "biti samo jer ste ovaj koje koja kako žao mogu"},
    {"ca", SC_LANGUAGE_OTHER, false,
     "el la els les i és una del per amb no que en de un al com més són pot aquest aquesta "
     "ho però també dels ha o si a seva seu puc sento aquests molt"},
    {"lt", SC_LANGUAGE_OTHER, false,
     "ir yra kad į su tai iš ne kaip bet ar aš jis buvo už apie tik jei gali šis būti "
     "labai negaliu atsiprašau"},
    {"et", SC_LANGUAGE_OTHER, false,
     "ja on ei et see ta ma kui oli aga ka mis või seda nii oma selle pole kes saa palun "
     "vabandust"},
    {"sw", SC_LANGUAGE_OTHER, false,
     "na ya wa kwa ni katika la za hii kama si au lakini kuwa mimi wewe hiyo samahani "
     "siwezi"},
    {"tl", SC_LANGUAGE_OTHER, false,
     "ang ng mga sa na ay at hindi ako ito para kung ka mo ko siya nito maaari paumanhin"},
    {"ru", SC_RUSSIAN, true,
     "и в не на что с по это как для или но я к из у так от же вы бы он за если может все "
     "только могу нет при также ваш вам быть мне они извините помочь о а его её чтобы до "
     "вас эти"},
    {"uk", SC_LANGUAGE_OTHER, true,
     "і в не на що з за це як для або але я до у та від ви він є якщо може все тільки можу "
     "ні при також ваш вам бути мені вони вибачте допомогти про а його її щоб ці й"},
    {"bg", SC_LANGUAGE_OTHER, true,
     "и в не на че с по това как за или но аз към от до си да се ако може са съм при също "
     "вас бъде те го ще което които този"},
    {"sr", SC_LANGUAGE_OTHER, true,
     "и у не на да са по то како за или али ја од до се ако може су сам при је што није би "
     "из који као"},
    {"be", SC_LANGUAGE_OTHER, true,
     "і ў не на што з па гэта як для або але я да у ад вы ён калі можа ўсё толькі магу"},
};
enum { N_TABLES = sizeof tables / sizeof *tables };

/* Letters of a few languages, in the order of the alphabet. */
static const struct {
    const char *letters, *codes;
} marked[] = {
    {"ß", "de"},
    {"ñ¿¡", "es"},
    {"áíúó", "es pt cs sk hu"},
    {"ãõ", "pt"},
    {"łąęśżźń", "pl"},
    {"řěů", "cs"},
    {"ľŕĺ", "sk"},
    {"čšž", "cs sk hr lt"},
    {"şğı", "tr"},
    {"țșăţ", "ro"},
    {"å", "sv da no"},
    {"øæ", "da no"},
    {"ơưđạảấầậắặẻẽếềệỉịọỏốồổộớờợủứừửữự", "vi"},
    {"őű", "hu"},
    {"œ", "fr"},
    {"ç", "fr pt tr ca"},
    {"êâ", "fr pt"},
    {"èù", "fr it"},
    {"ì", "it"},
    {"ä", "de sv fi"},
    {"ö", "de sv fi tr hu"},
    {"ü", "de tr hu"},
    {"іїєґ", "uk"},
    {"ў", "be"},
    {"ђјљњћџ", "sr"},
};

/* Of a word or letter: a bit for each language, and what it weighs, by how many have it. */
struct slot {
    char key[20];
    uint32_t languages;
    unsigned weight;
};
enum { N_SLOTS = 4096, MOST_WORDS = 250 };
static struct slot slots[N_SLOTS];
enum { N_LETTERS = 0x1F00 };
static uint16_t letters[N_LETTERS]; /* the slot of each letter that has one, counted from 1 */
static pthread_once_t filled = PTHREAD_ONCE_INIT;

static struct slot *slot_of(const char *word, size_t n)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)word[i]) * 16777619u;
    size_t at = (hash ^ (hash >> 15)) % N_SLOTS;
    while (slots[at].key[0] != '\0' &&
           (memcmp(slots[at].key, word, n) != 0 || slots[at].key[n] != '\0'))
        at = (at + 1) % N_SLOTS;
    return &slots[at];
}

static void add(const char *word, size_t n, uint32_t languages)
{
    struct slot *slot = slot_of(word, n);
    assert(n > 0 && n < sizeof slot->key);
    memcpy(slot->key, word, n);
    slot->languages |= languages;
}

static uint32_t bits_of(const char *codes)
{
    uint32_t bits = 0;
    for (size_t l = 0; l < N_TABLES; l++)
        if (strstr(codes, tables[l].code) != NULL)
            bits |= UINT32_C(1) << l;
    return bits;
}

static void fill(void)
{
    for (uint32_t l = 0; l < N_TABLES; l++)
        for (const char *word = tables[l].words; *word != '\0'; word += *word == ' ') {
            size_t n = strcspn(word, " ");
            add(word, n, UINT32_C(1) << l);
            word += n;
        }
    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++)
        for (const char *letter = marked[i].letters; *letter != '\0';) {
            uint32_t cp;
            size_t n = sc_utf8_decode(letter, strlen(letter), &cp);
            char key[8] = "*"; /* not a word of one letter */
            memcpy(key + 1, letter, n);
            add(key, n + 1, bits_of(marked[i].codes));
            assert(cp < N_LETTERS);
            letters[cp] = (uint16_t)(slot_of(key, n + 1) - slots + 1);
            letter += n;
        }
    static const unsigned weights[] = {0, 6, 3, 2, 1, 1};
    for (size_t i = 0; i < N_SLOTS; i++) {
        unsigned n = 0;
        for (uint32_t bits = slots[i].languages; bits != 0; bits &= bits - 1)
            n++;
        slots[i].weight = n < sizeof weights / sizeof *weights ? weights[n] : 1;
    }
}

static void count(const struct slot *slot, unsigned score[N_TABLES])
{
    for (uint32_t bits = slot->languages, l = 0; bits != 0; bits >>= 1, l++)
        if (bits & 1)
            score[l] += slot->weight;
}

/* Of Latin and Cyrillic letters. */
static bool is_letter(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 0xC0 && cp <= 0x24F && cp != 0xD7 && cp != 0xF7) ||
           (cp >= 0x400 && cp <= 0x52F) || (cp >= 0x1E00 && cp <= 0x1EFF);
}

/* Reads a word in lower case; its bytes, or 0 for something else; *at is moved behind it. */
static size_t read_word(const char *text, size_t n, size_t *at, char word[20],
                        unsigned score[N_TABLES])
{
    size_t length = 0;
    while (*at < n) {
        uint32_t cp = (unsigned char)text[*at];
        size_t bytes = cp < 0x80 ? 1 : sc_utf8_decode(text + *at, n - *at, &cp);
        if (bytes == 0)
            break;
        cp = sc_lower(cp);
        if (!is_letter(cp))
            break;
        char key[4];
        size_t m = sc_utf8_encode(cp, key);
        if (letters[cp] > 0)
            count(&slots[letters[cp] - 1], score);
        for (size_t k = 0; k < m && length + m < 20; k++)
            word[length + k] = key[k];
        length += m;
        *at += bytes;
    }
    return length;
}

/* The best of those that are read, or of the others; N_TABLES: none has anything. */
static size_t best(const unsigned score[N_TABLES], bool cyrillic, bool read)
{
    size_t most = N_TABLES;
    for (size_t l = 0; l < N_TABLES; l++)
        if (tables[l].cyrillic == cyrillic && score[l] > 0 &&
            (tables[l].language != SC_LANGUAGE_OTHER) == read &&
            (most == N_TABLES || score[l] > score[most]))
            most = l;
    return most;
}

static void count_words(const char *text, size_t n, struct sc_language_words *out,
                        unsigned score[N_TABLES])
{
    bool fenced = false;
    for (size_t at = 0; at < n && out->n_words < MOST_WORDS;) {
        if (text[at] == '`' && n - at >= 3 && memcmp(text + at, "```", 3) == 0) {
            fenced = !fenced;
            at += 3;
            continue;
        }
        char word[20];
        size_t length = fenced ? 0 : read_word(text, n, &at, word, score);
        if (length == 0) {
            bool asks = !fenced && n - at > 1 &&
                        (memcmp(text + at, "¡", 2) == 0 || memcmp(text + at, "¿", 2) == 0);
            if (asks)
                count(slot_of((const char[]){'*', text[at], text[at + 1]}, 3), score);
            at++;
            continue;
        }
        out->n_words++;
        if (length < sizeof word)
            count(slot_of(word, length), score);
    }
}

void sc_language_words(const char *text, size_t n, bool cyrillic, struct sc_language_words *out)
{
    assert(text != NULL && out != NULL);
    pthread_once(&filled, fill);
    unsigned score[N_TABLES] = {0};
    *out = (struct sc_language_words){.language = SC_LANGUAGE_NONE, .code = ""};
    count_words(text, n, out, score);
    size_t read = best(score, cyrillic, true), other = best(score, cyrillic, false);
    if (read == N_TABLES && other == N_TABLES)
        return;
    unsigned known = read < N_TABLES ? score[read] : 0;
    /* That one is not read is said where it is plain: a wrong word would cost the rules. */
    bool is_other = other < N_TABLES && score[other] * 5 > known * 6 + 30;
    size_t l = is_other || read == N_TABLES ? other : read;
    if (is_other)
        out->language = SC_LANGUAGE_OTHER;
    else if (read < N_TABLES)
        out->language = tables[read].language;
    out->code = tables[l].code;
    out->score = score[l];
}
