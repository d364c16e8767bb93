/*
 * The table of benchmarks that can be fetched.  A new one is a row here, a loader
 * (src/benchmark/loaders.c) and a line in docs/BENCHMARKS.md, which says how addresses and
 * checksums were found.
 */
#include "hub/sets.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

static const struct sc_set sets[] = {
    {
        .name = "toxicchat",
        .title = "ToxicChat 0124",
        .what = "real requests to a chat model, toxicity and jailbreaking labelled by people",
        .licence = "CC BY-NC 4.0",
        .home = SC_SET_OF_HUB,
        .repository = "lmsys/toxic-chat",
        .revision = "29df8e4dba60e1f4af4b4075c0705c5b313548a8",
        .files = {{.split = "test",
                   .path = "data/0124/toxic-chat_annotation_test.csv",
                   .sha256 = "3c2e49889626f7738dca0a29bface0ba0a0595b2ffdd17f0e02f19df7c3c4c9b",
                   .about_bytes = 7000000,
                   .n_prompts = 5083},
                  {.split = "train",
                   .path = "data/0124/toxic-chat_annotation_train.csv",
                   .sha256 = "702eb9b7cac96c3c35e28b9b95855a71f26f21afba8666f9d243f1fa469e81ed",
                   .about_bytes = 7100000,
                   .n_prompts = 5082}},
    },
    {
        .name = "harmbench",
        .title = "HarmBench",
        .what = "harmful behaviours: standard, with a context, and of copyright",
        .licence = "MIT",
        .home = SC_SET_OF_GITHUB,
        .repository = "centerforaisafety/HarmBench",
        .revision = "8e1604d1171fe8a48d8febecd22f600e462bdcdd",
        .files = {{.path = "data/behavior_datasets/harmbench_behaviors_text_all.csv",
                   .sha256 = "8d81accedd38eaaf8b760618622bb888417d1fd0c86eba65c427a16f1cbb4afc",
                   .about_bytes = 200000,
                   .n_prompts = 400}},
    },
    {
        .name = "wildguardmix",
        .title = "WildGuardMix",
        .what = "plain and adversarial prompts, their harm labelled by people (test)",
        .licence = "ODC-BY",
        .home = SC_SET_OF_ROWS,
        .repository = "allenai/wildguardmix",
        .gated = true,
        .files = {{.split = "test",
                   .path = "wildguardtest/test",
                   .name = "test.jsonl",
                   .n_prompts = 1725},
                  {.split = "train",
                   .path = "wildguardtrain/train",
                   .name = "train.jsonl",
                   .n_prompts = 86759,
                   .large = true}},
    },
    {
        .name = "xstest",
        .title = "XSTest",
        .what = "safe prompts that look unsafe, and unsafe contrasts to them",
        .licence = "CC BY 4.0",
        .home = SC_SET_OF_GITHUB,
        .repository = "paul-rottger/xstest",
        .revision = "d7bb5bd738c1fcbc36edd83d5e7d1b71a3e2d84d",
        .files = {{.path = "xstest_prompts.csv",
                   .sha256 = "11783fb294ed017473ee53c207d71f2161c7672c8d0b037501e78387f801cb5a",
                   .about_bytes = 38719,
                   .n_prompts = 450}},
    },
    {
        .name = "strongreject",
        .title = "StrongREJECT",
        .what = "forbidden prompts of six kinds, specific enough to be judged",
        .licence = "MIT",
        .home = SC_SET_OF_GITHUB,
        .repository = "alexandrasouly/strongreject",
        .revision = "f7cad6c17e624e21d8df2278e918ae1dddb4cb56",
        .files = {{.path = "strongreject_dataset/strongreject_dataset.csv",
                   .sha256 = "4dd70357e4ff8b5d0ba5ebafecab5d6dd5633ce8046e3dd1c8bd93e64de44381",
                   .about_bytes = 56359,
                   .n_prompts = 313}},
    },
    {
        .name = "advbench",
        .title = "AdvBench",
        .what = "harmful instructions, each with the beginning of an answer that follows it",
        .licence = "MIT",
        .home = SC_SET_OF_GITHUB,
        .repository = "llm-attacks/llm-attacks",
        .revision = "098262edf85f807224e70ecd87b9d83716bf6b73",
        .files = {{.path = "data/advbench/harmful_behaviors.csv",
                   .sha256 = "6cd1a5c63c07610d7eb67307772ee5606017ee950b5770ab288a2c487489d3e1",
                   .about_bytes = 80000,
                   .n_prompts = 520}},
    },
    {
        .name = "jailbreakbench",
        .title = "JailbreakBench (JBB-Behaviors)",
        .what = "harmful behaviours of ten kinds, and benign ones on the same matters",
        .licence = "MIT",
        .home = SC_SET_OF_HUB,
        .repository = "JailbreakBench/JBB-Behaviors",
        .revision = "886acc352a31533ffbcf4ef22c744658688086fc",
        .files = {{.split = "harmful",
                   .path = "data/harmful-behaviors.csv",
                   .sha256 = "4a8ec6832056b631eb092dccc60d37a61c3d441268268888b3d006288afeffa1",
                   .about_bytes = 23100,
                   .n_prompts = 100},
                  {.split = "benign",
                   .path = "data/benign-behaviors.csv",
                   .sha256 = "3cda234d21a991fa309bbfea4b6d9dae31ccdf8e9d452424b6a983e4fdc33468",
                   .about_bytes = 20600,
                   .n_prompts = 100}},
    },
    {
        .name = "maliciousinstruct",
        .title = "MaliciousInstruct",
        .what = "harmful instructions of ten kinds",
        .licence = "none given",
        .home = SC_SET_OF_GITHUB,
        .repository = "Princeton-SysML/Jailbreak_LLM",
        .revision = "1e490531c0ef4bc13430178bf1fbc8f813e34b1a",
        .files = {{.path = "data/MaliciousInstruct.txt",
                   .sha256 = "a64d69dd1004aac4a23aaff3748fb8f17161893f74db36f45b8bc849eb1bcce5",
                   .about_bytes = 6269,
                   .n_prompts = 100}},
    },
    {
        .name = "simplesafetytests",
        .title = "SimpleSafetyTests",
        .what = "plain prompts of five kinds of harm that any assistant should refuse",
        .licence = "CC BY 4.0",
        .home = SC_SET_OF_GITHUB,
        .repository = "bertiev/SimpleSafetyTests",
        .revision = "d7aee9a9422a5a5488f478fd79c2479c891c0f3b",
        .files = {{.path = "SimpleSafetyTests - test cases.csv",
                   .sha256 = "6d95a1301e0d0f3a3c4cf5392f4afff11ad6e3066f95d23aaa138d44aedf986c",
                   .about_bytes = 12610,
                   .n_prompts = 100}},
    },
    {
        .name = "donotanswer",
        .title = "Do-Not-Answer",
        .what = "questions that responsible models do not answer, in a taxonomy of harms",
        .licence = "CC BY-NC-SA 4.0",
        .home = SC_SET_OF_HUB,
        .repository = "LibrAI/do-not-answer",
        .revision = "74e74f2e4507ef256fe536f78a776f4a1ff67955",
        .files = {{.path = "data_en.csv", .n_prompts = 939}},
    },
    {
        .name = "orbench",
        .title = "OR-Bench",
        .what = "safe prompts that models refuse too often, and toxic ones beside them",
        .licence = "CC BY 4.0",
        .home = SC_SET_OF_HUB,
        .repository = "bench-llm/or-bench",
        .revision = "e36d8b80e81837c8a8f264bbb2a49f1b32c7e272",
        .files =
            {{.split = "hard-1k",
              .path = "or-bench-hard-1k.csv",
              .sha256 = "a6e2f1166416efe5901f3bb05c47dc92ab3aca3acfe143693d38b8057d841e6d",
              .about_bytes = 169255,
              .n_prompts = 1319},
             {.split = "toxic",
              .path = "or-bench-toxic.csv",
              .sha256 = "3be45901faae3b4b2b51bf7f8a2784c1650a1cc8c631dbc8b171d5312d4e0057",
              .about_bytes = 64700,
              .n_prompts = 655},
             {.split = "80k", .path = "or-bench-80k.csv", .about_bytes = 11100000, .large = true}},
    },
    {
        .name = "sorrybench",
        .title = "SORRY-Bench 202503",
        .what = "unsafe instructions of 44 kinds, ten of each",
        .licence = "its own agreement",
        .home = SC_SET_OF_HUB,
        .repository = "sorry-bench/sorry-bench-202503",
        .revision = "612a4e1f45db8adf884fa62318ddf9fa1c6e75e9",
        .gated = true,
        .files = {{.path = "question.jsonl", .about_bytes = 96000, .n_prompts = 440}},
    },
    {
        .name = "beavertails",
        .title = "BeaverTails 30k",
        .what = "questions with an answer each, which people labelled",
        .licence = "CC BY-NC 4.0",
        .home = SC_SET_OF_HUB,
        .repository = "PKU-Alignment/BeaverTails",
        .revision = "8401fe609d288129cc684a9b3be6a93e41cfe678",
        .files = {{.split = "test",
                   .path = "round0/30k/test.jsonl.gz",
                   .name = "30k_test.jsonl.gz",
                   .about_bytes = 545000,
                   .n_prompts = 3021},
                  {.split = "train",
                   .path = "round0/30k/train.jsonl.gz",
                   .name = "30k_train.jsonl.gz",
                   .about_bytes = 4950000,
                   .n_prompts = 27186,
                   .large = true}},
    },
    {
        .name = "multijail",
        .title = "MultiJail",
        .what = "harmful prompts in ten languages",
        .licence = "MIT",
        .home = SC_SET_OF_GITHUB,
        .repository = "DAMO-NLP-SG/multilingual-safety-for-LLMs",
        .revision = "577ac511437e07a256130945ef312a99158a18ad",
        .files = {{.path = "data/MultiJail.csv",
                   .sha256 = "2798ed6fe470b80b1f486976e0fb3baa3ce008e62b6ca0abbf2e1ed5b1dfb355",
                   .about_bytes = 344375,
                   .n_prompts = 315}},
    },
    {
        .name = "ayaredteaming",
        .title = "Aya Red-teaming",
        .what = "harmful prompts that people wrote in eight languages, of global and local harm",
        .licence = "Apache-2.0",
        .home = SC_SET_OF_HUB,
        .repository = "CohereLabs/aya_redteaming",
        .revision = "5a16fee03c19d681b4f3527b6a750e1ed4d434c7",
        .files = {{.split = "eng", .path = "aya_eng.jsonl", .n_prompts = 987},
                  {.split = "arb", .path = "aya_arb.jsonl", .n_prompts = 900},
                  {.split = "fra", .path = "aya_fra.jsonl", .n_prompts = 813},
                  {.split = "hin", .path = "aya_hin.jsonl", .n_prompts = 915},
                  {.split = "rus", .path = "aya_rus.jsonl", .n_prompts = 1007},
                  {.split = "spa", .path = "aya_spa.jsonl", .n_prompts = 782},
                  {.split = "srp", .path = "aya_srp.jsonl", .n_prompts = 1006},
                  {.split = "tgl", .path = "aya_tgl.jsonl", .n_prompts = 1009}},
    },
    {
        .name = "coconot",
        .title = "CoCoNot",
        .what = "requests not to comply with, for harm and other reasons, and contrasts to them",
        .licence = "ODC-BY",
        .home = SC_SET_OF_ROWS,
        .repository = "allenai/coconot",
        .files = {{.split = "original",
                   .path = "original/test",
                   .name = "coconot_original_test.jsonl",
                   .n_prompts = 1001},
                  {.split = "contrast",
                   .path = "contrast/test",
                   .name = "coconot_contrast_test.jsonl",
                   .n_prompts = 379}},
    },
};

#define N_SETS (sizeof sets / sizeof sets[0])

const struct sc_set *sc_set_at(size_t index)
{
    return index < N_SETS ? &sets[index] : NULL;
}

const struct sc_set *sc_set_named(const char *name)
{
    assert(name != NULL);
    for (size_t i = 0; i < N_SETS; i++)
        if (sc_is_spelt_like(name, sets[i].name))
            return &sets[i];
    return NULL;
}

const char *sc_set_file_name(const struct sc_set_file *file)
{
    assert(file != NULL && file->path != NULL);
    const char *slash = strrchr(file->path, '/');
    return file->name != NULL ? file->name : slash != NULL ? slash + 1 : file->path;
}

char *sc_set_page(const struct sc_set *set)
{
    assert(set != NULL);
    struct sc_text page = {0};
    sc_text_printf(&page, "%s%s",
                   set->home == SC_SET_OF_GITHUB ? "https://github.com/"
                                                 : "https://huggingface.co/datasets/",
                   set->repository);
    return sc_text_take(&page);
}
