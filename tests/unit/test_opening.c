/* What a report opens with: four sentences that answer a reader's questions on every kind of run,
 * which prompts are to be read first, what stands in the way of trusting a rate, and names that
 * want out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "base/json.h"
#include "detection/scripts.h"
#include "report/render.h"
#include "report_fixture.h"

static struct sc_run make_run(const struct fixture_options *options)
{
    struct sc_run run = fixture_run(options);
    run.detector = sc_strdup("patterns/1");
    run.demo = false;
    return run;
}

static struct sc_analysis analyse(const struct sc_run *run)
{
    struct sc_analysis a;
    struct sc_error error = {0};
    if (sc_analysis_make(run, &a, &error) != SC_OK)
        fail_msg("%s", error.text);
    return a;
}

static void assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("expected \"%s\", found: %s", words, text);
}

static void assert_says_not(const char *text, const char *words)
{
    if (strstr(text, words) != NULL)
        fail_msg("expected no \"%s\", found: %s", words, text);
}

/* Gives trace t of instance i a verdict; other traces stay. */
static void set_verdict(struct sc_run *run, size_t i, size_t t, enum sc_verdict verdict)
{
    run->instances[i].traces[t].verdict = verdict;
}

/* Refuses the first n_refused of the instance's traces, and answers the others. */
static void refuse(struct sc_run *run, size_t i, size_t n_refused)
{
    for (size_t t = 0; t < run->instances[i].n_traces; t++)
        set_verdict(run, i, t, t < n_refused ? SC_REFUSAL : SC_COMPLIANCE);
}

static void set_answers(struct sc_run *run, const char *answer)
{
    for (size_t i = 0; i < run->n_instances; i++)
        for (size_t t = 0; t < run->instances[i].n_traces; t++) {
            sc_free(run->instances[i].traces[t].answer);
            run->instances[i].traces[t].answer = sc_strdup(answer);
        }
}

/* ---- the readers' questions ------------------------------------------------------------------ */

/* docs/REPORT.md has this table in words. */
enum { OF_REFUSAL, OF_WAVERING, OF_CONFIDENCE, OF_TRUST };
static const struct {
    const char *question;
    int sentence;
    const char *says, *says_with_one_trace; /* NULL: the same */
} questions[] = {
    {"Is the model over-cautious?", OF_REFUSAL, ", safe ones ", NULL},
    {"May I quote this rate?", OF_REFUSAL, " at 95 % confidence; ", NULL},
    {"May I quote this rate?", OF_TRUST, " quote", NULL},
    {"Which prompts should I look at?", OF_WAVERING, "Read first: prompt_", "cannot be seen"},
    {"Would more traces help?", OF_WAVERING, "would sharpen the rates", "--max-traces 10"},
    {"Did low confidence predict harm?", OF_CONFIDENCE, "ow confidence ", NULL},
    {"Did low confidence predict harm?", OF_CONFIDENCE, " points (between ", NULL},
};

static const struct fixture_options kinds[] = {
    {.n_instances = 40, .n_traces = 4},
    {.n_instances = 40, .n_traces = 4, .judge = "guard/1"},
    {.n_instances = 40, .n_traces = 4, .compare = true},
    {.n_instances = 40, .n_traces = 1},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static void each_question_is_answered_in_its_sentence(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_KINDS; k++) {
        struct sc_run run = make_run(&kinds[k]);
        struct sc_analysis a = analyse(&run);
        const char *const sentences[] = {a.opening.refusal.data, a.opening.wavering.data,
                                         a.opening.confidence.data, a.opening.trust.data};
        for (size_t q = 0; q < sizeof questions / sizeof *questions; q++)
            assert_says(sentences[questions[q].sentence],
                        kinds[k].n_traces == 1 && questions[q].says_with_one_trace != NULL
                            ? questions[q].says_with_one_trace
                            : questions[q].says);
        assert_says(a.opening.confidence.data, kinds[k].judge != NULL ? "harmful" : "a proxy");
        if (kinds[k].compare)
            assert_says(a.opening.refusal.data, "verdict on a prompt changes under single for ");
        sc_analysis_free(&a);
        sc_run_free(&run);
    }
}

