/* TLS over any transport, both sides: its read and write are plain bytes, the wire is the lower
 * transport's. Knows neither certificates nor what is said inside.
 *
 * Parts of a write are gathered into one record, so that a head and its body travel together. What
 * of a record the lower transport has not taken is kept by the library, and its bytes count as
 * taken when it has gone; whoever wrote offers the same bytes again, as with any short write.
 */
#ifndef PROXY_TRANSPORT_TLS_H
#define PROXY_TRANSPORT_TLS_H

#include "base/slab.h"
#include "crypto/tls.h"
#include "proxy/transport.h"

/* What those of one worker share. */
struct proxy_tlss {
	struct slab streams;
	uint8_t record[TLS_RECORD_MAX]; /* where parts are gathered, within one write */
};

void proxy_tlss_init(struct proxy_tlss *all, size_t max);
/* All must be closed; accepts zeroed storage. */
void proxy_tlss_done(struct proxy_tlss *all);

/* The server's side over an open transport. lower: owned from then on, closed on failure too. The
 * handshake begins in it; PROXY_OPENED or PROXY_BROKEN are set, or told later: ERR_FORMAT when it
 * failed, ERR_REFUSED for certificates. ERR_LIMIT, ERR_ABSENT: server has no certificate. */
MUST enum err proxy_tls_accept(struct proxy_tlss *all, struct proxy_transport *lower,
			       struct tls_server *server, struct proxy_transport **ret);
/* The client's side, also over one that is not open yet. */
MUST enum err proxy_tls_connect(struct proxy_tlss *all, struct proxy_transport *lower,
				struct tls_peer *peer, struct proxy_transport **ret);

#endif
