/* The fields by which servers, routes and guards learn of a client's certificate: Client-Cert
 * (RFC 9440) and X-Client-Cert-… of our own. Knows no TLS but what its facts say.
 */
#ifndef REVERSE_PROXY_ROUTE_CLIENT_CERTIFICATE_H
#define REVERSE_PROXY_ROUTE_CLIENT_CERTIFICATE_H

#include "base/err.h"
#include "base/span.h"

struct proxy_head;
struct proxy_tls_facts;

/* Client-Cert, Client-Cert-Chain and all that begins with X-Client-Cert, in any case, and with `_`
 * for `-`, which CGI takes for the same. */
bool client_certificate_is_claim(struct span name);

/* Takes them out of a request, and puts ours in when the connection showed a certificate that is
 * good; all before a route is looked for. trusted: the peer is a proxy that is believed; what it
 * sent stays as it is, and its own certificate, which is not the client's, is not told. tls: NULL
 * without TLS; the fields borrow from it. ERR_LIMIT: too many fields. */
MUST enum err client_certificate_tell(struct proxy_head *request, const struct proxy_tls_facts *tls,
				      bool trusted);

#endif