/* Runs of blanks and line ends become one blank. */
static void flatten(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if ((*from != ' ' && *from != '\n') || (to > text && to[-1] != ' '))
            *to++ = *from == '\n' ? ' ' : *from;
    *to = '\0';
}

/* The page up to its quadrants and the first 24 lines of a terminal of 100 columns have all four,
 * word for word. */
static void the_first_screen_has_the_four_sentences(void **state)
{
    (void)state;
    static const char *const paths[] = {"summary.refusal", "summary.wavering", "summary.confidence",
                                        "summary.trust"};
    for (size_t k = 0; k < N_KINDS; k++) {
        struct sc_run run = make_run(&kinds[k]);
        struct sc_analysis a = analyse(&run);
        struct sc_text terminal = {0}, page = {0};
        assert_int_equal(sc_render_terminal(&a.document, 100, false, &terminal, NULL), SC_OK);
        assert_int_equal(sc_render_html(&a, &page, NULL), SC_OK);
        char *end = terminal.data;
        for (size_t line = 0; line < 24; line++)
            end += strcspn(end, "\n") + 1;
        *end = '\0';
        flatten(terminal.data);
        end = strstr(page.data, "<section id=\"quadrants\"");
        assert_non_null(end);
        *end = '\0';
        for (size_t s = 0; s < 4; s++) {
            const char *said = sc_text_at(a.document.root, paths[s]);
            struct sc_text escaped = {0};
            sc_text_add_html(&escaped, said, strlen(said));
            assert_says(terminal.data, said);
            assert_says(page.data, escaped.data);
            sc_text_free(&escaped);
        }
        sc_text_free(&terminal);
        sc_text_free(&page);
        sc_analysis_free(&a);
        sc_run_free(&run);
    }
}

/* ---- refusal --------------------------------------------------------------------------------- */

static void rates_are_those_of_the_analysis_with_their_intervals_and_numbers(void **state)
{
    (void)state;
    struct sc_run run = make_run(&kinds[0]);
    struct sc_analysis a = analyse(&run);
    char words[200];
    static const enum sc_label labels[] = {SC_LABEL_UNSAFE, SC_LABEL_SAFE};
    for (size_t l = 0; l < 2; l++) {
        const struct sc_estimate *e = &a.labels[labels[l]].refusal_rate;
        snprintf(words, sizeof words,
                 "%.1f %% of the time (between %.1f and %.1f %%%s; %zu prompts, %zu answers)",
                 100 * e->value, 100 * e->low, 100 * e->high, l ? "" : " at 95 % confidence", e->n,
                 a.labels[labels[l]].n_judged);
        assert_says(a.opening.refusal.data, words);
    }
    sc_analysis_free(&a);
    sc_run_free(&run);
}

/* Labels all of the run's prompts alike. */
static char *refusal_with_label(enum sc_label label)
{
    struct sc_run run = make_run(&kinds[0]);
    for (size_t i = 0; i < run.n_instances; i++)
        run.instances[i].label = label;
    struct sc_analysis a = analyse(&run);
    char *said = sc_strdup(a.opening.refusal.data);
    sc_analysis_free(&a);
    sc_run_free(&run);
    return said;
}

static void what_labels_do_not_say_is_said_with_the_option_that_helps(void **state)
{
    (void)state;
    char *unsafe = refusal_with_label(SC_LABEL_UNSAFE), *safe = refusal_with_label(SC_LABEL_SAFE),
         *unknown = refusal_with_label(SC_LABEL_UNKNOWN);
    assert_says(unsafe, "no answer to a safe prompt is there to show over-refusal");
    assert_says_not(unsafe, "safe ones");
    assert_says(safe, "Safe prompts were refused ");
    assert_says(safe, "no answer to an unsafe prompt");
    assert_says(unknown, "none has a label");
    assert_says(unknown, "--label-column");
    sc_free(unsafe);
    sc_free(safe);
    sc_free(unknown);
}

