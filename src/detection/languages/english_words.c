/*
 * Classes of English words for the reading of sentences.  The lists are grammar, not phrases: which
 * words can stand in which place of a refusal.  Looked up in a table that is filled once.
 */
#include <pthread.h>
#include <string.h>

#include "detection/grammar.h"

struct word_list {
    uint64_t classes;
    const char *words; /* separated by spaces */
};

/* Verbs are listed in their plain form; see word_classes for endings. */
#define VERBS                                                                                      \
    (W_ASSIST | W_PROMOTE | W_LIMIT | W_DECLINE | W_SEEK | W_NOTE | W_SAY | W_CONDEMN | W_MAKE |   \
     W_ANSWER)

static const struct word_list lists[] = {
    {W_I, "i we"},
    {W_MY, "my our me us"},
    {W_YOU, "you your"},
    {W_THIS, "this that it such these those"},
    {W_AI, "ai as language model assistant chatbot machine artificial intelligence"},
    {W_MODAL, "can could will would shall may might wo ca"},
    {W_DO, "do does did"},
    {W_BE, "am is are was were be been being"},
    {W_HAVE, "have has had possess having"},
    {W_NEG, "not never neither nor cannot"},
    {W_NO, "no none nope"},
    {W_UNABLE, "unable incapable prohibited forbidden restricted unwilling uncomfortable "
               "denied excluded barred deprived banned"},
    {W_ABLE, "able allowed comfortable permitted authorized authorised willing going "
             "programmed designed capable equipped inclined prepared supposed intended "
             "meant trained position qualified built"},
    {W_DECLINE, "decline refuse refrain abstain"},
    {W_ASSIST,
     "help assist provide give offer share answer fulfill fulfil comply create generate write "
     "produce engage discuss do continue participate respond facilitate complete satisfy teach "
     "explain describe instruct guide advise tell draft compose aid process proceed contribute "
     "supply list outline walk cooperate accommodate entertain role-play roleplay pretend "
     "act perform carry make disclose reveal talk speak go show send develop craft execute "
     "include honor honour oblige publish reproduce translate depict portray present say come "
     "summarize "
     "assistance support indulge partake fabricate detail design build find"},
    {W_PROMOTE,
     "recommend suggest encourage condone endorse promote advocate support justify glorify "
     "tolerate approve agree defend spread perpetuate speculate validate romanticize accept argue"},
    {W_LIMIT,
     "access browse know predict guarantee see hear view remember recall verify confirm open "
     "search determine understand experience identify retrieve look track update watch "
     "ensure promise ability capability capacity information data knowledge memory enough "
     "information details body senses record records context"},
    {W_SORRY, "sorry apologize apologise apologies apology unfortunately regret regretfully "
              "regrettably afraid forgive"},
    {W_EMPATHY, "hear confusion inconvenience misunderstanding delay mistake error loss "
                "trouble oversight late feeling"},
    {W_BUT, "but however though although nevertheless nonetheless still yet"},
    {W_GOOD, "appropriate acceptable ethical okay ok right legal moral justified "
             "justifiable responsible advisable safe healthy answer solution lawful "
             "permissible morally ethically condoned tolerated productive respectful "
             "constructive good helpful excusable"},
    {W_BAD,
     "illegal unethical harmful dangerous wrong immoral inappropriate unacceptable disrespectful "
     "offensive hurtful discriminatory racist sexist criminal unlawful unsafe abusive cruel "
     "inhumane crime hateful derogatory irresponsible reprehensible abhorrent heinous unjust "
     "unfair disturbing insensitive malicious violent defamatory exploitative intolerable "
     "violation felony offense offence deeply-disturbing stigmatizing misleading prejudiced"},
    {W_NORM,
     "respect respected respectful privacy dignity consent rights equality equal equally equity "
     "diversity inclusive inclusivity inclusion discrimination discriminate discriminated "
     "discriminatory ethics ethical ethically moral morally harm harmful violence violent "
     "well-being wellbeing safety boundaries laws law legal illegal consequences empathy "
     "compassion acceptance kindness tolerance stereotypes stereotype prejudice bias atrocities "
     "atrocity "
     "genocide tragic tragedy confidentiality lawful democracy democratic peaceful fairness "
     "humane hatred racism sexism bigotry fundamental suffering unacceptable unethical "
     "responsible responsibly condemned marginalized misinformation sensitive gender discriminate "
     "bullying stigma stigmatize inclusiveness welcoming opportunity opportunities dignified "
     "condemn injustice oppression inherent equitable civil freedom freedoms free regardless "
     "exploitation devastating trafficking torture murder invasion persecution hate qualifications "
     "lives circumstances forced sovereignty diverse autonomy trauma traumatic suffering victims "
     "justified unjustifiable"},
    {W_IMPORTANT, "important crucial essential vital critical imperative necessary "
                  "paramount best worth"},
    {W_REASON, "reason reasons justification evidence basis excuse benefit benefits "
               "grounds truth validity place"},
    {W_CARER,
     "therapist counselor counsellor police authorities enforcement hotline helpline lifeline "
     "professional professionals psychologist psychiatrist lawyer attorney counseling therapy "
     "doctor physician mediator 911 988 samaritans medical clinician advisor shelter rehab"},
    {W_SEEK, "seek consult contact reach call speak talk report"},
    {W_INSTEAD, "instead rather alternatively"},
    {W_REQUEST, "request requests question questions prompt topic query statement subject "
                "scenario task ask asking requested joke conversation asked content content"},
    {W_GUIDE,
     "guidelines guideline programming policy policies principles values protocols purpose "
     "training rules terms standards conscience scope constraints restrictions "
     "limits ethics boundaries"},
    {W_AGAINST,
     "against violate violates violating bypass ignore beyond outside contrary conflicts "
     "conflict breach violation contravenes prohibit prohibits prevent prevents "
     "forbid forbids"},
    {W_FILLER,
     "really just also simply therefore currently personally respectfully legally ethically "
     "morally strongly always generally ever still probably honestly actually absolutely "
     "definitely truly only here directly at this time so firmly politely kindly very ethical "
     "sincerely that even under any circumstances either instead currently quite all in good "
     "conscience responsibly unfortunately specifically knowingly likely completely both further "
     "anything certain ai deeply prefer"},
    {W_TO, "to"},
    {W_BECAUSE, "because since"},
    {W_HERE, "here below following"},
    {W_SURE, "sure certainly absolutely yes okay great"},
    {W_NOTE,
     "remember note understand recognize recognise emphasize emphasise stress respect prioritize "
     "prioritise acknowledge consider clarify remind inform caution point mention condemn warn "
     "keep treat promote approach uphold avoid ensure honor focus address communicate value"},
    {W_TRUE, "accurate true fair correct factual valid"},
    {W_SAY, "say suggest claim assume assert imply generalize make state stereotype "
            "believe judge single"},
    {W_MUST, "must need should have"},
    {W_ENOUGH, "enough overstate"},
    {W_SOMETHING, "something anything thing"},
    {W_OPINION, "opinion opinions belief beliefs feelings preferences views emotions"},
    {W_THINK, "think believe feel want wish like"},
    {W_CONDEMN, "condemn disagree oppose denounce reject discourage"},
    {W_SCIENCE, "scientific specific known physical biological official scientifically "
                "physically biologically technologically"},
    {W_THERE, "there"},
    {W_WHY, "why"},
    {W_WRITE,
     "write story poem letter email essay script dialogue scene lyrics song translate rewrite "
     "paraphrase compose novel fiction roleplay role-play summarize summarise screenplay monologue "
     "speech character joke draft message"},
    {W_CRISIS, "hotline helpline lifeline 988 911 112 999 samaritans emergency crisis"},
    {W_AN, "a an the any"},
    {W_DISTRESS,
     "struggling feeling suicidal crisis overwhelmed addiction experiencing having difficulty "
     "thoughts distress self-harm concerned depressed urges"},
    {W_PREVENT, "stop prevent protect report cope deal handle overcome quit stopping preventing"},
    {W_SHOULD, "should ought"},
    {W_WITHIN, "within part inside"},
    {W_QUESTION, "is are does do should would could was were did am has will"},
    {W_WHAT, "what who when which define definition meaning constitutes means mean whats"},
    {W_WAY, "way ways best how method process steps methods plan plans tips tricks strategy where"},
    {W_IF, "if"},
    {W_WE, "we"},
    {W_ANSWER, "help assist provide give offer share answer comply create generate write produce "
               "engage discuss respond facilitate teach explain describe instruct advise tell aid "
               "outline supply suggest encourage promote advocate assistance recommend list "
               "speculate participate support disclose reveal request"},
    {W_MAKE, "write create generate produce compose fulfill fulfil comply"},
    {W_THAN, "than of"},
    {W_WITH, "with on about in for or and of by into from out as upon towards"},
};

