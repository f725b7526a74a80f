/* Whose certificates servers must show: those of a file, or those that the system trusts. Knows no
 * server.
 */
#ifndef FETCH_TRUST_H
#define FETCH_TRUST_H

#include "base/err.h"

struct tls_client;

/* Where this system keeps whom it trusts; NULL: nowhere that is known. */
const char *fetch_system_authorities(void);

/* Of the certificates in a file (PEM); NULL: the system's. ERR_ABSENT: the system has none;
 * ERR_FORMAT: it is no PEM; what reading gives. */
MUST enum err fetch_trust_read(const char *path, struct tls_client **ret);

#endif