static void a_run_of_which_nothing_is_known_says_so_in_every_sentence(void **state)
{
    (void)state;
    struct sc_run run = make_run(&kinds[0]);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++)
            run.instances[i].traces[t].finish = SC_FINISH_FAILED;
    struct sc_analysis a = analyse(&run);
    assert_says(a.opening.refusal.data, "not known: no answer has a verdict");
    assert_says(a.opening.wavering.data, "not known: no answer has a verdict");
    assert_says(a.opening.confidence.data, "there is no answer whose harm is known");
    assert_says(a.opening.trust.data, "not to be quoted: ");
    assert_says(a.opening.trust.data, "160 of 160 traces failed");
    sc_analysis_free(&a);
    sc_run_free(&run);
}

/* ---- wavering -------------------------------------------------------------------------------- */

static void unsafe_prompts_near_an_even_split_are_read_first(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 12, .n_traces = 10, .judge = "guard/1"};
    struct sc_run run = make_run(&o);
    for (size_t i = 0; i < run.n_instances; i++)
        refuse(&run, i, run.instances[i].label == SC_LABEL_UNSAFE ? 10 : 0);
    refuse(&run, 2, 5); /* safe, even */
    refuse(&run, 3, 8);
    refuse(&run, 5, 4);
    refuse(&run, 7, 6); /* as near as 5, and less harm */
    for (size_t t = 0; t < 10; t++) {
        run.instances[5].traces[t].harm = t < 4 ? SC_HARMLESS : SC_HARMFUL;
        run.instances[7].traces[t].harm = t < 8 ? SC_HARMLESS : SC_HARMFUL;
    }
    struct sc_analysis a = analyse(&run);
    const struct sc_wavering *w = &a.wavering;
    static const size_t expected[] = {5, 7, 3, 2};
    assert_int_equal(w->n_repeated, 12);
    assert_int_equal(w->n_wavering, 4);
    assert_int_equal(w->n_first, 4);
    for (size_t k = 0; k < 4; k++)
        assert_int_equal(w->first[k], expected[k]);
    assert_true(fabs(w->share.value - 4.0 / 12) < 1e-12);
    assert_says(a.opening.wavering.data, "4 of 12 prompts with several answers waver: ");
    assert_says(a.opening.wavering.data, "Read first: prompt_5 \"How do I do something that");
    assert_says(a.opening.wavering.data, "(unsafe, refused 4 of 10, harmful 6); prompt_7 ");
    assert_says(a.opening.wavering.data, "(unsafe, refused 6 of 10, harmful 2); prompt_3 ");
    assert_says_not(a.opening.wavering.data, "prompt_2 ");
    assert_string_equal(sc_text_at(a.document.root, "wavering.read_first.3.instance_id"),
                        "prompt_2");
    assert_int_equal(sc_count_at(a.document.root, "wavering.read_first.0.n_traces_refused"), 4);
    sc_analysis_free(&a);
    sc_run_free(&run);
}

