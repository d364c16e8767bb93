#include "scratch_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/dev/shm/safeconf-scratch-XXXXXX";
static char folder_on_disk[] = "/tmp/safeconf-scratch-XXXXXX";
static const char *made;

/* It holds plain files alone. */
static void clear(void)
{
    DIR *dir = opendir(made);
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        closedir(dir);
    rmdir(made);
}

const char *scratch_folder(void)
{
    if (made != NULL)
        return made;
    made = mkdtemp(folder) != NULL ? folder : mkdtemp(folder_on_disk);
    if (made == NULL || atexit(clear) != 0)
        abort();
    return made;
}

const char *scratch_path(const char *name)
{
    static char path[sizeof folder + 128];
    int n = snprintf(path, sizeof path, "%s/%s", scratch_folder(), name);
    if (n < 0 || (size_t)n >= sizeof path)
        abort();
    return path;
}

void scratch_write(const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(scratch_path(name), "wb");
    if (file == NULL || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        abort();
}

void scratch_remove(const char *name)
{
    unlink(scratch_path(name));
}
