/* See gpus.h.  Devices are counted by their files; where there are none (other systems under the
 * same kernel have other files), nvidia-smi is asked if it is installed. */
#include "source/launch/gpus.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "source/launch/child.h"

static const double patience = 20; /* seconds for nvidia-smi, which wakes sleeping drivers */

/* "nvidia0", "nvidia1", ...: not "nvidiactl". */
static int count_files(void)
{
    DIR *devices = opendir("/dev");
    int n = 0;
    if (devices == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(devices)) != NULL;)
        n += strncmp(entry->d_name, "nvidia", 6) == 0 && isdigit((unsigned char)entry->d_name[6]);
    closedir(devices);
    return n;
}

/* What nvidia-smi prints with an argument or two; "" where it is not installed or fails. */
static void ask(const char *first, const char *second, struct sc_text *out)
{
    char program[] = "nvidia-smi", one[64], two[64];
    int status;
    if (!sc_program_exists(program))
        return;
    strncpy(one, first, sizeof one - 1);
    strncpy(two, second, sizeof two - 1);
    one[sizeof one - 1] = two[sizeof two - 1] = '\0';
    char *words[] = {program, one, *two != '\0' ? two : NULL, NULL};
    if (sc_child_read(words, patience, out, &status, NULL) != SC_OK || status != 0 || out->failed)
        sc_text_free(out);
}

static int count_listed(void)
{
    struct sc_text said = {0};
    int n = 0;
    ask("-L", "", &said);
    for (const char *line = said.data; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        n += strncmp(line, "GPU ", 4) == 0;
    }
    sc_text_free(&said);
    return n;
}

/* Devices that CUDA_VISIBLE_DEVICES names: those before the first that is none. */
static int count_named(const char *list)
{
    int n = 0;
    for (const char *at = list; *at != '\0';) {
        size_t length = strcspn(at, ",");
        if (length == 0 || *at == '-' || strncmp(at, "NoDevFiles", length) == 0)
            return n;
        n++;
        at += length + (at[length] == ',');
    }
    return n;
}

int sc_gpus_visible(void)
{
    const char *list = getenv("CUDA_VISIBLE_DEVICES");
    int named = list != NULL ? count_named(list) : -1;
    if (named == 0)
        return 0;
    int there = count_files();
    if (there == 0)
        there = count_listed();
    return named >= 0 && named < there ? named : there;
}

uint64_t sc_gpu_bytes(void)
{
    struct sc_text said = {0};
    uint64_t least = 0;
    ask("--query-gpu=memory.total", "--format=csv,noheader,nounits", &said);
    for (char *at = said.data; at != NULL && *at != '\0';) {
        char *end;
        unsigned long long mib = strtoull(at, &end, 10);
        if (mib > 0 && mib < UINT64_C(1) << 40 && (least == 0 || mib < least))
            least = mib;
        at = strchr(end, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    sc_text_free(&said);
    return least << 20;
}
