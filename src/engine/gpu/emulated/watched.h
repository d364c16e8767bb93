/* What AddressSanitizer is told, where it watches. */
#ifndef SC_ENGINE_GPU_EMULATED_WATCHED_H
#define SC_ENGINE_GPU_EMULATED_WATCHED_H

#if defined __SANITIZE_ADDRESS__
#define SC_WATCHED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SC_WATCHED 1
#endif
#endif

#ifdef SC_WATCHED
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define SC_FORBID(at, bytes) __asan_poison_memory_region((at), (bytes))
#define SC_ALLOW(at, bytes) __asan_unpoison_memory_region((at), (bytes))
#else
#define SC_FORBID(at, bytes) ((void)(at), (void)(bytes))
#define SC_ALLOW(at, bytes) ((void)(at), (void)(bytes))
#endif

#endif
