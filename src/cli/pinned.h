/* A run that is resumed goes on with the revision of its model that it began with. */
#ifndef SC_CLI_PINNED_H
#define SC_CLI_PINNED_H

/* "OWNER/MODEL@COMMIT" (sc_free it) where the folder holds a run of that model of a hub, and name
 * is the model without a revision; else NULL, also where the folder's run cannot be read: whoever
 * opens it says why. */
char *cli_pinned_model(const char *folder, const char *name);

#endif
