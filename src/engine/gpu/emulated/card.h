/* An opened card and what is done with it.  Private to this folder. */
#ifndef SC_ENGINE_GPU_EMULATED_CARD_H
#define SC_ENGINE_GPU_EMULATED_CARD_H

#include "engine/gpu/emulated/emulated.h"

enum { SC_EMULATED_MOST_CARDS = 64 };

struct sc_emulated_gpu {
    struct sc_emulated_options options;
    int card;
    size_t n_blocks; /* of memory that this one took and did not give back */
};

/* Memory (memory.c); the functions of struct sc_gpu_module. */
enum sc_status sc_emulated_take(void *gpu, size_t bytes, void **memory, char *why);
void sc_emulated_release(void *gpu, void *memory);
enum sc_status sc_emulated_take_host(void *gpu, size_t bytes, void **memory, char *why);
void sc_emulated_release_host(void *gpu, void *memory);
enum sc_status sc_emulated_store(void *gpu, void *to, const void *from, size_t bytes, char *why);
size_t sc_emulated_taken(int card); /* by all who opened it */

/* Before and after work: while it is done the card's memory can be reached, and else not. */
void sc_emulated_reach(const struct sc_emulated_gpu *gpu);
void sc_emulated_leave(const struct sc_emulated_gpu *gpu);

enum sc_emulated_place_kind { SC_OF_NOBODY, SC_OF_CARD, SC_OF_HOST };
/* Whose memory that is: all of it of one block, or nobody's. */
enum sc_emulated_place_kind sc_emulated_owner(const struct sc_emulated_gpu *gpu, const void *at,
                                              size_t bytes);
/* Whether arguments of a kernel hold an address of the program that a card could not read. */
bool sc_emulated_is_foreign(const struct sc_emulated_gpu *gpu, const void *arguments, size_t bytes);

/* Queues (queue.c); the functions of struct sc_gpu_module. */
enum sc_status sc_emulated_queue_open(void *gpu, void **queue, char *why);
void sc_emulated_queue_close(void *queue);
enum sc_status sc_emulated_upload(void *queue, void *to, const void *from, size_t bytes, char *why);
enum sc_status sc_emulated_download(void *queue, void *to, const void *from, size_t bytes,
                                    char *why);
enum sc_status sc_emulated_copy(void *queue, void *to, const void *from, size_t bytes, char *why);
enum sc_status sc_emulated_launch(void *queue, const struct sc_gpu_launch *launch, char *why);
enum sc_status sc_emulated_enqueue_product(void *queue, void *way,
                                           const struct sc_gpu_operands *operands, char *why);
enum sc_status sc_emulated_mark(void *queue, unsigned mark, char *why);
enum sc_status sc_emulated_wait(void *queue, char *why);
double sc_emulated_seconds(void *queue, unsigned from, unsigned to);
enum sc_status sc_emulated_record(void *queue, char *why);
enum sc_status sc_emulated_record_end(void *queue, void **recording, char *why);
void sc_emulated_forget(void *queue, void *recording);
enum sc_status sc_emulated_replay(void *queue, void *recording, char *why);

#endif
