/* Files of wg(8) and wg-quick(8): their lines read, and a client's file written. Opens nothing, and
 * knows not what an interface does with a setting. */
#ifndef PROTO_WIREGUARD_WG_QUICK_H
#define PROTO_WIREGUARD_WG_QUICK_H

#include "base/writer.h"
#include "proto/ip/prefix.h"

enum wg_quick_section { WG_QUICK_NONE, WG_QUICK_INTERFACE, WG_QUICK_PEER };

/* What the two programs know; wg-quick's own are those from ADDRESS to SAVE_CONFIG. */
enum wg_quick_key {
	WG_QUICK_UNKNOWN,
	/* [Interface] */
	WG_QUICK_PRIVATE_KEY,
	WG_QUICK_LISTEN_PORT,
	WG_QUICK_FWMARK,
	WG_QUICK_ADDRESS,
	WG_QUICK_DNS,
	WG_QUICK_MTU,
	WG_QUICK_TABLE,
	WG_QUICK_PRE_UP,
	WG_QUICK_POST_UP,
	WG_QUICK_PRE_DOWN,
	WG_QUICK_POST_DOWN,
	WG_QUICK_SAVE_CONFIG,
	/* [Peer] */
	WG_QUICK_PUBLIC_KEY,
	WG_QUICK_PRESHARED_KEY,
	WG_QUICK_ENDPOINT,
	WG_QUICK_ALLOWED_IPS,
	WG_QUICK_PERSISTENT_KEEPALIVE,
};

enum wg_quick_kind {
	WG_QUICK_BEGIN,	  /* a section begins */
	WG_QUICK_SETTING, /* key = value of the section */
	WG_QUICK_COMMENT, /* a whole line of it, without the mark: people write a peer's name there
			   */
	WG_QUICK_WRONG,	  /* none of these; value: the line */
};

struct wg_quick_line {
	enum wg_quick_kind kind;
	uint32_t number; /* from 1 */
	enum wg_quick_section section;
	enum wg_quick_key key; /* UNKNOWN: none of its section */
	struct span name;      /* the key as it stands there */
	struct span value;     /* without blanks at its ends, and without a comment behind it */
};

/* A walk over the lines of a file; its storage may be copied. */
struct wg_quick_walk {
	struct span rest;
	uint32_t number;
	enum wg_quick_section section;
};
static inline struct wg_quick_walk wg_quick_begin(struct span text)
{
	return (struct wg_quick_walk){.rest = text};
}

/* The next line that is not empty; false: the file is over. */
MUST bool wg_quick_next(struct wg_quick_walk *w, struct wg_quick_line *ret);

/* The next item of a list with commas, without blanks, and past it; false: no more. Empty items are
 * passed over. */
MUST bool wg_quick_item(struct span *list, struct span *ret);

/* --- the file that a client imports --- */

struct wg_quick_client {
	struct span private_key; /* base64 text; empty: a line that says to put it there */
	const struct ip_prefix *addresses;
	size_t addresses_n;
	const struct ip_address *dns;
	size_t dns_n;
	struct span search; /* a domain for names without a dot; may be empty */
	uint32_t mtu;	    /* 0: not said */
	/* The other end. */
	struct span public_key, preshared_key; /* base64; the second may be empty */
	struct span endpoint;		       /* HOST:PORT */
	const struct ip_prefix *allowed;
	size_t allowed_n;
	uint16_t keepalive_s; /* 0: not said */
};

/* w is bad when it does not fit. */
void wg_quick_write(struct writer *w, const struct wg_quick_client *c);

#endif
