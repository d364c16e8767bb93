/*
 * Whom is asked and who asks: the addresses of the hub and of what stands beside it, and the user's
 * access token, by the variables that its Python tools have.
 */
#ifndef SC_HUB_ACCOUNT_H
#define SC_HUB_ACCOUNT_H

#include "base/error.h"

/* Addresses without a slash at their end; sc_free *out. */
/* HF_ENDPOINT, else https://huggingface.co */
enum sc_status sc_hub_endpoint(char **out, struct sc_error *error);
/* HF_DATASETS_SERVER, else https://datasets-server.huggingface.co: rows of data sets */
enum sc_status sc_hub_rows_endpoint(char **out, struct sc_error *error);
/* SAFECONF_RAW_ENDPOINT, else https://raw.githubusercontent.com: files of public repositories */
enum sc_status sc_raw_endpoint(char **out, struct sc_error *error);

/* The access token: HF_TOKEN, else what the file HF_TOKEN_PATH holds, else the file "token" in
 * HF_HOME, XDG_CACHE_HOME/huggingface or ~/.cache/huggingface.  *out NULL: there is none; else
 * sc_free it.  One that could not stand in a header is an error. */
enum sc_status sc_hub_token(char **out, struct sc_error *error);

/* Whether HF_HUB_OFFLINE says that nothing is to be fetched. */
bool sc_hub_is_offline(void);

#endif