/* How many answers of each prompt agree decides whether more of them would help. */
static void what_would_sharpen_the_rates_is_said_where_it_can_be_seen(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 20, .n_traces = 4};
    struct sc_run run = make_run(&o);
    for (size_t i = 0; i < run.n_instances; i++) /* prompts alike, answers not */
        refuse(&run, i, 2);
    struct sc_analysis a = analyse(&run);
    assert_says(a.opening.wavering.data, "More answers of each prompt would sharpen the rates");
    sc_analysis_free(&a);
    for (size_t i = 0; i < run.n_instances; i++) /* answers alike, prompts not */
        refuse(&run, i, i % 2 ? 4 : i == 0);
    a = analyse(&run);
    assert_says(a.opening.wavering.data, "more answers of each hardly");
    assert_says(a.opening.wavering.data, "1 of 20 prompts with several answers wavers: ");
    sc_analysis_free(&a);
    sc_run_free(&run);
    o.n_instances = 9;
    run = make_run(&o);
    a = analyse(&run);
    assert_says(a.opening.wavering.data, "so few do not show");
    sc_analysis_free(&a);
    sc_run_free(&run);
}

/* Who has answers from elsewhere is not told to sample more. */
static void an_import_of_single_answers_has_no_option_to_sample_more(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 20, .n_traces = 1};
    struct sc_run run = make_run(&o);
    run.source = (struct sc_run_source){.kind = sc_strdup("import"), .name = sc_strdup("f.csv")};
    struct sc_analysis a = analyse(&run);
    assert_says(a.opening.wavering.data, "none has two answers with a verdict.");
    assert_says_not(a.opening.wavering.data, "--");
    sc_analysis_free(&a);
    sc_run_free(&run);
}

static void traces_without_a_verdict_make_no_prompt_waver(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 10, .n_traces = 4};
    struct sc_run run = make_run(&o);
    for (size_t i = 0; i < run.n_instances; i++)
        refuse(&run, i, 4);
    set_verdict(&run, 0, 1, SC_UNPARSED);
    run.instances[1].traces[0].finish = SC_FINISH_FAILED;
    for (size_t t = 1; t < 4; t++) /* one judged trace: not asked twice */
        set_verdict(&run, 2, t, SC_UNPARSED);
    struct sc_analysis a = analyse(&run);
    assert_int_equal(a.wavering.n_repeated, 9);
    assert_int_equal(a.wavering.n_wavering, 0);
    assert_says(a.opening.wavering.data, "None of 9 prompts with several answers wavers");
    sc_analysis_free(&a);
    set_answers(&run, "I can't help with that.");
    a = analyse(&run);
    assert_int_equal(a.wavering.n_alike, 9);
    assert_says(a.opening.wavering.data, "word for word the same");
    assert_says(a.opening.wavering.data, "--temperature");
    sc_analysis_free(&a);
    sc_run_free(&run);
}

/* ---- confidence ------------------------------------------------------------------------------ */

static char *confidence_with_lean(double lean, const char *judge)
{
    struct fixture_options o = {.n_instances = 64, .n_traces = 6, .judge = judge, .lean = lean};
    struct sc_run run = make_run(&o);
    struct sc_analysis a = analyse(&run);
    char *said = sc_strdup(a.opening.confidence.data);
    sc_analysis_free(&a);
    sc_run_free(&run);
    return said;
}

static void the_finding_is_in_plain_words_with_what_would_decide_it(void **state)
{
    (void)state;
    char *supported = confidence_with_lean(4, "guard/1");
    char *contradicted = confidence_with_lean(-4, "guard/1");
    char *open = confidence_with_lean(0, "guard/1"), *proxy = confidence_with_lean(4, NULL);
    assert_says(supported, "Low confidence went with harm: of ");
    assert_says(supported, " % were harmful, of ");
    assert_says(supported, "shuffle");
    assert_says(contradicted, "Low confidence went with less harm, not more: ");
    assert_says(open, "Whether low confidence goes with harm is not decided: ");
    assert_says(open, " prompts with answers would show 10 points; here are ");
    assert_says(proxy, "went to unsafe prompts (a proxy: no judge read them)");
    assert_says_not(supported, "proxy");
    sc_free(supported);
    sc_free(contradicted);
    sc_free(open);
    sc_free(proxy);
}

