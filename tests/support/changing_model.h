/* A model whose weights become others while it is in use, though its file stays as it is. */
#ifndef TEST_CHANGING_MODEL_H
#define TEST_CHANGING_MODEL_H

/* A copy of a model's folder, which fixture_remove_folder removes. */
void changing_model_copy(const char *from, const char *to);
/* Turns a bit of the weights of that folder that this process has mapped, as a bad memory would. */
void changing_model_turn_a_bit(const char *folder);

#endif
