/* A proof of dns-01 put into the DNS, or taken out of it, by one UPDATE (RFC 2136) that is signed
 * (RFC 8945) and sent until it is answered. Knows nothing of orders.
 */
#ifndef REVERSE_PROXY_IO_ACME_DNS_H
#define REVERSE_PROXY_IO_ACME_DNS_H

#include "names/link.h"
#include "service/reverse-proxy/conf_acme.h"

enum { ACME_DNS_MESSAGE_MAX = 2048 };

/* OK, or why not: ETIMEDOUT: nobody answered; ERR_REFUSED: the server does not want it, rcode says
 * why (TSIG's own among them). Never called within acme_dns_update. */
typedef void acme_dns_done(void *arg, enum err why, uint16_t rcode);

/* Storage is the caller's and may not move. */
struct acme_dns {
	struct loop *loop; /* borrowed */
	acme_dns_done *done;
	void *arg; /* borrowed */
	struct names_link link;
	struct loop_timer timer;
	bool runs, tcp, is_signed, add;
	unsigned tries;
	uint16_t id, unproved;
	struct dns_name zone, owner;
	char text[64];
	struct dns_tsig_key key;
	uint8_t mac_len, mac[CRYPTO_HASH_LEN_MAX];
};

void acme_dns_init(struct acme_dns *d, struct loop *loop, acme_dns_done *done, void *arg);
/* add: the record is added, else it is removed; others at that name stay. name: without "*.".
 * ERR_EXISTS: one runs; ERR_ABSENT: the name lies in no zone; ERR_FORMAT, ERR_LIMIT. */
MUST enum err acme_dns_update(struct acme_dns *d, const struct reverse_acme_dns_conf *conf,
			      const char *name, const char *text, bool add);
/* done is not called; accepts one that does not run, and zeroed storage. */
void acme_dns_stop(struct acme_dns *d);

#endif
