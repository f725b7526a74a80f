/* Where the TLS records end that a stream of bytes consists of (RFC 8446 5.1), without a look into
 * them. For a tunnel within TLS: a client that stacks one TLS library upon another asks the socket
 * whether there is more, when the outer one already holds it: gnutls as apt and Debian's curl use
 * it waits for ever, then. It never does when none of our records begins within one of the inner
 * ones and goes on behind its end.
 */
#ifndef PROXY_RECORDS_H
#define PROXY_RECORDS_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: at the begin of a stream. */
struct proxy_records {
	uint8_t header[5]; /* as far as it went by */
	uint8_t header_len;
	uint16_t left; /* of the record's content */
	bool other;    /* it is not TLS: nothing is cut any more */
};

/* How many of the bytes, the next ones of the stream, belong to the record that is open, or to the
 * one that begins; bytes.len when it is not TLS. > 0 when bytes.len is. */
size_t proxy_records_cut(const struct proxy_records *r, struct span bytes);
/* These went by. */
void proxy_records_went(struct proxy_records *r, struct span bytes);

#endif
