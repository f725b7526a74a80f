/* Internationalised names for people: what they type to what is asked, what was said to what they
 * read (RFC 5891, UTS 46). Knows no message. */
#ifndef CLI_IDN_H
#define CLI_IDN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define IDN_TEXT_MAX 1100

/* ERR_FORMAT for a name that IDNA refuses. Plain ASCII, underscores and escapes included, goes
 * through as it is. */
MUST enum err idn_to_ascii(const char *typed, char *buf, size_t size);

/* xn-- labels in letters, when the terminal can show them (a UTF-8 locale) and they say the same
 * when read back; else as they are. Returns buf. */
const char *idn_to_shown(const char *name, char *buf, size_t size);

#endif
