/*
 * safeconf.h - the whole public interface of libsafeconf.
 *
 * safeconf samples many traces (independent sampled answers) of each prompt from a language model,
 * measures the model's confidence in every token and finds refusals.  docs/DEFINITIONS.md says what
 * each quantity means; docs/ARCHITECTURE.md says where each function lives.
 */
#ifndef SAFECONF_SAFECONF_H
#define SAFECONF_SAFECONF_H

#include <safeconf/analysis.h>
#include <safeconf/core.h>
#include <safeconf/engine.h>
#include <safeconf/experiment.h>
#include <safeconf/judging.h>
#include <safeconf/risk.h>
#include <safeconf/source.h>
#include <safeconf/vocabulary.h>

#endif
