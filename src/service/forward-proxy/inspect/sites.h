/* What one worker remembers of the servers that it stands in for, by name: what is shown in their
 * place, and which of them are left alone for a while. Knows no connection and has no clock.
 *
 * Bounded: the one that was used longest ago gives way.
 */
#ifndef FORWARD_PROXY_INSPECT_SITES_H
#define FORWARD_PROXY_INSPECT_SITES_H

#include "base/table.h"
#include "crypto/certificate.h"

struct tls_mint;
struct tls_server;

enum {
	INSPECT_SITE_NAME_MAX = 254,	     /* with the NUL */
	INSPECT_LIFE_S = 48 * 3600,	     /* of what is shown, from its making on */
	INSPECT_BEFORE_S = 24 * 3600,	     /* for clients whose clocks are late */
	INSPECT_RENEW_S = INSPECT_LIFE_S / 2 /* what ends sooner than that is made anew */
};

struct inspect_site;

struct inspect_sites {
	struct table table;
	struct inspect_site *first, *last; /* the last used first */
	size_t n, max;
};

/* max: at least 1. */
void inspect_sites_init(struct inspect_sites *s, struct hash_key key, size_t max);
void inspect_sites_done(struct inspect_sites *s); /* accepts zeroed storage */

/* What makes what is shown. */
struct inspect_maker {
	const struct tls_mint *mint;
	struct tls_server *like; /* as tls_server_alone takes it */
};

/* A door that shows a certificate for name, whose time lies within the server's own; made when
 * there is none that is good. Counted for the caller. ERR_FORMAT: name is neither a name nor an
 * address; ERR_REFUSED: nothing is left of its time. */
MUST enum err inspect_sites_door(struct inspect_sites *s, const struct inspect_maker *by,
				 const char *name, struct certificate_time server, uint64_t now_s,
				 struct tls_server **ret);

/* It is left alone until then. Without memory it is not. */
void inspect_sites_leave(struct inspect_sites *s, const char *name, uint64_t until_s);
bool inspect_sites_is_left(const struct inspect_sites *s, const char *name, uint64_t now_s);

#endif