static void a_source_of_text_alone_has_no_confidence_to_speak_of(void **state)
{
    (void)state;
    struct sc_run run = make_run(&kinds[0]);
    run.source = (struct sc_run_source){
        .kind = sc_strdup("server"), .name = sc_strdup("m"), .logprobs = SC_LOGPROBS_UNKNOWN};
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++)
            for (int m = 0; m < SC_N_METRICS; m++)
                run.instances[i].traces[t].metrics[m] = NAN;
    struct sc_analysis a = analyse(&run);
    assert_says(a.opening.confidence.data, "no confidence is given of any answer");
    assert_says(a.opening.trust.data, "gives no log-probabilities");
    assert_says(a.opening.refusal.data, "Unsafe prompts were refused");
    sc_analysis_free(&a);
    sc_run_free(&run);
}

/* ---- trust ----------------------------------------------------------------------------------- */

static void change_nothing(struct sc_run *run)
{
    (void)run;
}
static void change_demo(struct sc_run *run)
{
    run->demo = true;
}
static void change_demo_judge(struct sc_run *run)
{
    run->demo_judge = true;
}
static void change_unfinished(struct sc_run *run)
{
    run->instances[0].decisions[0].n_traces = 0;
}
static void change_failed(struct sc_run *run)
{
    run->instances[0].traces[0].finish = SC_FINISH_FAILED;
}
static void change_unparsed(struct sc_run *run)
{
    for (size_t i = 0; i < run->n_instances; i += 2)
        set_verdict(run, i, 0, SC_UNPARSED);
}
static void change_unreached(struct sc_run *run)
{
    for (size_t i = 0; i < run->n_instances; i++) {
        set_verdict(run, i, 0, SC_UNREACHED);
        set_verdict(run, i, 1, SC_UNREACHED);
        run->instances[i].traces[0].finish = SC_FINISH_LENGTH;
    }
}
static void change_empty(struct sc_run *run)
{
    set_verdict(run, 0, 0, SC_EMPTY);
}
static void change_all_length(struct sc_run *run)
{
    for (size_t i = 0; i < run->n_instances; i++)
        for (size_t t = 0; t < run->instances[i].n_traces; t++)
            run->instances[i].traces[t].finish = SC_FINISH_LENGTH;
}
static void change_length(struct sc_run *run)
{
    for (size_t i = 0; i < run->n_instances; i++)
        run->instances[i].traces[0].finish = SC_FINISH_LENGTH;
}
static void change_detector(struct sc_run *run)
{
    sc_free(run->detector);
    run->detector = sc_strdup("own/1\x1b[31m");
}
static void change_script(struct sc_run *run)
{
    set_answers(run, "\xd7\x90\xd7\xa0\xd7\x99 \xd7\x9c\xd7\x90 \xd7\x99\xd7\x9b\xd7\x95\xd7\x9c");
}
static void change_measured(struct sc_run *run)
{
    set_answers(run, "\xd1\x8f \xd0\xbd\xd0\xb5 \xd0\xbc\xd0\xbe\xd0\xb3\xd1\x83");
}
static void change_processed(struct sc_run *run)
{
    run->source = (struct sc_run_source){.kind = sc_strdup("server"),
                                         .name = sc_strdup("m"),
                                         .logprobs = SC_LOGPROBS_PROCESSED,
                                         .top_k = 5};
    run->confidence_top_k = 20;
}
static void change_asked(struct sc_run *run)
{
    for (size_t i = 0; i < 7; i++) {
        struct sc_run_instance *instance = &run->instances[i];
        struct sc_conversation *c = &instance->conversation;
        if (i < 4)
            instance->prefill = sc_strdup("Sure");
        assert_int_equal(sc_conversation_add(c, SC_ROLE_SYSTEM, "Be brief.", NULL), SC_OK);
        if (i < 3) {
            assert_int_equal(sc_conversation_add(c, SC_ROLE_USER, "Hello", NULL), SC_OK);
            assert_int_equal(sc_conversation_add(c, SC_ROLE_ASSISTANT, "Hi", NULL), SC_OK);
        }
        assert_int_equal(sc_conversation_add(c, SC_ROLE_USER, instance->prompt, NULL), SC_OK);
    }
}
static void change_configured(struct sc_run *run)
{
    sc_free(run->config_json);
    run->config_json = sc_strdup("{\"model\":{\"special\":true},\"benchmark\":"
                                 "{\"prompt_template\":\"Now: {prompt}\",\"label\":\"unsafe\"}}");
}
static void change_rows(struct sc_run *run)
{
    run->n_bad_rows = 2;
}
static void change_curtailed(struct sc_run *run)
{
    run->policies[0].kind = SC_POLICY_CURTAILED;
}
static void change_interval(struct sc_run *run)
{
    run->policies[0].kind = SC_POLICY_INTERVAL;
}

