/* Where the root's servers are: the thirteen that everyone knows, or those of a hints file or a
 * list. Knows no sockets and reads no files. */
#ifndef RESOLVER_HINTS_H
#define RESOLVER_HINTS_H

#include "service/resolver/delegation.h"

/* The public root, as of 2024 (https://www.internic.net/domain/named.root). */
void hints_builtin(uint16_t port, struct delegation *ret);

/* The NS records of the root in a zone file's text and the addresses of their names (RFC 8109 2).
 * ERR_FORMAT: ret_line and ret_message (text of static or parser's storage, good until the next
 * call) say where and why; no server at all is also one. */
MUST enum err hints_read(struct span text, uint16_t port, struct delegation *ret,
			 uint32_t *ret_line, char *ret_message, size_t message_size);

/* Addresses without names. */
void hints_of_addresses(const struct ip_address *list, size_t n, uint16_t port,
			struct delegation *ret);

#endif