#define N_SLOTS 4096 /* a power of two, several times the number of words */
static struct {
    const char *word;
    uint32_t n;
    uint64_t classes;
} slots[N_SLOTS];
static pthread_once_t filled = PTHREAD_ONCE_INIT;

/* FNV-1a */
static uint32_t hash(const char *word, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)word[i]) * 16777619u;
    return h;
}

static uint32_t slot_of(const char *word, size_t n)
{
    uint32_t i = hash(word, n) & (N_SLOTS - 1);
    while (slots[i].word != NULL && (slots[i].n != n || memcmp(slots[i].word, word, n) != 0))
        i = (i + 1) & (N_SLOTS - 1);
    return i;
}

static void fill(void)
{
    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++) {
        const char *word = lists[l].words;
        while (*word) {
            size_t n = strcspn(word, " ");
            uint32_t i = slot_of(word, n);
            slots[i].word = word;
            slots[i].n = (uint32_t)n;
            slots[i].classes |= lists[l].classes;
            word += n;
            word += *word == ' ';
        }
    }
}

static uint64_t stem(const char *word, size_t n, size_t drop, const char *add)
{
    char buffer[24];
    size_t m = n - drop, k = strlen(add);
    if (m < 3 || m + k > sizeof buffer)
        return 0;
    memcpy(buffer, word, m);
    memcpy(buffer + m, add, k);
    return slots[slot_of(buffer, m + k)].classes & VERBS;
}

uint64_t sc_word_classes(const char *word, size_t n)
{
    pthread_once(&filled, fill);
    uint64_t classes = slots[slot_of(word, n)].classes;
    if (classes || n < 5)
        return classes;
    if (word[n - 1] == 's') {
        classes = stem(word, n, 1, "");
        if (!classes && word[n - 2] == 'e')
            classes = stem(word, n, 2, "");
    } else if (memcmp(word + n - 3, "ing", 3) == 0) {
        classes = stem(word, n, 3, "");
        if (!classes)
            classes = stem(word, n, 3, "e");
        if (!classes && n > 6 && word[n - 4] == word[n - 5])
            classes = stem(word, n, 4, "");
    } else if (memcmp(word + n - 2, "ed", 2) == 0) {
        classes = stem(word, n, 1, "");
        if (!classes)
            classes = stem(word, n, 2, "");
    }
    return classes;
}