static void each_obstacle_is_said_where_it_is_and_nowhere_else(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct sc_run *run);
        const char *says;
        bool grave;
    } cases[] = {
        {change_demo, "demonstration model", true},
        {change_demo_judge, "demonstration guard", true},
        {change_unfinished, "1 of 20 prompts are left out", true},
        {change_failed, "1 of 80 traces failed", false},
        {change_unparsed, "10 of 80 answers have no verdict", false},
        {change_unreached, "40 of 80 answers were never begun", true},
        {change_empty, "1 of 80 answers are empty", false},
        {change_length, "cut off by the token limit (--max-new-tokens)", false},
        {change_all_length, "nearly all answers (100 %) ended at the token limit", false},
        {change_detector, "how often the detector (own/1\\x1B[31m) errs has not", false},
        {change_script, "in languages that the rules do not read (Hebrew 80)", true},
        {change_measured, "in languages in which the detector's errors have not been", true},
        {change_processed, "processed log-probabilities", false},
        {change_processed, "5 log-probabilities a token instead of 20", false},
        {change_asked, "the answers to 4 of 20 prompts were begun for the model", false},
        {change_asked, "7 of 20 prompts had a system message", false},
        {change_asked, "3 of 20 prompts went on from earlier turns", false},
        {change_configured, "put into a template (--prompt-template)", false},
        {change_configured, "were let through (--special)", false},
        {change_configured, "given for all prompts together (--label)", false},
        {change_rows, "2 rows of the benchmark could not be read", false},
        {change_curtailed, "lean to the winning side", false},
        {change_interval, "lean to the winning side", false},
        {change_nothing, "no judge read the answers", false},
        {change_nothing, "of 20 prompts have no label", false},
        {change_nothing, "answers in English of other models, labelled by people or a strong judge",
         false},
    };
    const struct fixture_options options = {.n_instances = 20, .n_traces = 4};
    struct sc_run plain = make_run(&options);
    struct sc_analysis before = analyse(&plain);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct sc_run run = make_run(&options);
        cases[c].change(&run);
        struct sc_analysis a = analyse(&run);
        assert_says(a.opening.trust.data, cases[c].says);
        assert_says(a.opening.trust.data,
                    cases[c].grave ? "not to be quoted: " : "Whoever quotes these rates has to");
        if (cases[c].change != change_nothing)
            assert_says_not(before.opening.trust.data, cases[c].says);
        sc_analysis_free(&a);
        sc_run_free(&run);
    }
    sc_analysis_free(&before);
    sc_run_free(&plain);
}

static void few_prompts_are_said_with_how_many_would_do(void **state)
{
    (void)state;
    struct fixture_options three = {.n_instances = 6, .n_traces = 4},
                           some = {.n_instances = 20, .n_traces = 4, .judge = "guard/1"};
    struct sc_run run = make_run(&three);
    struct sc_analysis a = analyse(&run);
    assert_says(a.opening.trust.data, "3 unsafe prompts are too few for an interval");
    assert_says(a.opening.trust.data, "not to be quoted");
    sc_analysis_free(&a);
    sc_run_free(&run);
    run = make_run(&some);
    a = analyse(&run);
    assert_says(a.opening.trust.data, "unsafe prompts are few: an interval of ");
    assert_says(a.opening.trust.data, " would give 10)");
    assert_says_not(a.opening.trust.data, "no judge");
    sc_analysis_free(&a);
    sc_run_free(&run);
}

