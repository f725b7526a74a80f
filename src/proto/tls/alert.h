/* What a server that takes no connection says to a TLS client ahead of any key: a record with an
 * alert (RFC 8446 6, RFC 6066 3). Knows no handshake. */
#ifndef PROTO_TLS_ALERT_H
#define PROTO_TLS_ALERT_H

#include "base/writer.h"

enum { TLS_ALERT_LEN = 7 };

enum tls_alert {
	TLS_ALERT_ACCESS_DENIED = 49,
	TLS_ALERT_DECODE_ERROR = 50,
	TLS_ALERT_INTERNAL_ERROR = 80,
	TLS_ALERT_UNRECOGNIZED_NAME = 112,
};

/* A fatal one, as the first record of its side: TLS_ALERT_LEN bytes. */
void tls_alert_write(struct writer *w, enum tls_alert alert);

#endif
