/* The text by which tools set a WireGuard interface up and look at it (the cross-platform userspace
 * protocol of wireguard.com/xplatform): requests read, answers written. Knows no socket, and
 *neither an interface nor which of its peers there are.
 *
 *	uapi_request_read	one request at the start of what came
 *	uapi_set_read		judges all of a `set=1`: after OK its changes can be walked without
 *error uapi_set_peer		each peer that it names; uapi_set_allowed: each of its allowed IPs
 *	uapi_write_…		what `get=1` answers, and the line that ends every answer
 *
 * A `set=1` is judged whole before the first change is told, so that a wrong line changes nothing.
 * All that is read lies in the caller's text, keys too: who owns it wipes it. */
#ifndef PROTO_WIREGUARD_UAPI_H
#define PROTO_WIREGUARD_UAPI_H

#include "base/parse.h"
#include "base/writer.h"
#include "proto/ip/prefix.h"
#include "proto/wireguard/key.h"

enum {
	UAPI_LINE_MAX = 256, /* octets of a line; the longest that means something has some 80 */
	UAPI_INTERFACE_MAX = 256, /* octets of uapi_write_interface at most */
	UAPI_PEER_MAX = 640,	  /* of uapi_write_peer */
	UAPI_ALLOWED_MAX = 64,	  /* of uapi_write_allowed */
	UAPI_END_MAX = 32,	  /* of uapi_write_end */
};

enum uapi_operation { UAPI_GET, UAPI_SET };

struct uapi_request {
	enum uapi_operation operation;
	struct span body; /* UAPI_SET: the lines after the first, each with its end */
};

/* The request at the start of text, up to the empty line that ends it. *ret_len: its octets, with
 * that line. PARSE_BAD: the first line is neither get=1 nor set=1, a line is too long, or a get
 * says more than that. */
MUST enum parse uapi_request_read(struct span text, struct uapi_request *ret, size_t *ret_len);

/* Bits of uapi_interface.says. */
enum {
	UAPI_PRIVATE_KEY = 1 << 0, /* all zeros: none from now on */
	UAPI_LISTEN_PORT = 1 << 1, /* 0: any */
	UAPI_FWMARK = 1 << 2,	   /* 0: none */
	UAPI_REPLACE_PEERS = 1 << 3,
};

struct uapi_interface {
	unsigned says;
	uint8_t private_key[WG_KEY_LEN]; /* wiped by uapi_interface_done */
	uint16_t listen_port;
	uint32_t fwmark;
};
void uapi_interface_done(struct uapi_interface *i); /* for AUTO_DONE */

/* Bits of uapi_peer.says. */
enum {
	UAPI_REMOVE = 1 << 0,
	UAPI_UPDATE_ONLY = 1 << 1,   /* a peer that is not there is not made */
	UAPI_PRESHARED_KEY = 1 << 2, /* all zeros: none from now on */
	UAPI_ENDPOINT = 1 << 3,
	UAPI_KEEPALIVE = 1 << 4, /* 0: none */
	UAPI_REPLACE_ALLOWED = 1 << 5,
};

struct uapi_peer {
	unsigned says;
	uint8_t public_key[WG_KEY_LEN];
	uint8_t preshared_key[WG_KEY_LEN]; /* wiped by uapi_peer_done */
	struct ip_endpoint endpoint;
	uint16_t keepalive_s;
	struct span lines; /* for uapi_set_allowed */
};
void uapi_peer_done(struct uapi_peer *p);

/* What a body says of the interface; *ret_peers: for uapi_set_peer. ERR_FORMAT: a key or a value
 * that the protocol does not have, or not there; ERR_UNSUPPORTED: a version of the protocol other
 * than 1. */
MUST enum err uapi_set_read(struct span body, struct uapi_interface *ret, struct span *ret_peers);

/* The next peer, and past it; false: no more. The same key may come twice. */
MUST bool uapi_set_peer(struct span *peers, struct uapi_peer *ret);

/* The next allowed IP of that peer, and past it; false: no more. *ret_remove: it is to be taken
 * away
 * (`allowed_ip=-…`). Bits beyond the length are cleared. */
MUST bool uapi_set_allowed(struct span *lines, struct ip_prefix *ret, bool *ret_remove);

/* --- answers --- */

/* Each line that `says` has. */
void uapi_write_interface(struct writer *w, const struct uapi_interface *i);

/* What a peer's lines tell beyond its settings. */
struct uapi_peer_state {
	uint64_t last_handshake_s; /* Unix time; both 0: never */
	uint32_t last_handshake_ns;
	uint64_t rx_bytes, tx_bytes;
};

/* settings: says UAPI_ENDPOINT when there is one, UAPI_PRESHARED_KEY when there is one. Its allowed
 * IPs follow, by uapi_write_allowed. */
void uapi_write_peer(struct writer *w, const struct uapi_peer *settings,
		     const struct uapi_peer_state *state);
void uapi_write_allowed(struct writer *w, const struct ip_prefix *p);

/* errno=0 and the empty line; of an error the number that the tools take for it, negative. */
void uapi_write_end(struct writer *w, enum err e);

#endif