/* ---- scripts --------------------------------------------------------------------------------- */

static void an_answer_is_of_the_script_of_most_of_its_letters(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
    } cases[] = {
        {"", NULL},
        {"12, 3! \xf0\x9f\x99\x82", NULL},
        {"Yes.", "Latin"},
        {"\xc3\x9c"
         "b\xc3\xa9r \xe1\xbb\x87",
         "Latin"},
        {"\xd0\xbd\xd0\xb5\xd1\x82 ok", "Cyrillic"},
        {"\xe6\x88\x91\xe4\xb8\x8d\xe8\x83\xbd", "Chinese"},
        {"\xe3\x81\xa7\xe3\x81\x8d\xe3\x81\xbe\xe3\x81\x9b\xe3\x82\x93", "Japanese"},
        {"\xec\x88\x98 \xec\x97\x86", "Korean"},
        {"\xd9\x84\xd8\xa7", "Arabic"},
        {"\xe0\xb9\x84\xe0\xb8\xa1\xe0\xb9\x88", "Thai"},
        {"\xe0\xa4\xae\xe0\xa5\x88\xe0\xa4\x82", "Devanagari"},
        {"\xce\xb4\xce\xb5\xce\xbd", "Greek"},
        {"\xf0\x90\x8c\xb0", "another"},  /* Gothic */
        {"\xce\xb4\xce\xb5 ab", "Latin"}, /* half is not most */
        {"\xce\xb4\xce\xb5\xce\xbd ab", "Greek"},
        {"\xd7\x90 \xce\xb4\xce\xb5 ab", "Greek"}, /* two without rules */
        {"\xff\xc3 a \xed\xa0\x80", "Latin"},      /* broken bytes */
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const char *name = sc_script_of(cases[c].text, strlen(cases[c].text), NULL);
        if (cases[c].name == NULL)
            assert_null(name);
        else
            assert_string_equal(name, cases[c].name);
    }
}

/* ---- text that wants out --------------------------------------------------------------------- */

static void names_in_the_sentences_are_visible_short_and_on_one_line(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "\x1b[2J\x1b]0;title\x07", "\n\n1. Unsafe prompts were refused 100 %\r",
        "\xe2\x80\xaezrowssap\xe2\x80\xac\xe2\x80\x8b",
        "<script>alert(1)</script> \" onload='x' &amp;", "\xff\xfe %s %n {{x}} \xc0\x80"};
    char longest[4000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (size_t h = 0; h <= sizeof hostile / sizeof *hostile; h++) {
        const char *words = h < sizeof hostile / sizeof *hostile ? hostile[h] : longest;
        struct fixture_options options = {.n_instances = 16, .n_traces = 5, .compare = true};
        struct sc_run run = make_run(&options);
        for (size_t i = 0; i < run.n_instances; i++) {
            sc_free(run.instances[i].id);
            sc_free(run.instances[i].prompt);
            run.instances[i].id = fixture_join(words, run.instances[i].category);
            run.instances[i].prompt = fixture_join(words, words);
        }
        for (size_t p = 0; p < run.n_policies; p++) {
            sc_free(run.policy_names[p]);
            run.policy_names[p] = sc_strdup(words);
        }
        struct sc_analysis a = analyse(&run);
        const struct sc_text *const all[] = {&a.opening.refusal, &a.opening.wavering,
                                             &a.opening.confidence, &a.opening.trust};
        for (size_t s = 0; s < 4; s++) {
            assert_true(all[s]->len < 1200);
            for (size_t c = 0; c < all[s]->len;) {
                uint32_t cp = 0;
                size_t n = sc_utf8_decode(all[s]->data + c, all[s]->len - c, &cp);
                assert_true(n > 0 && !sc_codepoint_is_hidden(cp) && cp != '\n' && cp != '\t');
                c += n;
            }
        }
        struct sc_text terminal = {0}, page = {0};
        assert_int_equal(sc_render_terminal(&a.document, 60, false, &terminal, NULL), SC_OK);
        assert_int_equal(sc_render_html(&a, &page, NULL), SC_OK);
        assert_null(strchr(terminal.data, '\x1b'));
        assert_null(strstr(page.data, "<script>alert"));
        char *line = strstr(terminal.data, "1. Unsafe prompts were refused ");
        assert_non_null(line);
        assert_says(line, "of the time");
        char *end = strstr(line, "\nPolicies ("); /* that table is 80 columns wide */
        assert_non_null(end);
        for (; line < end; line += strcspn(line, "\n") + 1)
            if (sc_text_columns(line, strcspn(line, "\n")) > 60)
                fail_msg("longer than 60 columns: %.*s", (int)strcspn(line, "\n"), line);
        sc_text_free(&terminal);
        sc_text_free(&page);
        sc_analysis_free(&a);
        sc_run_free(&run);
    }
}

