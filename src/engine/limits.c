/* See limits.h. */
#include "engine/limits.h"

#include "base/memory.h"
#include "base/system.h"

struct sc_limits sc_limits_of(const struct sc_engine *engine, size_t asked)
{
    const struct sc_device_room room = engine->device->room(engine->weights);
    if (asked > 0)
        return (struct sc_limits){room.is_own, room.bytes, asked, asked};
    return (struct sc_limits){room.is_own, room.bytes, sc_available_memory() / 2, SIZE_MAX};
}

struct sc_taken sc_taken_of(const struct sc_limits *limits, const struct sc_session_bytes *there,
                            size_t own)
{
    const size_t on_device = sc_size_add(sc_size_add(there->pages, there->kept), there->scratch);
    return (struct sc_taken){.device = limits->is_own ? on_device : 0,
                             .total = sc_size_add(on_device, sc_size_add(there->host, own))};
}

bool sc_limits_hold(const struct sc_limits *limits, const struct sc_taken *taken, size_t *left)
{
    const size_t host = taken->total - taken->device;
    if (taken->total > limits->total || taken->device > limits->device || host > limits->host)
        return false;
    const size_t of_all = limits->total - taken->total;
    const size_t there = limits->is_own ? limits->device - taken->device : limits->host - host;
    *left = of_all < there ? of_all : there;
    return true;
}

struct sc_excess sc_limits_excess(const struct sc_limits *limits, const struct sc_taken *taken)
{
    if (taken->device > limits->device)
        return (struct sc_excess){"of the device ", limits->device, taken->device};
    if (taken->total > limits->total)
        return (struct sc_excess){"", limits->total, taken->total};
    return (struct sc_excess){"", limits->host, taken->total - taken->device};
}
