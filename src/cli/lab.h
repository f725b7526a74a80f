/* What the verbs of `gatehouse lab` share. Knows nothing of the lab's insides. */
#ifndef CLI_LAB_H
#define CLI_LAB_H

#include <stdbool.h>

/* Brings the lab up, unless it is; returns an exit status, after it was said what is wrong. */
int lab_command_up(bool *ret_was_up);

/* Whether the site's gateway translates; where not, lab_command_untranslated says why. */
bool lab_command_translates(void);
extern const char lab_command_untranslated[];

#endif
