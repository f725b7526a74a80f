/* Passwords against records of crypt(5): bcrypt, yescrypt, SHA-512. Knows neither whose a password
 * is nor how records are made; the suite's own are in password.h. */
#ifndef CRYPTO_CRYPT_RECORD_H
#define CRYPTO_CRYPT_RECORD_H

#include "base/err.h"
#include "base/span.h"

enum { CRYPT_PASSWORD_MAX = 511 }; /* bytes, as crypt(3) takes them; none of them NUL */

/* Is this the password of that record ("$2b$…", "$y$…", "$6$…")? Takes as long as the record says:
 * not for a thread that others wait for. ERR_REFUSED: no, or no record that libc knows; ENOMEM. */
MUST enum err crypt_record_check(struct span password, const char *record);

#endif
