/* What the verbs of `gatehouse lab` share. Knows nothing of the lab's insides. */
#ifndef CLI_LAB_H
#define CLI_LAB_H

#include <stdbool.h>

/* Brings the lab up, unless it is; returns an exit status, after it was said what is wrong. */
int lab_command_up(bool *ret_was_up);

/* Waits until the site's gateway translates; false: it does not within half a minute. */
bool lab_command_await_translation(void);

#endif