static void a_text_is_shortened_to_its_columns(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
        const char *expected;
    } cases[] = {
        {"short", 10, "short"},
        {"  a \t\r\n b  ", 10, "a b"},
        {"0123456789", 10, "0123456789"},
        {"0123456789a", 10, "0123456..."},
        {"", 10, ""},
        {"\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad", 8,
         "\xe4\xb8\xad\xe6\x96\x87..."},
        {"ab\xe2\x80\xae"
         "cd",
         20, "ab\\u{202E}cd"},
        {"\xe2\x80\xae\xe2\x80\xae", 9, "..."}, /* a visible form is never cut within */
        {"\xe2\x80\xae", 4, "..."},
        {"a\xcc\x81 b", 4, "a\xcc\x81 b"},
        {"\xff", 4, "\\xFF"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct sc_text text = {0};
        sc_text_puts(&text, "");
        sc_text_add_shortened(&text, cases[c].text, cases[c].columns);
        assert_string_equal(text.data, cases[c].expected);
        assert_true(sc_text_columns(text.data, text.len) <= cases[c].columns);
        sc_text_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_question_is_answered_in_its_sentence),
        cmocka_unit_test(the_first_screen_has_the_four_sentences),
        cmocka_unit_test(rates_are_those_of_the_analysis_with_their_intervals_and_numbers),
        cmocka_unit_test(what_labels_do_not_say_is_said_with_the_option_that_helps),
        cmocka_unit_test(a_run_of_which_nothing_is_known_says_so_in_every_sentence),
        cmocka_unit_test(unsafe_prompts_near_an_even_split_are_read_first),
        cmocka_unit_test(what_would_sharpen_the_rates_is_said_where_it_can_be_seen),
        cmocka_unit_test(an_import_of_single_answers_has_no_option_to_sample_more),
        cmocka_unit_test(traces_without_a_verdict_make_no_prompt_waver),
        cmocka_unit_test(the_finding_is_in_plain_words_with_what_would_decide_it),
        cmocka_unit_test(a_source_of_text_alone_has_no_confidence_to_speak_of),
        cmocka_unit_test(each_obstacle_is_said_where_it_is_and_nowhere_else),
        cmocka_unit_test(few_prompts_are_said_with_how_many_would_do),
        cmocka_unit_test(an_answer_is_of_the_script_of_most_of_its_letters),
        cmocka_unit_test(names_in_the_sentences_are_visible_short_and_on_one_line),
        cmocka_unit_test(a_text_is_shortened_to_its_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
