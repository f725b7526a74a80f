/* Forwarded (RFC 7239) and the X-Forwarded-* fields that came before it: elements to spans and
 * back. Knows neither whom to believe nor a message. */
#ifndef PROTO_HTTP_FORWARDED_H
#define PROTO_HTTP_FORWARDED_H

#include "proto/ip/address.h"

struct writer;

/* As they stand in the field, quotes and escapes included; empty: not given. */
struct forwarded_element {
	struct span by, client, host, proto; /* client: for= */
};

enum { FORWARDED_ELEMENTS_MAX = 32 };

/* The elements of one field value, in its order; those beyond the last FORWARDED_ELEMENTS_MAX are
 * forgotten from the front. ERR_FORMAT: not RFC 7239 4, or a parameter twice in one element. */
MUST enum err forwarded_read(struct span value,
			     struct forwarded_element ret[FORWARDED_ELEMENTS_MAX], size_t *ret_n);

/* A node of for= or by= (RFC 7239 6), or one item of X-Forwarded-For; port 0 without one, or with
 * an obfuscated one. ERR_ABSENT: "unknown" or an obfuscated name; ERR_FORMAT. */
MUST enum err forwarded_node_read(struct span node, struct ip_endpoint *ret);

/* The last item of a comma-separated list, off its end; false: none left. Blanks are trimmed. */
bool forwarded_item_before(struct span *list, struct span *ret);

/* One element: for=192.0.2.1;host=…;proto=…;by=…, with quotes where RFC 7239 4 wants them. host
 * and proto: empty leaves them out; by: NULL leaves it out. */
void forwarded_write(struct writer *w, const struct ip_address *client, struct span host,
		     struct span proto, const struct ip_endpoint *by);

#endif
