/* The fields by which browsers are made careful with an answer. Knows no connection. */
#ifndef REVERSE_PROXY_GUARD_SECURE_H
#define REVERSE_PROXY_GUARD_SECURE_H

#include <stdbool.h>

struct proxy_head;

/* Adds those that the server did not send itself. tls: the client came by TLS (RFC 6797 7.2: else
 * no Strict-Transport-Security). Fields for which there is no room are left out. */
void secure_fields_add(struct proxy_head *response, bool tls);

#endif
