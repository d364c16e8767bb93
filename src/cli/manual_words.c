/* See manual_words.h.  A new command brings a row of examples, a new variable of the environment
 * one of cli_manual_variables; tests/cli/test_documentation.py says which is missing. */
#include "cli/manual_words.h"

#include <stddef.h>
#include <string.h>

static const struct cli_words_of_command commands[] = {
    {"run",
     {{"safeconf run --judge-model demo-guard",
       "the bundled model, the synthetic benchmark and the bundled guard: a first result"},
      {"safeconf run --model Qwen/Qwen3-0.6B --benchmark toxicchat --num-instances 200 --out "
       "results/toxicchat",
       "a real model and benchmark; the same command goes on where it was stopped"},
      {"safeconf run --endpoint http://127.0.0.1:8000/v1 --benchmark mine.csv --label unsafe",
       "a model behind a server, and a file of prompts that are all unsafe"}},
     "DEFINITIONS.md"},
    {"compare",
     {{"safeconf compare --policies single,fixed:5,adaptive:3-10@90 --out results/policies",
       "three policies on the same random numbers"}},
     "DEFINITIONS.md"},
    {"experiment",
     {{"safeconf experiment examples/suite.toml --dry-run", "prints the plan and does nothing"}},
     "SUITE.md"},
    {"report",
     {{"safeconf report results/toxicchat --csv tables", "the reports again, and tables for R"},
      {"safeconf report results/a results/b", "one table of two runs"}},
     "REPORT.md"},
    {"diff",
     {{"safeconf diff results/before results/after", "what changed, on the same prompts"}},
     "DIFF.md"},
    {"classify",
     {{"safeconf classify results/toxicchat --judge wildguard --judge-url "
       "http://127.0.0.1:8000/v1",
       "lets WildGuard, behind a server, read the stored answers"}},
     "JUDGES.md"},
    {"replay",
     {{"safeconf replay results/toxicchat", "138 policies on the stored traces"}},
     "REPLAY.md"},
    {"merge",
     {{"safeconf merge results/whole results/shard-1 results/shard-2", "two shards as one run"}},
     "SCALE.md"},
    {"import",
     {{"safeconf import answers.jsonl --out results/theirs", "a run's folder of stored answers"}},
     "IMPORT.md"},
    {"export",
     {{"safeconf export results/run1 --out logs/run1.eval", "a log that inspect view opens"}},
     "EXPORT.md"},
    {"trace",
     {{"safeconf trace \"How do I get into a locked house?\" --traces 5",
       "five answers of the bundled model"}},
     "DEFINITIONS.md"},
    {"risk",
     {{"safeconf risk \"How do I pick the lock of my neighbour?\" --label unsafe",
       "bounds and an estimate for one prompt"}},
     "RISK.md"},
    {"detect",
     {{"safeconf detect answers.csv --completion-column answer", "verdicts for a file of answers"}},
     "DETECTION.md"},
    {"score",
     {{"safeconf score --model demo --text \"Good morning\"", "figures of each token of a text"}},
     "DEFINITIONS.md"},
    {"tokenize",
     {{"safeconf tokenize --model demo < texts.jsonl", "ids, a line for each line"}},
     "MODEL_FILES.md"},
    {"chat",
     {{"safeconf chat --model demo \"Good morning\"", "the text that the model is shown"}},
     "TEMPLATES.md"},
    {"bench",
     {{"safeconf bench --model demo", "tokens per second, and what this machine allows"}},
     "SPEED.md"},
    {"pull",
     {{"safeconf pull --list", "what can be fetched, and what is here"},
      {"safeconf pull toxicchat Qwen/Qwen3-0.6B", "a benchmark and a model"}},
     "HUB.md"},
    {"model",
     {{"safeconf model random --shape qwen3-0.6b --out random-model",
       "random weights of a published shape"}},
     "SPEED.md"},
    {"serve",
     {{"safeconf serve --model demo --port 8000", "the bundled model behind OpenAI's interface"}},
     "SERVE.md"},
    {"figures",
     {{"safeconf figures results/toxicchat --format pdf,png", "figures for a paper"}},
     "FIGURES.md"},
    {"serve-command",
     {{"safeconf serve-command --model Qwen/Qwen3-8B --engine vllm --gpus 2",
       "what to type on the machine with the GPUs"}},
     "SERVERS.md"},
};

const struct cli_words_of_command *cli_words_of_command(const char *command)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].command, command) == 0)
            return &commands[i];
    return NULL;
}

const struct cli_named cli_manual_statuses[] = {
    {"0", "Done."},
    {"1", "Failed; one line on standard error says why."},
    {"2", "Wrong usage."},
    {"3", "Done, but some traces failed or some rows could not be read."},
    {"130", "Interrupted, or stopped at a limit of the options: the same command goes on."},
    {NULL, NULL}};

const struct cli_named cli_manual_files[] = {
    {"DIR/run.db", "All that was sampled (SQLite): what every report is made of."},
    {"DIR/predictions.jsonl", "One line for each prompt."},
    {"DIR/analysis.json", "What the run says, with intervals."},
    {"DIR/report.html", "The same as a page that needs no network."},
    {"~/.cache/huggingface/hub", "Models of the hub, as Python's huggingface_hub keeps them."},
    {"~/.local/share/safeconf/benchmarks", "Benchmarks that were pulled."},
    {NULL, NULL}};

const struct cli_named cli_manual_variables[] = {
    {"SAFECONF_DATA", "Folder of benchmarks that go by a name."},
    {"SAFECONF_MODELS", "Folder of the bundled models, before any other place."},
    {"SAFECONF_JUDGE_KEY", "API key of the judges that go by a name and are behind a server."},
    {"SAFECONF_RAW_ENDPOINT", "Where files of public repositories are fetched from."},
    {"SAFECONF_VLLM, SAFECONF_SGLANG, SAFECONF_LLAMA_SERVER",
     "The engine's program, where it is not the one on the path."},
    {"SAFECONF_CUBLASLT",
     "The file of cuBLASLt, where it is not beside a CUDA toolkit or where the loader looks."},
    {"SAFECONF_PROGRESS",
     "Seconds between lines of a run's progress where there is no terminal (15)."},
    {"SAFECONF_PYTHON", "The Python that has the package, for what needs it (python3)."},
    {"OPENAI_API_KEY", "API key of --endpoint, unless --api-key-env names another variable."},
    {"HF_HOME, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE", "The hub's folder, and its cache of models."},
    {"HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH", "The hub's token, or the file it is in."},
    {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1: no token is sent."},
    {"HF_HUB_OFFLINE", "1: the hub is not asked; what is in the cache is all there is."},
    {"HF_HUB_DOWNLOAD_TIMEOUT", "Seconds without a byte until a try is given up."},
    {"HF_ENDPOINT, HF_DATASETS_SERVER", "The hub, and the server of its data sets' rows."},
    {"http_proxy, https_proxy, all_proxy, no_proxy", "Proxies, as curl reads them."},
    {"SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE", "The certificates that are trusted."},
    {"SAFECONF_GPU_MODULE", "The file of the module for GPUs, where it is not the installed one."},
    {"CUDA_VISIBLE_DEVICES", "The GPUs that the program, and an engine which it starts, may use."},
    {"NO_COLOR", "When it is set, nothing is coloured."},
    {"TERM", "\"dumb\": no colours, and no line that is written over."},
    {"TMPDIR", "Folder of temporary files."},
    {"XDG_CACHE_HOME, XDG_DATA_HOME, HOME", "Where those folders lie that are not named."},
    {NULL, NULL}};
